import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { mixedShare, probabilityOfAtLeast } from '../../src/sampling/binomial.ts';
import { createGreedySampler, type GreedySamplerOptions } from '../../src/sampling/greedy.ts';
import { rankingOf } from '../../src/sampling/ranking.ts';
import type { RankPaths } from '../../src/sampling/sampler.ts';
import { flopsRange, pathFlops } from '../../src/space/cost.ts';
import type { Path } from '../../src/space/space.ts';
import { allPaths, chiSquare, chiSquareBound, mbconv, spaceOf, toySpace } from './toy-space.ts';

const space = toySpace(6, 4);

function options(changes: Partial<GreedySamplerOptions> = {}): GreedySamplerOptions {
  return {
    space,
    stream: createStream(1, 'sampler'),
    paths: 10,
    keep: 5,
    pool: 1000,
    flopsLimit: null,
    epsilon: 0.8,
    warmupSteps: 0,
    totalSteps: 1000,
    stop: null,
    ...changes,
  };
}

/** A loss that differs from path to path, by which operation 3 is the best in every layer. */
const loss = (path: Path): number =>
  path.reduce((sum, operation, index) => sum + (3 - operation) * (1 + index / 97), 0);
const ranked =
  (losses: (paths: readonly Path[]) => readonly number[]): RankPaths =>
  ({ paths }) =>
    rankingOf(losses(paths));
const score = ranked((paths) => paths.map(loss));

describe('createGreedySampler: rejection', () => {
  it('draws m paths once in k steps and trains the best k, best first, each once', () => {
    const sampler = createGreedySampler(options({ epsilon: 0 }));
    let drawn: readonly Path[] = [];
    let expected: Path[] = [];
    for (let step = 0; step < 500; step++) {
      const sampled = sampler.next(step, (round) => {
        drawn = round.paths;
        return score(round);
      });
      if (step % 5 === 0) expected = [...drawn].sort((a, b) => loss(a) - loss(b)).slice(0, 5);
      expect(sampled.evaluated, `step ${step}`).to.equal(step % 5 === 0 ? drawn.length : 0);
      if (drawn.length === 10) expect(sampled.paths).to.deep.equal([expected[step % 5]]);
    }
    expect(sampler.rounds).to.equal(100);
  });

  it('drains its queue: a new ranking follows after k steps (the queue of a known port never does)', () => {
    const sampler = createGreedySampler(options({ epsilon: 0, space: toySpace(12, 4) }));
    const trained = Array.from({ length: 50 }, (_, step) => sampler.next(step, score).paths[0]!.join());
    expect(new Set(trained).size).to.equal(50);
  });

  it('ranks NaN and infinities last, keeps them out of the pool, and breaks ties by the order of drawing', () => {
    const sampler = createGreedySampler(options({ epsilon: 0, keep: 10, space: toySpace(12, 4) }));
    let drawn: readonly Path[] = [];
    const given = [Number.NaN, 2, Number.POSITIVE_INFINITY, 1, 2, Number.NEGATIVE_INFINITY, 1, 0, 2, Number.NaN];
    const trained = Array.from({ length: 10 }, (_, step) =>
      sampler.next(step, ({ paths }) => {
        drawn = paths;
        return rankingOf(given);
      }),
    ).map((sampled) => drawn.indexOf(sampled.paths[0]!));
    expect(trained).to.deep.equal([7, 3, 6, 1, 4, 8, 0, 2, 5, 9]);
    expect(sampler.pool.entries().map((entry) => entry.loss)).to.deep.equal([0, 1, 1, 2, 2, 2]);
  });

  it('scores a path drawn twice once, but keeps both its places, so that always k steps follow', () => {
    const tiny = toySpace(1, 2);
    const sampler = createGreedySampler(options({ space: tiny }));
    for (let step = 0; step < 200; step++) {
      const sampled = sampler.next(step, ({ paths, places, keep }) => {
        expect(new Set(paths.map((path) => path.join())).size).to.equal(paths.length);
        expect(places.reduce((sum, each) => sum + each, 0)).to.equal(10);
        expect(keep).to.equal(5);
        return rankingOf(paths.map(([operation]) => operation!));
      });
      expect(sampled.evaluated > 0).to.equal(step % 5 === 0);
    }
    expect(sampler.rounds).to.equal(40);
    expect(sampler.evaluated).to.be.at.most(80);
    // Smoothed once a round, not once for each of its places.
    expect(sampler.pool.entries().every((entry) => entry.evaluations <= 40)).to.equal(true);
  });

  it('reports a scorer that returns the wrong number of losses', () => {
    const sampler = createGreedySampler(options());
    expect(() => sampler.next(0, () => rankingOf([1]))).to.throw(RangeError, 'losses');
    const again = createGreedySampler(options({ space: toySpace(12, 4) }));
    const stuttering: RankPaths = ({ paths }) => ({ losses: paths.map(loss), order: paths.map(() => 0) });
    expect(() => again.next(0, stuttering)).to.throw(RangeError, 'places');
  });

  it('trains by the order that a ranking gives, even where the losses, which go into the pool, say otherwise', () => {
    const sampler = createGreedySampler(options({ epsilon: 0, space: toySpace(12, 4), offered: 'top' }));
    let drawn: readonly Path[] = [];
    const backwards: RankPaths = ({ paths }) => {
      drawn = paths;
      return { losses: paths.map((_, index) => index), order: paths.map((_, index) => 9 - index) };
    };
    const trained = Array.from({ length: 5 }, (_, step) => sampler.next(step, backwards).paths[0]!);
    expect(trained).to.deep.equal([9, 8, 7, 6, 5].map((index) => drawn[index]));
    expect(sampler.pool.entries().map((entry) => entry.loss)).to.deep.equal([5, 6, 7, 8, 9]);
  });
});

