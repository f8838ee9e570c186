import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { batchLooks } from '../../src/sampling/racing.ts';
import { rankByLoss } from '../../src/sampling/ranking.ts';
import type { RankingRound } from '../../src/sampling/sampler.ts';
import type { Path } from '../../src/space/space.ts';
import type { Scores, StackPart } from '../../src/supernet/supernet.ts';
import { createLedger } from '../../src/training/ledger.ts';
import { createPathRanker, type PathRankerOptions, sameChoice } from '../../src/training/rank-paths.ts';

const images = 200;
const whole = { start: 0, count: images };

/** Paths [0] … [9], whose losses rise with their number, on images of which some are harder. */
const stream = createStream(3, 'losses');
const difficulty = Array.from({ length: images }, () => stream.uniform());
const table = Array.from({ length: 10 }, (_, path) =>
  difficulty.map((each) => 1 + each + 0.05 * path + 0.1 * stream.uniform()),
);
const paths: Path[] = table.map((_, path) => [path]);
const round: RankingRound = { paths, places: paths.map(() => 1), keep: 5 };
const mean = (losses: ArrayLike<number>): number =>
  Array.from(losses).reduce((sum, each) => sum + each, 0) / losses.length;

function opened(changes: Partial<PathRankerOptions> = {}) {
  const asked: { path: number; part: StackPart }[] = [];
  const prepared: number[] = [];
  let now = 0;
  const ledger = createLedger({ clock: () => now });
  const rank = ([path]: Path, part: StackPart = whole): Scores => {
    asked.push({ path: path!, part });
    now += part.count;
    const losses = Float32Array.from(table[path!]!.slice(part.start, part.start + part.count));
    return { losses, correct: new Uint8Array(part.count), loss: mean(losses), top1: 0, top5: 0 };
  };
  const ranker = createPathRanker({
    supernet: { rank },
    ledger,
    prepare: (step) => prepared.push(step),
    racing: null,
    ...changes,
  });
  return { ranker, asked, prepared, ledger };
}

const racing = { looks: batchLooks(20, 20, images), confidence: 0.95, audit: false };

describe('createPathRanker', () => {
  it('without racing scores each path on all images, and counts them', () => {
    const { ranker, asked, prepared, ledger } = opened();
    const { losses, order } = ranker.rank(7, round);
    expect(prepared).to.deep.equal([7]);
    expect(asked).to.deep.equal(paths.map(([path]) => ({ path, part: whole })));
    expect(order).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [path, loss] of losses.entries()) expect(loss).to.be.closeTo(mean(table[path]!), 1e-6);
    expect(ledger.counts).to.deep.equal({ optimised: 0, evaluated: 10 * images });
    expect(ledger.seconds.rank).to.equal(10 * images);
    expect(ranker.counts).to.equal(null);
  });

  it('racing counts the images that were evaluated and those that were spared', () => {
    const { ranker, asked, ledger } = opened({ racing });
    const { order } = ranker.rank(0, round);
    expect([...order.slice(0, 5)].sort()).to.deep.equal([0, 1, 2, 3, 4]);
    const evaluated = asked.reduce((sum, { part }) => sum + part.count, 0);
    expect(evaluated).to.be.below(5 * images);
    expect(ledger.counts.evaluated).to.equal(evaluated);
    expect(ranker.counts).to.deep.equal({ rounds: 1, spared: 10 * images - evaluated, audited: 0, agreed: 0 });
    // All parts of a path together are without gap or overlap.
    for (const [number] of paths) {
      const parts = asked.filter(({ path }) => path === number).map(({ part }) => part);
      for (const [index, part] of parts.entries()) {
        const before = parts[index - 1] ?? { start: 0, count: 0 };
        expect(part.start).to.equal(before.start + before.count);
      }
    }
  });

  it('goes on counting from earlier sessions', () => {
    const counts = { rounds: 4, spared: 1000, audited: 3, agreed: 2 };
    const { ranker } = opened({ racing, counts });
    expect(ranker.counts).to.deep.equal(counts);
    ranker.rank(0, round);
    expect(ranker.counts).to.deep.include({ rounds: 5, audited: 3, agreed: 2 });
    expect(ranker.counts!.spared).to.be.above(1000);
  });

  it('an audit evaluates the rest, on an account of its own, and changes nothing', () => {
    const plain = opened({ racing });
    const audited = opened({ racing: { ...racing, audit: true } });
    expect(audited.ranker.rank(0, round)).to.deep.equal(plain.ranker.rank(0, round));
    expect(audited.ledger.counts).to.deep.equal(plain.ledger.counts);
    expect(audited.ledger.seconds.rank).to.equal(plain.ledger.seconds.rank);
    expect(audited.ledger.seconds.audit).to.equal(10 * images - plain.ledger.counts.evaluated);
    expect(audited.asked.reduce((sum, { part }) => sum + part.count, 0)).to.equal(10 * images);
    expect(audited.ranker.counts).to.deep.include({ audited: 1, agreed: 1 });
  });

  it('an audit sees where the race chose otherwise', () => {
    // At a confidence of next to nothing the first look decides; over all images path 9 is the best.
    const turned = table.map((losses, path) => losses.map((loss, image) => (path === 9 && image >= 20 ? 0 : loss)));
    const before = table.splice(0, 10, ...turned);
    try {
      const { ranker } = opened({ racing: { ...racing, confidence: 1e-9, audit: true } });
      const { order } = ranker.rank(0, round);
      expect(order.indexOf(9)).to.be.at.least(5);
      expect(ranker.counts).to.deep.include({ audited: 1, agreed: 0 });
    } finally {
      table.splice(0, 10, ...before);
    }
  });
});

describe('sameChoice', () => {
  it('compares the first places as a set, with the places that each path takes', () => {
    const places = [1, 1, 1, 1];
    expect(sameChoice([0, 1, 2, 3], [1, 0, 3, 2], places, 2)).to.equal(true);
    expect(sameChoice([0, 1, 2, 3], [0, 2, 1, 3], places, 2)).to.equal(false);
    expect(sameChoice([0, 1, 2], rankByLoss([1, 2, 3]), [1, 2, 1], 2)).to.equal(true);
    expect(sameChoice([1, 0, 2], [0, 1, 2], [1, 2, 1], 2)).to.equal(false);
  });
});
