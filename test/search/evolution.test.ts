import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import type { Candidate, Evaluate } from '../../src/search/evaluator.ts';
import { createEvolution, type EvolutionOptions, evolve } from '../../src/search/evolution.ts';
import type { GenerationState } from '../../src/search/generations.ts';
import { searchRandom } from '../../src/search/random.ts';
import { flopsRange, pathFlops, pathParams } from '../../src/space/cost.ts';
import type { Path, Space } from '../../src/space/space.ts';
import { toySpace } from '../sampling/toy-space.ts';
import { feasiblePaths, spaceWithLimits } from './random-space.ts';

const space = toySpace(12, 5);

/**
 * Accuracy rises with expansion, as in real spaces, with a part of each gene and pair of neighbours that must be found.
 */
function simulated(seed: number): Evaluate {
  const stream = createStream(seed, 'objective');
  const single = space.layers.map((layer) => layer.operations.map(() => stream.uniform()));
  const pairs = space.layers.map(() => Array.from({ length: 25 }, () => stream.uniform()));
  return (path) => {
    const gain = path.reduce(
      (sum, operation, layer) =>
        sum + 0.3 * operation + single[layer]![operation]! + pairs[layer]![operation * 5 + (path[layer + 1] ?? 0)]!,
      0,
    );
    return { top1: gain / 40, loss: 4 - gain / 20 };
  };
}

const { smallest, largest } = flopsRange(space);
const limits = { flops: (smallest + largest) / 2 };

function options(changes: Partial<EvolutionOptions> = {}): EvolutionOptions {
  return {
    space,
    limits,
    evaluate: simulated(1),
    initial: [],
    population: 50,
    generations: 20,
    topK: 10,
    mutations: 25,
    mutationProbability: 0.1,
    crossovers: 25,
    stream: createStream(1, 'search'),
    ...changes,
  };
}

const small = { population: 8, generations: 6, topK: 3, mutations: 4, crossovers: 4 };

function counted(evaluate: Evaluate): { evaluate: Evaluate; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    evaluate: (path) => {
      asked.push(path.join());
      return evaluate(path);
    },
  };
}