describe('createGreedySampler: pool and warm-up', () => {
  it('samples uniformly without scoring during warm-up, and ranks from its end on', () => {
    const sampler = createGreedySampler(options({ warmupSteps: 20, totalSteps: 40 }));
    for (let step = 0; step < 20; step++) {
      const sampled = sampler.next(step, () => expect.fail('scored during warm-up'));
      expect(sampled).to.deep.include({ epsilon: 0, evaluated: 0, fromPool: false });
    }
    expect(sampler.pool.size).to.equal(0);
    const first = sampler.next(20, score);
    expect(first.evaluated).to.be.above(0);
    expect(first.epsilon).to.equal(0);
    expect(sampler.pool.size).to.equal(first.evaluated);
    for (let step = 21; step < 39; step++) sampler.next(step, score);
    expect(sampler.next(39, score).epsilon).to.equal(0.8);
  });

  it('offers all m paths by default, and only the trained ones if asked', () => {
    const all = createGreedySampler(options({ epsilon: 0, space: toySpace(12, 4) }));
    all.next(0, score);
    expect(all.pool.size).to.equal(10);
    const kept = createGreedySampler(options({ epsilon: 0, space: toySpace(12, 4), offered: 'top' }));
    const best = kept.next(0, score).paths[0];
    expect(kept.pool.size).to.equal(5);
    expect(kept.pool.best(1)[0]!.path).to.deep.equal(best);
  });

  it('keeps paths over the FLOPs limit out of the pool, but may train them', () => {
    const { smallest, largest } = flopsRange(space);
    const flopsLimit = (smallest + largest) / 2;
    const sampler = createGreedySampler(options({ flopsLimit }));
    let over = 0;
    for (let step = 0; step < 500; step++)
      over += Number(pathFlops(space, sampler.next(step, score).paths[0]!) > flopsLimit);
    expect(over).to.be.above(0);
    expect(sampler.pool.size).to.be.above(100);
    expect(sampler.pool.entries().every((entry) => entry.flops <= flopsLimit)).to.equal(true);
  });

  it('draws each path from the pool with probability ε', () => {
    // Every path is in the pool or not by its FLOPs, so that the share of trained paths from the pool is ε.
    const sampler = createGreedySampler(options({ epsilon: 0.3, keep: 10, totalSteps: 1 }));
    sampler.next(0, score);
    let fromPool = 0;
    const draws = 20_000;
    for (let step = 10; step < 10 + draws; step++) fromPool += Number(sampler.next(step, score).fromPool);
    // Five standard deviations: sqrt(0.3 · 0.7 / 20,000) = 0.00324.
    expect(fromPool / draws).to.be.closeTo(0.3, 0.0163);
  });

  it('draws uniformly over the space where it does not draw from the pool', () => {
    const small = toySpace(2, 4);
    const sampler = createGreedySampler(options({ space: small, epsilon: 0.5, keep: 10, totalSteps: 1, pool: 3 }));
    const counts = new Map(allPaths(small).map((path) => [path.join(), 0]));
    for (let step = 0; step < 20_000; step++) {
      const sampled = sampler.next(step, score);
      if (sampled.fromPool) continue;
      const key = sampled.paths[0]!.join();
      counts.set(key, counts.get(key)! + 1);
    }
    expect(chiSquare([...counts.values()])).to.be.below(chiSquareBound(15));
  });

  it('samples uniformly while the pool is empty, whatever ε', () => {
    const sampler = createGreedySampler(options({ epsilon: 1, totalSteps: 1 }));
    for (let step = 0; step < 100; step++) {
      const sampled = sampler.next(
        step,
        ranked((paths) => paths.map(() => Number.NaN)),
      );
      expect(sampled.fromPool).to.equal(false);
    }
  });
});

