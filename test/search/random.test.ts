import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createCachedEvaluator, type Evaluate } from '../../src/search/evaluator.ts';
import { createRandomSearch, type RandomSearchOptions, randomPaths, searchRandom } from '../../src/search/random.ts';
import { pathFlops } from '../../src/space/cost.ts';
import { allPaths, chiSquare, chiSquareBound, toySpace } from '../sampling/toy-space.ts';
import { feasiblePaths } from './random-space.ts';

const space = toySpace(4, 3);
const evaluate: Evaluate = (path) => ({ loss: path[0]!, top1: path.reduce((sum, gene) => sum + gene, 0) / 8 });
const limits = {
  flops: allPaths(space)
    .map((path) => pathFlops(space, path))
    .sort((a, b) => a - b)[40]!,
};

function options(changes: Partial<RandomSearchOptions> = {}): RandomSearchOptions {
  return { space, limits, count: 20, evaluate, stream: createStream(3, 'random'), ...changes };
}

describe('randomPaths', () => {
  it('gives distinct paths within the limits, each as likely as any other', () => {
    const feasible = feasiblePaths(space, limits);
    const counts = new Map(feasible.map((path) => [path.join(), 0]));
    for (let seed = 0; seed < 3000; seed++) {
      const paths = randomPaths(options({ count: 3, stream: createStream(seed, 'random') }));
      expect(new Set(paths.map((path) => path.join())).size).to.equal(3);
      for (const path of paths) counts.set(path.join(), counts.get(path.join())! + 1);
    }
    expect(counts.size).to.equal(feasible.length);
    expect(chiSquare([...counts.values()])).to.be.below(chiSquareBound(feasible.length - 1));
  });

  it('gives all there are if that is fewer than asked for', () => {
    expect(randomPaths(options({ count: 1000 }))).to.have.deep.members(feasiblePaths(space, limits));
  });

  it('refuses a count below 1', () => {
    for (const count of [0, -1, 1.5])
      expect(() => randomPaths(options({ count })))
        .to.throw(GreedynasError, 'number of paths')
        .with.property('code', 'usage');
  });
});

describe('searchRandom', () => {
  it('evaluates the paths once and ranks them', () => {
    const evaluator = createCachedEvaluator({ space, evaluate });
    const found = searchRandom(options({ evaluate: evaluator.evaluate }));
    expect(found).to.have.length(20);
    expect(evaluator.evaluations).to.equal(20);
    expect(found.every((candidate, index) => index === 0 || found[index - 1]!.top1 >= candidate.top1)).to.equal(true);
    expect(found.every(({ flops }) => flops <= limits.flops)).to.equal(true);
  });

  it('says when the limits leave fewer paths', () => {
    const search = createRandomSearch(options({ count: 1000 }));
    while (search.next() !== null) expect(search.evaluated).to.be.above(0);
    expect(search.ended).to.equal('exhausted');
    expect(search.ranked()).to.have.length(feasiblePaths(space, limits).length);
  });

  it('goes on from its state as JSON text', () => {
    const straight = createRandomSearch(options());
    const first = createRandomSearch(options());
    for (let index = 0; index < 7; index++) expect(first.next()).to.deep.equal(straight.next());
    expect(first.ended).to.equal(null);
    const state: unknown = JSON.parse(JSON.stringify(first.state()));
    const restored = createRandomSearch(options({ state, stream: createStream(-1, 'other') }));
    for (let step = straight.next(); step !== null; step = straight.next()) expect(restored.next()).to.deep.equal(step);
    expect(restored.state()).to.deep.equal(straight.state());
    expect(restored.ended).to.equal('complete');
  });

  it('refuses a damaged state', () => {
    const search = createRandomSearch(options());
    search.next();
    const good = search.state() as { paths: number[][]; evaluated: object[] };
    const bad: [unknown, string][] = [
      [{ ...good, paths: [[2, 2, 2, 2]] }, 'over the limits'],
      [{ ...good, paths: good.paths.slice(1) }, 'evaluated[0]'],
      [{ ...good, paths: [] }, 'paths'],
      [{ ...good, evaluated: [1] }, 'evaluated[0]'],
    ];
    for (const [state, place] of bad) {
      expect(() => createRandomSearch(options({ state })), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
  });
});