describe('evolve', () => {
  it('evaluates population · generations distinct paths, all within the limit, and returns them best first', () => {
    const { evaluate, asked } = counted(simulated(1));
    const states: GenerationState[] = [];
    const found = evolve({ ...options({ evaluate }), onGeneration: (state) => states.push(state) });
    expect(asked).to.have.length(1000);
    expect(new Set(asked).size).to.equal(1000);
    expect(found).to.have.length(1000);
    expect(found.every((candidate) => candidate.flops <= limits.flops)).to.equal(true);
    expect(found.every((candidate, index) => index === 0 || found[index - 1]!.top1 >= candidate.top1)).to.equal(true);
    expect(states.map((state) => state.completed)).to.deep.equal(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(states.at(-1)!.ended).to.equal('complete');
  });

  it('starts with the first of the pool that keep the limits, then random paths', () => {
    const cheap = (last: number): number[] => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last, last];
    const dear = space.layers.map(() => 4);
    const initial = [cheap(1), dear, cheap(1), cheap(2), cheap(3)];
    const { evaluate, asked } = counted(simulated(1));
    evolve(options({ ...small, generations: 1, evaluate, initial }));
    expect(asked.slice(0, 3)).to.deep.equal([cheap(1), cheap(2), cheap(3)].map((path) => path.join()));
    expect(asked).to.have.length(8);
    const many = Array.from({ length: 5 }, (_, last) => cheap(last)).flatMap((path) =>
      [0, 1, 2].map((first) => path.with(0, first)),
    );
    const second = counted(simulated(1));
    evolve(options({ ...small, generations: 1, evaluate: second.evaluate, initial: many }));
    expect(second.asked).to.deep.equal(many.slice(0, 8).map((path) => path.join()));
  });

  it('breeds from the best so far: with neither mutation nor crossover it is random search', () => {
    const mean = (values: readonly Candidate[]): number =>
      values.reduce((sum, { top1 }) => sum + top1, 0) / values.length;
    const bred = evolve(options());
    const random = evolve(options({ mutations: 0, crossovers: 0 }));
    expect(mean(bred)).to.be.above(mean(random) + 0.03);
  });

  it('beats random search at equal evaluations, on average over seeds and nearly always', () => {
    let wins = 0;
    let gain = 0;
    const seeds = 10;
    for (let seed = 0; seed < seeds; seed++) {
      const evaluate = simulated(seed);
      const evolved = evolve(options({ evaluate, stream: createStream(seed, 'search') }));
      const random = searchRandom({
        space,
        limits,
        count: evolved.length,
        evaluate,
        stream: createStream(seed, 'random'),
      });
      expect(random).to.have.length(evolved.length);
      wins += Number(evolved[0]!.top1 > random[0]!.top1);
      gain += (evolved[0]!.top1 - random[0]!.top1) / seeds;
    }
    expect(wins).to.be.at.least(9);
    expect(gain).to.be.above(0.02);
  });

  it('gains from a good pool at equal evaluations', () => {
    let gain = 0;
    for (let seed = 0; seed < 8; seed++) {
      const evaluate = simulated(seed);
      const brief = { evaluate, generations: 4, stream: createStream(seed, 'search') };
      const pool = searchRandom({ space, limits, count: 600, evaluate, stream: createStream(seed, 'pool') }).map(
        ({ path }) => path,
      );
      gain += evolve(options({ ...brief, initial: pool }))[0]!.top1;
      gain -= evolve(options({ ...brief, stream: createStream(seed, 'search') }))[0]!.top1;
    }
    expect(gain / 8).to.be.above(0);
  });

  it('ranks by loss if asked, and breeds from what it ranks first', () => {
    // Accuracy and loss pull apart: which one rules shows in the operation that spreads.
    const evaluate: Evaluate = (path) => ({ top1: -path[0]!, loss: 4 - path[0]! });
    const first = (objective: 'top1' | 'loss'): number[] =>
      evolve(options({ ...small, limits: {}, evaluate, objective })).map(({ path }) => path[0]!);
    const byLoss = first('loss');
    expect(byLoss).to.deep.equal(byLoss.toSorted((a, b) => b - a));
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(byLoss)).to.be.above(mean(first('top1')) + 1);
  });

  it('ranks diverged paths last and goes on', () => {
    const evaluate: Evaluate = (path) =>
      path[0]! > 0 ? { loss: Number.NaN, top1: Number.NaN } : { loss: 1, top1: path[1]! };
    const found = evolve(options({ ...small, evaluate }));
    const diverged = found.map(({ loss }) => Number.isNaN(loss));
    expect(diverged).to.deep.equal(diverged.toSorted((a, b) => Number(a) - Number(b)));
    expect(found[0]!.path[0]).to.equal(0);
    expect(evolve(options({ ...small, evaluate: () => ({ loss: Number.NaN, top1: Number.NaN }) }))).to.have.length(48);
  });

  it('never exceeds a limit, never repeats a path, and ends, whatever the space, the limits and the seed', () => {
    const settings = fc.record({
      population: fc.integer({ min: 1, max: 12 }),
      generations: fc.integer({ min: 1, max: 6 }),
      topK: fc.integer({ min: 1, max: 5 }),
      mutationProbability: fc.double({ min: 0, max: 1, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(spaceWithLimits, settings, ({ space: random, limits: given }, { share, seed, ...rest }) => {
        const mutations = Math.floor(rest.population * share);
        const { evaluate, asked } = counted((path) => ({
          loss: path.length,
          top1: path.reduce((sum, gene) => sum + gene, 0),
        }));
        let last: GenerationState | undefined;
        const found = evolve({
          ...options({ ...rest, mutations, crossovers: rest.population - mutations, limits: given, evaluate }),
          space: random,
          stream: createStream(seed, 'search'),
          onGeneration: (state) => {
            last = state;
          },
        });
        const feasible = feasiblePaths(random, given).length;
        expect(new Set(asked).size).to.equal(asked.length);
        expect(found).to.have.length(Math.min(feasible, rest.population * rest.generations));
        for (const { path } of found) {
          expect(pathFlops(random, path)).to.be.at.most(given.flops ?? Infinity);
          expect(pathParams(random, path)).to.be.at.most(given.params ?? Infinity);
        }
        expect(last!.ended).to.equal(feasible < rest.population * rest.generations ? 'exhausted' : 'complete');
      }),
      { numRuns: 120 },
    );
  });

  it('evaluates every path and says so where the limits leave fewer than a population', () => {
    const tiny: Space = toySpace(2, 3);
    let last: GenerationState | undefined;
    const found = evolve({
      ...options({ space: tiny, limits: {} }),
      onGeneration: (state) => {
        last = state;
      },
    });
    expect(found).to.have.length(9);
    expect(last!.ended).to.equal('exhausted');
    expect(last!.completed).to.equal(1);
  });
});

describe('createEvolution: saved state', () => {
  it('goes on from JSON text after any evaluation exactly as if it had never stopped, without evaluating anything twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 48 }), fc.integer({ min: 0, max: 99 }), (before, seed) => {
        // A part of the paths diverges, so that NaN has to survive JSON.
        const plain = simulated(seed);
        const evaluate: Evaluate = (path) => (path[0] === 2 ? { loss: Number.NaN, top1: 0 } : plain(path));
        const make = (changes: Partial<EvolutionOptions>) => createEvolution(options({ ...small, ...changes }));
        const straight = make({ evaluate, stream: createStream(seed, 'search') });
        const first = make({ evaluate, stream: createStream(seed, 'search') });
        for (let index = 0; index < before; index++) expect(first.next()).to.deep.equal(straight.next());
        const state: unknown = JSON.parse(JSON.stringify(first.state()));
        const rest = counted(evaluate);
        const restored = make({ evaluate: rest.evaluate, stream: createStream(-1, 'other'), state });
        expect(restored.state()).to.deep.equal(straight.state());
        for (let step = straight.next(); step !== null; step = straight.next())
          expect(restored.next()).to.deep.equal(step);
        expect(restored.next()).to.equal(null);
        expect(JSON.stringify(restored.state())).to.equal(JSON.stringify(straight.state()));
        expect(restored.ranked()).to.deep.equal(straight.ranked());
        expect(rest.asked).to.have.length(48 - before);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses what is damaged or of other limits, naming the place', () => {
    const made = options(small);
    const search = createEvolution(made);
    for (let index = 0; index < 10; index++) search.next();
    const good = search.state();
    const dear: Path = space.layers.map(() => 4);
    const bad: [unknown, string][] = [
      [[], 'the whole'],
      [{ ...good, method: 'random' }, 'method'],
      [{ ...good, population: [] }, 'population'],
      [{ ...good, population: [[1]] }, 'population[0]'],
      [{ ...good, population: [dear] }, 'over the limits'],
      [{ ...good, evaluated: [...good.evaluated, good.evaluated[0]] }, 'twice'],
      [{ ...good, evaluated: [{ path: dear.map(() => 0), loss: 'x', top1: 1 }] }, 'evaluated[0].loss'],
      [{ ...good, ended: 'complete' }, 'ended'],
      [{ ...good, ended: 'never' }, 'ended'],
      [{ ...good, completed: 6 }, 'completed: 6 of 6'],
      [{ ...good, stream: null }, 'stream'],
    ];
    for (const [state, place] of bad) {
      expect(() => createEvolution({ ...made, state }), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
  });
});

describe('createEvolution: options', () => {
  it('refuses what is out of range and impossible limits before any evaluation', () => {
    const bad: [Partial<EvolutionOptions>, string][] = [
      [{ population: 0 }, 'search.population'],
      [{ population: 49 }, 'search.population'],
      [{ generations: 1.5 }, 'search.generations'],
      [{ topK: 0 }, 'search.topK'],
      [{ mutations: -1 }, 'search.mutations'],
      [{ mutationProbability: 1.1 }, 'search.mutationProbability'],
      [{ mutationProbability: Number.NaN }, 'search.mutationProbability'],
      [{ limits: { flops: smallest - 1 } }, `${smallest} (smallest)`],
      [{ initial: [[1, 2]] }, 'path'],
    ];
    const began = performance.now();
    for (const [changes, key] of bad) {
      const attempt = () => evolve(options({ evaluate: () => expect.fail('evaluated'), ...changes }));
      expect(attempt, key).to.throw(GreedynasError, key).with.property('code', 'usage');
    }
    expect(performance.now() - began).to.be.below(1000);
  });
});