describe("createGreedySampler: the theorem's share of good paths", () => {
  // One layer decides: three of its five operations are cheap, so 60 % of all paths are under the limit. "Good" is
  // being under the limit: then the pool's gate keeps the pool all good.
  const small = (index: number) => ({
    name: `small${index}`,
    stride: 1,
    inChannels: 8,
    outChannels: 8,
    operations: [mbconv(1), mbconv(2), mbconv(1, 5), mbconv(2, 5)],
  });
  const decisive = {
    name: 'decisive',
    stride: 1,
    inChannels: 8,
    outChannels: 256,
    operations: [1, 2, 3, 9, 10].map((expansion) => mbconv(expansion)),
  };
  const mixed = spaceOf([small(0), small(1), small(2), small(3), decisive]);
  const isGood = (path: Path): boolean => path[4]! <= 2;
  const flops = allPaths(mixed).map((path) => ({ good: isGood(path), flops: pathFlops(mixed, path) }));
  const flopsLimit = Math.max(...flops.filter((path) => path.good).map((path) => path.flops));

  it('is 60 % by construction, and the limit separates it', () => {
    expect(flops.filter((path) => path.good).length / flops.length).to.equal(0.6);
    expect(flops.filter((path) => !path.good).every((path) => path.flops > flopsLimit)).to.equal(true);
  });

  /** How often all 5 trained paths are good, which ranking makes the same as "at least 5 of the 10 drawn are good". */
  function allFiveGood(epsilon: number, rounds: number, seed: number): number {
    const sampler = createGreedySampler(
      options({ space: mixed, stream: createStream(seed, 'sampler'), epsilon, totalSteps: 1, flopsLimit }),
    );
    // From the last step on ε is constant; the first rounds fill the pool.
    const judge = ranked((paths) => paths.map((path) => (isGood(path) ? 1 : 2)));
    for (let step = 0; step < 50; step++) sampler.next(step, judge);
    let count = 0;
    for (let round = 0; round < rounds; round++) {
      const trained = Array.from({ length: 5 }, (_, index) => sampler.next(50 + 5 * round + index, judge).paths[0]!);
      count += Number(trained.every(isGood));
    }
    expect(sampler.pool.entries().every((entry) => isGood(entry.path))).to.equal(true);
    return count / rounds;
  }

  // Bounds: four standard deviations of the share, which chance exceeds once in 16,000 seeds.
  const rounds = 6000;
  for (const [epsilon, expected] of [
    [0, 0.83376],
    [0.5, 0.99363],
  ] as const) {
    it(`with ε = ${epsilon}, at least 5 of 10 are good with probability ${expected}`, () => {
      const exact = probabilityOfAtLeast(5, 10, mixedShare(epsilon, 0.6));
      expect(exact).to.be.closeTo(expected, 5e-6);
      expect(allFiveGood(epsilon, rounds, 11)).to.be.closeTo(exact, 4 * Math.sqrt((exact * (1 - exact)) / rounds));
    });
  }
});

