import { expect } from 'chai';
import fc from 'fast-check';
import type { ObjectiveName } from '../../src/config/search-choices.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { type Candidate, createCachedEvaluator, type Evaluate, hasDiverged } from '../../src/search/evaluator.ts';
import { createNsga2, type Nsga2Options, survivorsOf } from '../../src/search/nsga2.ts';
import { objectiveValues, paretoFront } from '../../src/search/objectives.ts';
import { dominates } from '../../src/search/pareto.ts';
import { createRandomSearch } from '../../src/search/random.ts';
import { runSearch } from '../../src/search/search.ts';
import { flopsRange, pathFlops } from '../../src/space/cost.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';
import { hypervolume } from './hypervolume.ts';
import { spaceWithLimits } from './random-space.ts';

/** 4,096 paths, few enough to know the front. */
const space = toySpace(6, 4);
const { smallest, largest } = flopsRange(space);

/** Each layer gains less with each step of expansion, by an amount of its own; errors stay between 0 and 1. */
const worth = space.layers.map((_, layer) => 0.2 + createStream(layer, 'worth').uniform());
const evaluate: Evaluate = (path) => {
  const gain = path.reduce((sum, operation, layer) => sum + worth[layer]! * Math.sqrt(operation), 0);
  return { top1: gain / 15, loss: 5 - gain / 3 };
};
const all = (() => {
  const evaluator = createCachedEvaluator({ space, evaluate });
  return allPaths(space).map((path) => evaluator.evaluate(path));
})();

const volume = (candidates: readonly Candidate[]): number =>
  hypervolume(
    candidates.map(({ top1, flops }) => [1 - top1, (flops - smallest) / (largest - smallest)] as const),
    [1, 1.01],
  );

function options(changes: Partial<Nsga2Options> = {}): Nsga2Options {
  return {
    space,
    limits: {},
    evaluate,
    initial: [],
    population: 30,
    generations: 20,
    objectives: ['error', 'flops'],
    crossoverProbability: 0.9,
    mutationProbability: 0.15,
    stream: createStream(1, 'search'),
    ...changes,
  };
}

function candidate(name: number, top1: number, flops: number): Candidate {
  return { path: [name], top1, flops, loss: 1 - top1, params: 1 };
}

describe('hypervolume', () => {
  it('is what squares on paper say', () => {
    expect(hypervolume([], [4, 4])).to.equal(0);
    expect(hypervolume([[1, 1]], [4, 4])).to.equal(9);
    // Two corners, one dominated point, one outside.
    expect(
      hypervolume(
        [
          [1, 3],
          [2, 1],
          [3, 3],
          [5, 0],
        ],
        [4, 4],
      ),
    ).to.equal(3 + 2 * 2);
  });
});

