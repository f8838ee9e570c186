import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import type { Evaluate } from '../../src/search/evaluator.ts';
import { createRandomSearch } from '../../src/search/random.ts';
import {
  createRegularizedEvolution,
  type RegularizedEvolutionOptions,
} from '../../src/search/regularized-evolution.ts';
import { runSearch } from '../../src/search/search.ts';
import type { Path } from '../../src/space/space.ts';
import { toySpace } from '../sampling/toy-space.ts';

const space = toySpace(10, 5);

/** What an operation is worth depends on the layer and on the operation after it. */
function evaluateBy(seed: number): Evaluate {
  const stream = createStream(seed, 'worth');
  const worth = space.layers.map(() => Array.from({ length: 25 }, () => stream.uniform()));
  return (path) => {
    const gain = path.reduce(
      (sum, operation, layer) => sum + worth[layer]![5 * operation + (path[layer + 1] ?? 0)]!,
      0,
    );
    return { top1: gain / 10, loss: 10 - gain };
  };
}

function options(changes: Partial<RegularizedEvolutionOptions> = {}): RegularizedEvolutionOptions {
  return {
    space,
    limits: {},
    evaluate: evaluateBy(1),
    initial: [],
    population: 20,
    tournament: 5,
    evaluations: 200,
    stream: createStream(1, 'search'),
    ...changes,
  };
}

const distance = (one: Path, other: Path): number =>
  one.filter((operation, layer) => operation !== other[layer]).length;

describe('createRegularizedEvolution', () => {
  it('changes one layer of a path that is alive: one of the last `population` evaluated', () => {
    const search = createRegularizedEvolution(options());
    runSearch(search);
    const order = search.candidates().map(({ path }) => path);
    expect(order).to.have.length(200);
    for (let index = 20; index < order.length; index++) {
      const alive = order.slice(index - 20, index);
      expect(Math.min(...alive.map((parent) => distance(parent, order[index]!))), String(index)).to.equal(1);
    }
    // Aging: the best ever is not a parent for ever. Some child has no parent among all but the last 20.
    const best = search.ranked()[0]!.path;
    expect(order.slice(-20).some((path) => distance(path, best) > 2)).to.equal(true);
  });

  it('with a sample of the whole population breeds nearly always from its best, with a sample of one from any', () => {
    const parentRank = (tournament: number): number => {
      const search = createRegularizedEvolution(options({ tournament }));
      runSearch(search);
      const all = search.candidates();
      let sum = 0;
      for (let index = 20; index < all.length; index++) {
        const alive = all.slice(index - 20, index).toSorted((a, b) => b.top1 - a.top1);
        sum += alive.findIndex(({ path }) => distance(path, all[index]!.path) === 1) / 180;
      }
      return sum;
    };
    expect(parentRank(100)).to.be.below(1);
    expect(parentRank(1)).to.be.above(3);
  });

  it('beats random search at equal evaluations', () => {
    let wins = 0;
    for (let seed = 0; seed < 8; seed++) {
      const evaluate = evaluateBy(seed);
      const bred = runSearch(createRegularizedEvolution(options({ evaluate, stream: createStream(seed, 'search') })));
      const stream = createStream(seed, 'random');
      const random = runSearch(createRandomSearch({ space, limits: {}, count: 200, evaluate, stream }));
      wins += Number(bred[0]!.top1 > random[0]!.top1);
    }
    expect(wins).to.be.at.least(7);
  });

  it('stops in the middle of the first population where fewer evaluations are asked for', () => {
    expect(runSearch(createRegularizedEvolution(options({ evaluations: 7 })))).to.have.length(7);
  });

  it('refuses a state that is damaged or of other limits, and options out of range', () => {
    const search = createRegularizedEvolution(options());
    for (let index = 0; index < 25; index++) search.next();
    const good = search.state() as Record<string, unknown> & { evaluated: object[]; first: Path[] };
    const bad: [unknown, string][] = [
      [null, 'the whole'],
      [{ ...good, method: 'random' }, 'method'],
      [{ ...good, first: [] }, 'first'],
      [{ ...good, first: good.first.toReversed() }, 'evaluated[0]: must be of first[0]'],
      [{ ...good, evaluated: [...good.evaluated, good.evaluated[3]] }, 'twice'],
      [{ ...good, ended: 'complete' }, 'ended'],
      [{ ...good, stream: 3 }, 'stream'],
    ];
    for (const [state, place] of bad) {
      expect(() => createRegularizedEvolution(options({ state })), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
    const cheap = { flops: 1 + Math.min(...search.candidates().map(({ flops }) => flops)) };
    expect(() => createRegularizedEvolution(options({ state: good, limits: cheap }))).to.throw('over the limits');
    for (const key of ['population', 'tournament', 'evaluations'] as const) {
      expect(() => createRegularizedEvolution(options({ [key]: 0 })))
        .to.throw(GreedynasError, `search.${key}`)
        .with.property('code', 'usage');
    }
  });
});