describe('createGreedySampler: stop rule', () => {
  it('stops once the pool is steady and not before, and shows π each time', () => {
    const small = toySpace(2, 4);
    const sampler = createGreedySampler(
      options({ space: small, keep: 5, totalSteps: 1000, warmupSteps: 10, stop: { alpha: 0.08, every: 20 } }),
    );
    const shown: { step: number; pi: number }[] = [];
    for (let step = 0; step < 400 && sampler.stopped === null; step++) {
      const sampled = sampler.next(step, score);
      if (sampled.pi !== undefined) shown.push({ step, pi: sampled.pi });
    }
    expect(shown.length).to.be.above(1);
    expect(shown).to.deep.equal(sampler.checks);
    expect(shown.every((check) => check.step % 20 === 19)).to.equal(true);
    expect(shown.slice(0, -1).every((check) => check.pi > 0.08)).to.equal(true);
    expect(sampler.stopped).to.deep.equal(shown.at(-1));
    expect(sampler.stopped!.pi).to.be.at.most(0.08);
  });

  it('never stops without a rule, nor while every snapshot differs', () => {
    const free = createGreedySampler(options({ space: toySpace(1, 2) }));
    for (let step = 0; step < 200; step++) expect(free.next(step, score).pi).to.equal(undefined);
    expect(free.stopped).to.equal(null);
    const changing = createGreedySampler(
      options({ epsilon: 0, pool: 20, space: toySpace(12, 4), stop: { alpha: 0.08, every: 10 } }),
    );
    let next = 0;
    for (let step = 0; step < 300; step++)
      changing.next(
        step,
        ranked((paths) => paths.map(() => next--)),
      );
    expect(changing.checks).to.have.length(30);
    expect(changing.stopped).to.equal(null);
  });
});

