import { expect } from 'chai';
import fc from 'fast-check';
import { createStream, type RandomStream } from '../../src/random/stream.ts';
import { batchLooks, type RaceOptions, type RaceResult, race } from '../../src/sampling/racing.ts';
import { rankByLoss } from '../../src/sampling/ranking.ts';

const images = 400;
const looks = batchLooks(40, 40, images);
const options: RaceOptions = { keep: 5, looks, confidence: 0.95 };

/** A standard normal number, Box and Muller. */
function gauss(stream: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform());
}

/**
 * Losses of each path on each image as supernets give them: images differ most (deviation 0.8), paths by `apart`, and each
 * image suits each path a little better or worse (0.4).
 */
function simulated(stream: RandomStream, paths: number, apart: number): number[][] {
  const difficulty = Array.from({ length: images }, () => 0.8 * gauss(stream));
  return Array.from({ length: paths }, () => {
    const quality = 1.5 + apart * gauss(stream);
    return difficulty.map((each) => quality + each + 0.4 * gauss(stream));
  });
}

function mean(losses: readonly number[]): number {
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

interface Watched extends RaceResult {
  readonly evaluated: number;
}

/** Races, and checks what must hold of every race. */
function watched(
  losses: readonly (readonly number[])[],
  changes: Partial<RaceOptions> = {},
  places?: number[],
): Watched {
  const given = { ...options, ...changes };
  const seen = losses.map(() => 0);
  const result = race(places ?? losses.map(() => 1), given, (path, start, count) => {
    expect(start, `path ${path} goes on where it was`).to.equal(seen[path]);
    expect(given.looks, 'parts end at looks').to.include(start + count);
    seen[path] = start + count;
    return losses[path]!.slice(start, start + count);
  });
  expect(result.seen).to.deep.equal(seen);
  expect([...result.order].sort((a, b) => a - b)).to.deep.equal([...losses.keys()]);
  return { ...result, evaluated: seen.reduce((sum, each) => sum + each, 0) };
}

const best = (losses: readonly (readonly number[])[], count: number): string =>
  rankByLoss(losses.map(mean)).slice(0, count).sort().join();
const chosen = ({ order }: RaceResult, count: number): string => order.slice(0, count).sort().join();

/** Shares over many simulated rounds. */
function rounds(count: number, apart: number, changes: Partial<RaceOptions> = {}) {
  const stream = createStream(5, `racing/${apart}`);
  let equal = 0;
  let evaluated = 0;
  for (let round = 0; round < count; round++) {
    const losses = simulated(stream, 10, apart);
    const result = watched(losses, changes);
    if (chosen(result, 5) === best(losses, 5)) equal += 1;
    evaluated += result.evaluated / (10 * images);
  }
  return { equal: equal / count, images: evaluated / count };
}

describe('race', () => {
  it('keeps its confidence, whether paths differ clearly, little, or by nothing but chance', () => {
    const confidence = 0.9;
    // Of 100 rounds at the promised share, fewer than this are equal once in 1,000 times.
    const slack = 3.1 * Math.sqrt((confidence * (1 - confidence)) / 100);
    for (const apart of [0.2, 0.02, 0]) {
      expect(rounds(100, apart, { confidence }).equal, `apart ${apart}`).to.be.at.least(confidence - slack);
    }
  });

  it('evaluates less than half of the images where paths differ, less the clearer they do, nearly all where they do not', () => {
    const clear = rounds(30, 0.5).images;
    const usual = rounds(30, 0.2).images;
    const hard = rounds(30, 0).images;
    expect(clear).to.be.below(0.3);
    expect(usual).to.be.within(clear, 0.5);
    expect(hard).to.be.above(0.85);
  });

  it('spares more at a lower confidence', () => {
    const shares = [0.5, 0.9, 0.999].map((confidence) => rounds(30, 0.1, { confidence }).images);
    expect(shares[0]).to.be.below(shares[1]!);
    expect(shares[1]).to.be.below(shares[2]!);
  });

  it('compares paths on the same images: a difference far below the scatter of the images is found at the first look', () => {
    const stream = createStream(6, 'racing');
    const difficulty = Array.from({ length: images }, () => 10 * gauss(stream));
    const losses = Array.from({ length: 10 }, (_, path) =>
      difficulty.map((each) => each + 0.1 * path + 0.01 * gauss(stream)),
    );
    const { order, seen } = watched(losses);
    expect(order).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // The best one goes on to the end, as what the losses of the others refer to.
    expect(seen).to.deep.equal([images, 40, 40, 40, 40, 40, 40, 40, 40, 40]);
  });

  it('is the full ranking where nothing is sure', () => {
    const losses = simulated(createStream(7, 'racing'), 10, 0.1);
    const { order, seen, losses: found } = watched(losses, { confidence: 1 - 1e-12 });
    expect(seen.filter((each) => each === images).length).to.be.above(1);
    const whole = watched(losses, { looks: [images] });
    expect(whole.order).to.deep.equal(rankByLoss(losses.map(mean)));
    for (const [path, loss] of whole.losses.entries()) expect(loss).to.be.closeTo(mean(losses[path]!), 1e-12);
    expect(order.slice(0, 5).sort()).to.deep.equal(whole.order.slice(0, 5).sort());
    for (const [path, each] of seen.entries()) {
      if (each === images) expect(found[path]).to.be.closeTo(mean(losses[path]!), 1e-12);
    }
  });

  it('estimates the loss over all images, not over those that a path happened to see', () => {
    // The first 40 images are much easier than the rest; all paths alike find them so.
    const stream = createStream(8, 'racing');
    const losses = Array.from({ length: 10 }, (_, path) =>
      Array.from({ length: images }, (_, image) => (image < 40 ? 1 : 3) + 0.2 * path + 0.05 * gauss(stream)),
    );
    const { losses: found, seen } = watched(losses);
    expect(seen.filter((each) => each === 40).length).to.be.above(5);
    for (const [path, loss] of found.entries()) {
      expect(loss, `path ${path}`).to.be.closeTo(mean(losses[path]!), 0.05);
    }
  });

  it('orders the chosen ones by their losses, then the dropped ones by theirs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 9 }), (seed, keep) => {
        const { order, losses } = watched(simulated(createStream(seed, 'racing'), 10, 0.1), { keep });
        for (const group of [order.slice(0, keep), order.slice(keep)]) {
          const sorted = group.map((path) => losses[path]!);
          expect(sorted).to.deep.equal([...sorted].sort((a, b) => a - b));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives a path that was drawn several times so many places', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
        (seed, places) => {
          const draws = places.reduce((sum, each) => sum + each, 0);
          const keep = Math.max(1, Math.floor(draws / 2));
          const losses = simulated(createStream(seed, 'racing'), places.length, 1);
          const { order } = watched(losses, { keep, confidence: 0.9999 }, places);
          const expand = (ranked: readonly number[]) =>
            ranked.flatMap((path) => Array<number>(places[path]!).fill(path)).slice(0, keep);
          const expected = expand(rankByLoss(losses.map(mean)));
          expect(expand(order).sort()).to.deep.equal(expected.sort());
        },
      ),
      { numRuns: 60 },
    );
  });

  it('drops paths whose losses are not finite at once, and ranks them last', () => {
    const losses = simulated(createStream(9, 'racing'), 10, 0.1);
    losses[3] = losses[3]!.map(() => Number.NaN);
    losses[7]![5] = Number.POSITIVE_INFINITY;
    const { order, seen, losses: found } = watched(losses);
    expect([...order.slice(-2)].sort()).to.deep.equal([3, 7]);
    expect([seen[3], seen[7]]).to.deep.equal([40, 40]);
    expect(found[3]).to.satisfy(Number.isNaN);
    for (const path of [0, 1, 2, 4, 5, 6, 8, 9]) expect(found[path]).to.be.closeTo(mean(losses[path]!), 0.2);
    const broken = losses.map((each) => each.map(() => Number.NaN));
    expect(watched(broken).order).to.have.length(10);
  });

  it('evaluates a single path on all images, and refuses parts of another length', () => {
    const [only] = simulated(createStream(10, 'racing'), 1, 0.1);
    const { order, losses, seen } = watched([only!], {}, [10]);
    expect([order, seen]).to.deep.equal([[0], [images]]);
    expect(losses[0]).to.be.closeTo(mean(only!), 1e-12);
    expect(() => race([1, 1], options, () => [1])).to.throw(RangeError, '40 images need as many losses, got 1');
  });
});

describe('batchLooks', () => {
  it('are after the first part and then after each batch', () => {
    expect(batchLooks(100, 50, 300)).to.deep.equal([100, 150, 200, 250, 300]);
    expect(batchLooks(250, 250, 1000)).to.deep.equal([250, 500, 750, 1000]);
    expect(batchLooks(100, 100, 100)).to.deep.equal([100]);
  });
});
