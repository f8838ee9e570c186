import { expect } from 'chai';
import fc from 'fast-check';
import { searchMethods } from '../../src/config/search-choices.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import type { Evaluate } from '../../src/search/evaluator.ts';
import { createSearch, searchLength } from '../../src/search/methods.ts';
import { runSearch, type SearchOptions } from '../../src/search/search.ts';
import { flopsRange, pathFlops, pathLatency, pathParams } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';
import { smallConfig } from '../training/small-run.ts';
import { createAdditivePredictor } from './additive-predictor.ts';
import { feasiblePaths, spaceWithLimits, tableLatency } from './random-space.ts';

type Settings = typeof smallConfig.search;

/** Some paths diverge. */
const evaluate: Evaluate = (path) => {
  const quality = path.reduce((sum, operation, layer) => sum + operation * ((layer % 3) + 1), 0);
  return path[0] === 3 ? { loss: Number.NaN, top1: Number.NaN } : { loss: 9 - quality, top1: quality };
};

function counted(): { evaluate: Evaluate; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    evaluate: (path) => {
      asked.push(path.join());
      return evaluate(path);
    },
  };
}

const anySettings = fc
  .record({
    method: fc.constantFrom(...searchMethods),
    initial: fc.constantFrom('pool' as const, 'random' as const),
    objective: fc.constantFrom('top1' as const, 'loss' as const),
    objectives: fc.constantFrom<Settings['objectives']>(['error', 'flops'], ['params', 'loss', 'latency']),
    population: fc.integer({ min: 1, max: 12 }),
    generations: fc.integer({ min: 1, max: 6 }),
    topK: fc.integer({ min: 1, max: 5 }),
    tournament: fc.integer({ min: 1, max: 5 }),
    mutationProbability: fc.double({ min: 0, max: 1, noNaN: true }),
    crossoverProbability: fc.double({ min: 0, max: 1, noNaN: true }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    predictor: fc.record({
      model: fc.constant('perceptron' as const),
      examples: fc.option(fc.integer({ min: 2, max: 20 })),
      queries: fc.integer({ min: 1, max: 8 }),
      top: fc.integer({ min: 1, max: 12 }),
      scan: fc.integer({ min: 1, max: 40 }),
    }),
  })
  .map(({ share, ...rest }): Settings => {
    const mutations = Math.floor(rest.population * share);
    return { ...smallConfig.search, ...rest, mutations, crossovers: rest.population - mutations };
  });

describe('createSearch', () => {
  it('never exceeds a limit, never repeats a path, and ends, whatever the method, space, limits and seed', () => {
    const pool = fc.array(fc.nat(), { maxLength: 8 });
    fc.assert(
      fc.property(spaceWithLimits, anySettings, fc.integer(), pool, ({ space, limits }, settings, seed, picks) => {
        const all = allPaths(space);
        const given: Path[] = picks.map((pick) => all[pick % all.length]!);
        const feasible = feasiblePaths(space, limits).length;
        const length = searchLength(settings);
        const counter = counted();
        const make = (more: Partial<SearchOptions> = {}) =>
          createSearch(
            settings,
            given,
            {
              space,
              limits,
              evaluate: counter.evaluate,
              stream: createStream(seed, 'search'),
              ...more,
            },
            createAdditivePredictor(space),
          );
        const search = make();
        // Restored after every evaluation: that it ends the same way is part of the promise.
        const other = counted();
        let relay = make({ evaluate: other.evaluate });
        for (let candidate = search.next(); candidate !== null; candidate = search.next()) {
          expect(relay.next()).to.deep.equal(candidate);
          relay = make({
            evaluate: other.evaluate,
            stream: createStream(-1, 'other'),
            state: JSON.parse(JSON.stringify(relay.state())),
          });
          expect(JSON.stringify(relay.state())).to.equal(JSON.stringify(search.state()));
        }
        expect(relay.next()).to.equal(null);
        expect(relay.ended).to.equal(search.ended);
        expect(other.asked).to.deep.equal(counter.asked);

        expect(new Set(counter.asked).size).to.equal(counter.asked.length);
        expect(counter.asked).to.have.length(Math.min(feasible, length));
        expect(search.evaluated).to.equal(counter.asked.length);
        expect(search.ended).to.equal(feasible < length ? 'exhausted' : 'complete');
        expect(search.candidates().map(({ path }) => path.join())).to.deep.equal(counter.asked);
        expect(search.ranked()).to.have.length(counter.asked.length);
        for (const { path } of search.ranked()) {
          expect(pathFlops(space, path)).to.be.at.most(limits.flops ?? Infinity);
          expect(pathParams(space, path)).to.be.at.most(limits.params ?? Infinity);
          expect(pathLatency(space, path)).to.be.at.most(limits.latency ?? Infinity);
          // Adding doubles up is exact to a few parts in 10^16.
          expect(tableLatency(space, path)).to.be.at.most((limits.latency ?? Infinity) * (1 + 1e-14));
        }
      }),
      { numRuns: 150 },
    );
  }).timeout(30_000);

  it('begins with the pool where it may, and with chance where search.initial says so', () => {
    const space = toySpace(6, 4);
    const pool = allPaths(space).slice(2000, 2010);
    for (const method of searchMethods) {
      const first = (initial: 'pool' | 'random'): string[] => {
        const { asked, evaluate: counting } = counted();
        const settings = { ...smallConfig.search, method, initial };
        const stream = createStream(3, 'search');
        const options = { space, limits: {}, evaluate: counting, stream };
        runSearch(createSearch(settings, pool, options, createAdditivePredictor(space)));
        return asked.slice(0, 10);
      };
      const keys = pool.map((path) => path.join());
      if (method !== 'random') expect(first('pool'), method).to.deep.equal(keys);
      expect(first('random'), method).to.not.include.members(keys.slice(0, 5));
      expect(first('random').filter((key) => keys.includes(key)).length, method).to.be.below(3);
    }
  });

  it('refuses impossible limits of the largest space within a second, naming smallest and largest', () => {
    const space = buildSpace({ preset: 'mobilenet-13-se' });
    const { smallest, largest } = flopsRange(space);
    for (const method of searchMethods) {
      const began = performance.now();
      const limits = { flops: smallest - 1, params: 5e6 };
      const options = { space, limits, evaluate: () => expect.fail('evaluated'), stream: createStream(1, 'search') };
      expect(() => createSearch({ ...smallConfig.search, method }, [], options, createAdditivePredictor(space)))
        .to.throw(GreedynasError, `${smallest} (smallest) to ${largest} (largest)`)
        .with.property('code', 'usage');
      expect(performance.now() - began).to.be.below(1000);
    }
  });

  it('refuses the state of another method', () => {
    const space = toySpace(3, 3);
    const options = { space, limits: {}, evaluate, stream: createStream(1, 'search') };
    for (const [index, method] of searchMethods.entries()) {
      const predictor = createAdditivePredictor(space);
      const state = createSearch({ ...smallConfig.search, method }, [], options, predictor).state();
      const other = searchMethods[(index + 1) % searchMethods.length]!;
      expect(() => createSearch({ ...smallConfig.search, method: other }, [], { ...options, state }, predictor))
        .to.throw(GreedynasError, 'method')
        .with.property('code', 'io');
    }
  });
});