describe('createGreedySampler: saved state', () => {
  it('goes on from JSON text exactly as if it had never stopped', () => {
    const run = fc.record({
      seed: fc.integer({ min: 0, max: 1000 }),
      before: fc.integer({ min: 0, max: 60 }),
      after: fc.integer({ min: 1, max: 60 }),
      warmupSteps: fc.integer({ min: 0, max: 30 }),
      pool: fc.integer({ min: 1, max: 40 }),
      keep: fc.integer({ min: 1, max: 10 }),
      operations: fc.integer({ min: 1, max: 4 }),
      stop: fc.option(
        fc.record({ alpha: fc.double({ min: 0, max: 0.5, noNaN: true }), every: fc.integer({ min: 2, max: 15 }) }),
      ),
    });
    fc.assert(
      fc.property(run, ({ seed, before, after, operations, ...settings }) => {
        const make = (state?: unknown) =>
          createGreedySampler(
            options({
              ...settings,
              space: toySpace(4, operations),
              totalSteps: 90,
              stream: createStream(state === undefined ? seed : -1, 'sampler'),
              state,
            }),
          );
        // A loss that depends on how the supernet changed: the same in both runs at the same step, at times NaN.
        const noisy = (step: number) =>
          ranked((paths) =>
            paths.map((path) => ((step * 7 + path[0]!) % 11 === 0 ? Number.NaN : loss(path) + Math.sin(step))),
          );
        const straight = make();
        const first = make();
        for (let step = 0; step < before; step++) {
          expect(first.next(step, noisy(step))).to.deep.equal(straight.next(step, noisy(step)));
        }
        const restored = make(JSON.parse(JSON.stringify(first.state())));
        expect(restored.state()).to.deep.equal(straight.state());
        for (let step = before; step < before + after; step++) {
          expect(restored.next(step, noisy(step))).to.deep.equal(straight.next(step, noisy(step)));
        }
        expect(JSON.stringify(restored.state())).to.equal(JSON.stringify(straight.state()));
        expect(restored.stopped).to.deep.equal(straight.stopped);
      }),
      { numRuns: 150 },
    );
  });

  it('is a copy: the sampler goes on without changing what was saved', () => {
    const sampler = createGreedySampler(options({ stop: { alpha: 0.1, every: 5 } }));
    for (let step = 0; step < 7; step++) sampler.next(step, score);
    const state = sampler.state();
    const text = JSON.stringify(state);
    for (let step = 7; step < 30; step++) sampler.next(step, score);
    expect(JSON.stringify(state)).to.equal(text);
  });

  it('refuses what is damaged or of other options, naming the place', () => {
    const made = options({ stop: { alpha: 0.1, every: 5 }, pool: 8 });
    const sampler = createGreedySampler(made);
    for (let step = 0; step < 7; step++) sampler.next(step, score);
    type Saved = {
      queue: { path: number[]; fromPool: boolean }[];
      pool: { capacity: number; paths: object[] };
      stop: object;
    };
    const good = sampler.state() as Saved;
    const bad: [unknown, string][] = [
      [7, 'the whole'],
      [{ ...good, method: 'uniform' }, 'method'],
      [{ ...good, queue: 'none' }, 'queue'],
      [{ ...good, queue: [{ ...good.queue[0], path: [0, 0, 0, 0, 0, 4] }] }, 'operation 4 of layer layer5'],
      [{ ...good, queue: Array.from({ length: 6 }, () => good.queue[0]) }, 'queue'],
      [{ ...good, rounds: -1 }, 'rounds'],
      [{ ...good, evaluated: 1.5 }, 'evaluated'],
      [{ ...good, stop: null }, 'sampling.stop'],
      [{ ...good, stop: { ...good.stop, snapshot: [[9]] } }, 'stop.snapshot[0]'],
      [{ ...good, pool: { ...good.pool, capacity: 9 } }, 'pool: capacity'],
      [{ ...good, pool: { ...good.pool, paths: [...good.pool.paths, good.pool.paths[0]] } }, 'exceed the capacity'],
      [{ ...good, pool: undefined }, 'pool'],
      [{ ...good, stream: { i: 0, j: 0, S: [] } }, 'stream.S'],
      [JSON.parse(JSON.stringify(good).replace('{', '{"__proto__": {"rounds": 3},')), '__proto__'],
    ];
    for (const [state, place] of bad) {
      expect(() => createGreedySampler({ ...made, state }), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
    expect(() => createGreedySampler({ ...made, state: good })).not.to.throw();
  });
});

describe('createGreedySampler: options', () => {
  it('refuses what contradicts itself, naming the key', () => {
    const bad: [Partial<GreedySamplerOptions>, string][] = [
      [{ paths: 4, keep: 5 }, 'sampling.keep'],
      [{ keep: 0 }, 'sampling.keep'],
      [{ paths: 1.5 }, 'sampling.paths'],
      [{ pool: 0 }, 'sampling.pool'],
      [{ epsilon: 1.01 }, 'sampling.epsilon'],
      [{ epsilon: Number.NaN }, 'sampling.epsilon'],
      [{ warmupSteps: -1 }, 'sampling.warmupSteps'],
      [{ totalSteps: 0 }, 'training.steps'],
      [{ flopsLimit: flopsRange(space).smallest - 1 }, `${flopsRange(space).smallest} to ${flopsRange(space).largest}`],
      [{ flopsLimit: Number.NaN }, 'sampling.flopsLimit'],
      [{ stop: { alpha: 0.1, every: 1 } }, 'sampling.stop.every'],
    ];
    for (const [changes, key] of bad) {
      expect(() => createGreedySampler(options(changes)), key)
        .to.throw(GreedynasError, key)
        .with.property('code', 'usage');
    }
  });
});
