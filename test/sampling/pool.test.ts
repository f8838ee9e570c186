import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createPool, restorePool } from '../../src/sampling/pool.ts';
import type { Path } from '../../src/space/space.ts';
import { chiSquare, chiSquareBound, toySpace } from './toy-space.ts';

const space = toySpace(3, 4);
const flops = (path: Path): number => path.reduce((sum, operation) => sum + operation, 0);

/** The obvious pool: sort everything again after each offer. */
function plainPool(capacity: number, limit: number) {
  let entries: { path: Path; loss: number; evaluations: number }[] = [];
  return {
    entries: () => entries,
    offer(path: Path, fresh: number) {
      const old = entries.find((entry) => entry.path.join() === path.join());
      entries = entries.filter((entry) => entry !== old);
      const loss = old === undefined ? fresh : (old.loss + fresh) / 2;
      if (!Number.isFinite(loss) || flops(path) > limit) return;
      entries.push({ path, loss, evaluations: (old?.evaluations ?? 0) + 1 });
      // Array.prototype.sort is stable: arrivals stay in order among equals.
      entries = entries.sort((a, b) => a.loss - b.loss).slice(0, capacity);
    },
  };
}

describe('createPool', () => {
  it('does what a pool that sorts everything does, on any sequence of offers', () => {
    const loss = fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.double({ min: -2, max: 9, noNaN: true }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    const operation = fc.integer({ min: 0, max: 3 });
    const offers = fc.array(fc.tuple(fc.tuple(operation, operation, operation), loss), { maxLength: 60 });
    fc.assert(
      fc.property(
        offers,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 2, max: 9 }),
        (sequence, capacity, limit) => {
          const pool = createPool({ capacity, flops, accepts: (_path, cost) => cost <= limit });
          const plain = plainPool(capacity, limit);
          for (const [path, fresh] of sequence) {
            const inside = pool.offer(path, fresh);
            plain.offer(path, fresh);
            expect(inside).to.equal(plain.entries().some((entry) => entry.path.join() === path.join()));
            expect(pool.has(path)).to.equal(inside);
          }
          const expected = plain
            .entries()
            .map((entry) => ({ ...entry, path: [...entry.path], flops: flops(entry.path) }));
          expect(pool.entries()).to.deep.equal(expected);
          expect(pool.size).to.equal(expected.length);
          expect(pool.best(3)).to.deep.equal(expected.slice(0, 3));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('smooths a re-evaluated path and moves it to its new place', () => {
    const pool = createPool({ capacity: 10, flops });
    pool.offer([0, 0, 0], 1);
    pool.offer([1, 0, 0], 2);
    pool.offer([0, 0, 0], 5);
    expect(pool.entries()).to.deep.equal([
      { path: [1, 0, 0], loss: 2, flops: 1, evaluations: 1 },
      { path: [0, 0, 0], loss: 3, flops: 0, evaluations: 2 },
    ]);
  });

  it('keeps a smoothed path that has become the worst: nothing pushed it out', () => {
    const pool = createPool({ capacity: 2, flops });
    pool.offer([0, 0, 0], 1);
    pool.offer([1, 0, 0], 2);
    expect(pool.offer([0, 0, 0], 99)).to.equal(true);
    expect(pool.best(2).map((entry) => entry.loss)).to.deep.equal([2, 50]);
  });

  it('evicts the worst, and among equal losses the newcomer stays outside', () => {
    const pool = createPool({ capacity: 2, flops });
    pool.offer([0, 0, 0], 1);
    pool.offer([1, 0, 0], 2);
    expect(pool.offer([2, 0, 0], 2)).to.equal(false);
    expect(pool.offer([3, 0, 0], 1)).to.equal(true);
    expect(pool.entries().map((entry) => entry.path[0])).to.deep.equal([0, 3]);
  });

  it('lets no loss in that is not finite, and removes a path that diverged', () => {
    const pool = createPool({ capacity: 2, flops });
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(pool.offer([0, 0, 0], loss)).to.equal(false);
    pool.offer([0, 0, 0], 1);
    expect(pool.offer([0, 0, 0], Number.NaN)).to.equal(false);
    expect(pool.size).to.equal(0);
  });

  it('is not changed through the paths it was given or gives out', () => {
    const pool = createPool({ capacity: 2, flops });
    const path = [1, 2, 3];
    pool.offer(path, 1);
    path[0] = 0;
    (pool.entries()[0]!.path as number[])[1] = 0;
    expect(pool.entries()[0]!.path).to.deep.equal([1, 2, 3]);
  });

  it('samples uniformly, whatever the losses', () => {
    const pool = createPool({ capacity: 20, flops });
    for (let index = 0; index < 16; index++) pool.offer([index & 3, index >> 2, 0], index ** 3);
    const counts = new Map<string, number>();
    const stream = createStream(3, 'test');
    for (let draw = 0; draw < 16_000; draw++) {
      const key = pool.sample(stream).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).to.equal(16);
    expect(chiSquare([...counts.values()])).to.be.below(chiSquareBound(15));
  });

  it('refuses to sample when empty, and a capacity below 1', () => {
    expect(() => createPool({ capacity: 1, flops }).sample(createStream(1, 'test'))).to.throw(RangeError, 'empty');
    for (const capacity of [0, -1, 1.5, Number.NaN]) {
      expect(() => createPool({ capacity, flops }))
        .to.throw(GreedynasError, 'sampling.pool')
        .with.property('code', 'usage');
    }
  });

  it('stays fast at 50,000 paths: 10,000 offers in a second or so, where sorting each time would take minutes', () => {
    const pool = createPool({ capacity: 50_000, flops: () => 1 });
    const stream = createStream(5, 'test');
    for (let index = 0; index < 50_000; index++) pool.offer([index, 1, 2], index / 50_000);
    expect(pool.size).to.equal(50_000);
    const began = performance.now();
    for (let offer = 0; offer < 10_000; offer++) pool.offer([stream.integer(100_000), 1, 2], stream.uniform());
    expect(performance.now() - began).to.be.below(8_000);
    expect(pool.size).to.equal(50_000);
    const losses = pool.entries().map((entry) => entry.loss);
    expect(losses.every((loss, index) => index === 0 || losses[index - 1]! <= loss)).to.equal(true);
  });
});

describe('restorePool', () => {
  const options = { capacity: 3, flops, accepts: (_path: Path, cost: number) => cost <= 6 };
  const entry = (path: Path, loss: number) => ({ path, loss, flops: flops(path), evaluations: 1 });

  it('gives the pool that toJSON described, through text', () => {
    const pool = createPool(options);
    for (const [first, loss] of [
      [0, 1],
      [1, 1],
      [2, 0.1 + 0.2],
      [1, 3],
    ] as const)
      pool.offer([first, 0, 0], loss);
    const restored = restorePool(space, options, JSON.parse(JSON.stringify(pool)));
    expect(restored.toJSON()).to.deep.equal(pool.toJSON());
    for (const each of [pool, restored]) each.offer([3, 0, 0], 1);
    expect(restored.toJSON()).to.deep.equal(pool.toJSON());
  });

  it('refuses what is not such a pool, naming the place', () => {
    const good = entry([0, 0, 0], 1);
    const bad: [unknown, string][] = [
      ['text', 'the whole'],
      [{ capacity: 3 }, 'paths'],
      [{ capacity: 4, paths: [] }, 'capacity: must be 3'],
      [
        { capacity: 3, paths: [0, 1, 2, 3].map((index) => entry([index, 0, 0], index)) },
        '4 paths exceed the capacity of 3',
      ],
      [{ capacity: 3, paths: [good, good] }, 'paths[1]: path: is in the pool already'],
      [{ capacity: 3, paths: [entry([1, 0, 0], 2), good] }, 'paths[1]: loss'],
      [{ capacity: 3, paths: [{ ...good, path: [0, 0] }] }, 'paths[0].path: must have 3'],
      [
        { capacity: 3, paths: [{ ...good, path: [0, 0, 4] }] },
        'operation 4 of layer layer2 must be an integer from 0 to 3',
      ],
      [{ capacity: 3, paths: [{ ...good, path: [0, 0, '1'] }] }, 'operation "1"'],
      [{ capacity: 3, paths: [{ ...good, path: [0, -1, 0.5] }] }, 'operation -1'],
      [{ capacity: 3, paths: [{ ...good, path: { length: 3 } }] }, 'paths[0].path: must be an array'],
      [{ capacity: 3, paths: [{ ...good, loss: null }] }, 'paths[0].loss'],
      [{ capacity: 3, paths: [{ ...good, evaluations: 0 }] }, 'paths[0].evaluations'],
      [{ capacity: 3, paths: [{ ...good, flops: 7 }] }, 'paths[0]: flops: must be 0'],
      [{ capacity: 3, paths: [entry([3, 3, 3], 1)] }, 'over the pool'],
      [JSON.parse('{"capacity": 3, "paths": [], "__proto__": {"size": 9}}'), '__proto__'],
      [
        {
          capacity: 3,
          paths: [JSON.parse('{"__proto__": {"path": [0,0,0], "loss": 1, "flops": 0, "evaluations": 1}}')],
        },
        'paths[0]',
      ],
    ];
    for (const [value, place] of bad) {
      expect(() => restorePool(space, options, value), JSON.stringify(value))
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
  });
});