describe('survivorsOf', () => {
  it('takes whole fronts, then the loneliest of the one that does not fit', () => {
    // The front is 0, 1, 2, 3, evenly spread but for 1, which sits beside 0; 4 and 5 are dominated.
    const given = [
      candidate(0, 0.1, 1),
      candidate(1, 0.11, 1.1),
      candidate(2, 0.5, 5),
      candidate(3, 0.9, 9),
      candidate(4, 0.1, 8),
      candidate(5, 0.05, 9),
    ];
    const names = (population: number): number[] =>
      survivorsOf(given, population, ['error', 'flops']).map((placed) => placed.candidate.path[0]!);
    // In one generation, so that the ends come first, then by crowding: 2 has wide gaps, 1 a narrow one.
    expect(names(6)).to.deep.equal([0, 3, 2, 1, 4, 5]);
    expect(survivorsOf(given, 6, ['error', 'flops']).map(({ front }) => front)).to.deep.equal([0, 0, 0, 0, 1, 2]);
    expect(
      survivorsOf(given.slice(0, 4), 3, ['error', 'flops']).map(({ candidate: { path } }) => path[0]),
    ).to.include.members([0, 3]);
  });

  it('is elitist: what no candidate of any generation dominates survives while there is room', () => {
    const scores = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 12 }), (some, population) => {
        const given = some.map(([score, flops], index) => candidate(index, score / 10, flops));
        const survivors = survivorsOf(given, population, ['error', 'flops']);
        expect(survivors).to.have.length(Math.min(population, given.length));
        const frontOf = (those: readonly Candidate[]) => paretoFront(['error', 'flops'], those);
        // A front that was once too long has lost a path, which may be on the front again once others are dominated.
        const ends = Array.from(
          { length: Math.ceil(given.length / population) },
          (_, index) => (index + 1) * population,
        );
        if (ends.some((end) => frontOf(given.slice(0, end)).length > population)) return;
        const kept = survivors.map((placed) => placed.candidate.path[0]!);
        expect(kept).to.include.members(frontOf(given).map(({ path }) => path[0]!));
      }),
    );
  });

  it('never gets worse from one generation to the next, whatever the space, the limits and the objectives', () => {
    const settings = fc.record({
      // Room for both ends in each objective.
      population: fc.integer({ min: 6, max: 12 }),
      seed: fc.nat(),
      objectives: fc.constantFrom<ObjectiveName[]>(
        ['error', 'flops'],
        ['loss', 'params'],
        ['error', 'latency'],
        ['error', 'flops', 'latency'],
      ),
    });
    let generations = 0;
    fc.assert(
      fc.property(spaceWithLimits, settings, (bounded, { population, seed, objectives }) => {
        const stream = createStream(seed, 'scores');
        const largest = flopsRange(bounded.space).largest;
        // What costs more is mostly better: long fronts. Few different scores, so that many are equal, and some that diverge.
        const scored: Evaluate = (path) => {
          const cost = pathFlops(bounded.space, path) / largest;
          const top1 = stream.uniform() < 0.1 ? Number.NaN : Math.round(40 * cost + 4 * stream.uniform()) / 50;
          return { top1, loss: 1 - top1 };
        };
        const search = createNsga2(
          options({ ...bounded, evaluate: scored, objectives, population, generations: 6, stream }),
        );
        runSearch(search);
        const given = search.candidates();
        let before: readonly Candidate[] = [];
        for (let end = population; end < given.length + population; end += population) {
          const placed = survivorsOf(given.slice(0, end), population, objectives);
          const front = placed.filter((one) => one.front === 0 && !hasDiverged(one.candidate));
          const values = front.map((one) => objectiveValues(objectives, one.candidate));
          for (const old of before) {
            const was = objectiveValues(objectives, old);
            // The front has nothing that an earlier one beats …
            expect(values.some((value) => dominates(was, value))).to.equal(false);
            // … and reaches as far in each objective.
            for (const [index, value] of was.entries()) {
              expect(Math.min(...values.map((point) => point[index]!))).to.be.at.most(value);
            }
          }
          if (before.length > 0) generations += 1;
          before = front.map((one) => one.candidate);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
    expect(generations).to.be.above(50);
  });

  it('puts what diverged last, however cheap', () => {
    const given = [candidate(0, Number.NaN, 1), candidate(1, 0.1, 9), candidate(2, 0.05, 10), candidate(3, 0.2, 8)];
    const order = survivorsOf(given, 4, ['error', 'flops']).map((placed) => placed.candidate.path[0]!);
    expect(order).to.deep.equal([3, 1, 2, 0]);
  });
});

describe('createNsga2', () => {
  it('finds nearly the whole known front with a seventh of the evaluations, and more than random search does', () => {
    const known = volume(all);
    const front = paretoFront(['error', 'flops'], all).map(({ path }) => path.join());
    for (let seed = 0; seed < 5; seed++) {
      const found = runSearch(createNsga2(options({ stream: createStream(seed, 'search') })));
      expect(found).to.have.length(600);
      const random = runSearch(
        createRandomSearch({ space, limits: {}, count: 600, evaluate, stream: createStream(seed, 'random') }),
      );
      expect(volume(found) / known).to.be.above(0.99);
      expect(volume(found)).to.be.above(volume(random));
      const hit = paretoFront(['error', 'flops'], found).filter(({ path }) => front.includes(path.join()));
      const luck = paretoFront(['error', 'flops'], random).filter(({ path }) => front.includes(path.join()));
      expect(hit.length).to.be.above(2 * luck.length);
    }
  });

  it('grows the hypervolume of its survivors, generation by generation', () => {
    const search = createNsga2(options());
    const volumes: number[] = [];
    while (search.next() !== null) {
      if (search.evaluated % 30 > 0) continue;
      volumes.push(volume(survivorsOf(search.candidates(), 30, ['error', 'flops']).map((placed) => placed.candidate)));
    }
    expect(volumes).to.have.length(20);
    for (const [index, after] of volumes.slice(1).entries()) expect(after).to.be.at.least(0.995 * volumes[index]!);
    expect(volumes[19]).to.be.above(1.05 * volumes[0]!);
    expect(volumes[19]! / volume(all)).to.be.above(0.98);
  });

  it('keeps the whole range, not a crowd in between', () => {
    const front = paretoFront(['error', 'flops'], runSearch(createNsga2(options())));
    const range = largest - smallest;
    expect(front[0]!.flops).to.be.below(smallest + 0.1 * range);
    expect(front.at(-1)!.flops).to.be.above(largest - 0.1 * range);
    expect(front.length).to.be.above(20);
  });

  it('trades off what it is told to', () => {
    const found = runSearch(createNsga2(options({ objectives: ['loss', 'params'], generations: 6 })));
    const front = paretoFront(['loss', 'params'], found);
    for (const [index, { loss, params }] of front.entries()) {
      if (index === 0) continue;
      expect(loss).to.be.below(front[index - 1]!.loss);
      expect(params).to.be.above(front[index - 1]!.params);
    }
    const search = createNsga2(options({ objectives: ['error', 'latency'], generations: 2 }));
    expect(() => runSearch(search))
      .to.throw(GreedynasError, 'search.objectives: has latency')
      .with.property('code', 'usage');
  });

  it('refuses what is out of range', () => {
    const bad: [Partial<Nsga2Options>, string][] = [
      [{ population: 0 }, 'search.population'],
      [{ generations: 0.5 }, 'search.generations'],
      [{ crossoverProbability: 1.5 }, 'search.crossoverProbability'],
      [{ mutationProbability: -1 }, 'search.mutationProbability'],
    ];
    for (const [changes, key] of bad) {
      expect(() => createNsga2(options(changes)), key)
        .to.throw(GreedynasError, key)
        .with.property('code', 'usage');
    }
  });
});
