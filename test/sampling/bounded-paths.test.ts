import { expect } from 'chai';
import fc from 'fast-check';
import { createStream } from '../../src/random/stream.ts';
import { type BoundedPaths, boundPaths, type CostBound } from '../../src/sampling/bounded-paths.ts';
import { chiSquare, chiSquareBound } from './toy-space.ts';

function pathsOf(counts: readonly number[]): number[][] {
  return counts.reduce<number[][]>(
    (paths, count) => paths.flatMap((path) => Array.from({ length: count }, (_, operation) => [...path, operation])),
    [[]],
  );
}

function feasible(bounds: readonly CostBound[], counts: readonly number[]): number[][] {
  return pathsOf(counts).filter((path) =>
    bounds.every(
      ({ limit, fixed, layers }) =>
        path.reduce((sum, operation, layer) => sum + layers[layer]![operation]!, fixed) <= limit,
    ),
  );
}

/** Draws of each feasible path; fails on one that is not feasible. */
function drawCounts(paths: BoundedPaths, expected: readonly number[][], draws: number): number[] {
  const counts = new Map(expected.map((path) => [path.join(), 0]));
  const stream = createStream(17, 'test');
  for (let draw = 0; draw < draws; draw++) {
    const key = paths.sample(stream).join();
    expect(counts.has(key), key).to.equal(true);
    counts.set(key, counts.get(key)! + 1);
  }
  return [...counts.values()];
}

/** Costs as no common unit divides them, over many orders of magnitude: rounding to units has to be corrected. */
function awkwardCosts(layers: number, operations: number, seed: number): number[][] {
  const stream = createStream(seed, 'costs');
  return Array.from({ length: layers }, () =>
    Array.from({ length: operations }, () => 1 + Math.floor(10 ** (9 * stream.uniform()))),
  );
}

describe('boundPaths', () => {
  const counts = [4, 4, 4, 4];

  for (const [name, limitAt] of [
    ['few', 0.02],
    ['half', 0.5],
    ['most', 0.95],
  ] as const) {
    it(`draws uniformly under one limit that leaves ${name} of the paths`, () => {
      const layers = awkwardCosts(4, 4, 3);
      const sums = pathsOf(counts).map((path) =>
        path.reduce((sum, operation, layer) => sum + layers[layer]![operation]!, 5),
      );
      const limit = sums.sort((a, b) => a - b)[Math.floor(limitAt * sums.length)]!;
      const bounds = [{ limit, fixed: 5, layers }];
      const expected = feasible(bounds, counts);
      const seen = drawCounts(boundPaths(bounds, counts)!, expected, 100 * expected.length);
      expect(chiSquare(seen)).to.be.below(chiSquareBound(expected.length - 1));
    });
  }

  it('draws uniformly under two limits that pull apart', () => {
    const up = [
      [0, 10, 20, 30],
      [0, 7, 14, 90],
      [1, 2, 3, 4],
      [0, 5, 50, 51],
    ];
    const down = up.map((costs) => costs.map((cost) => 101 * (100 - cost)));
    const bounds = [
      { limit: 90, fixed: 3, layers: up },
      { limit: 101 * 345, fixed: 0, layers: down },
    ];
    const expected = feasible(bounds, counts);
    expect(expected.length).to.be.within(20, 150);
    const seen = drawCounts(boundPaths(bounds, counts)!, expected, 200 * expected.length);
    expect(chiSquare(seen)).to.be.below(chiSquareBound(expected.length - 1));
  });

  it('draws uniformly where rounding admits many paths that do not fit', () => {
    // The limit admits two dear operations less one: after rounding every pair of them fits too.
    const layers = Array.from({ length: 8 }, (_, layer) => [0, 500_000_001 + layer]);
    const bounds = [{ limit: 1_000_000_000, fixed: 0, layers }];
    const eight = Array.from({ length: 8 }, () => 2);
    const expected = feasible(bounds, eight);
    expect(expected).to.have.length(9);
    expect(chiSquare(drawCounts(boundPaths(bounds, eight)!, expected, 9000))).to.be.below(chiSquareBound(8));
  });

  it('reaches every operation without any limit, uniformly', () => {
    const paths = boundPaths([], [3, 2])!;
    expect(chiSquare(drawCounts(paths, pathsOf([3, 2]), 6000))).to.be.below(chiSquareBound(5));
  });

  it('finds out exactly whether any path fits, and all of those that do', () => {
    const cost = fc.integer({ min: 0, max: 12 });
    const problem = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }).chain((sizes) =>
      fc.record({
        sizes: fc.constant(sizes),
        bounds: fc.array(
          fc.record({
            limit: fc.integer({ min: 0, max: 40 }),
            fixed: fc.integer({ min: 0, max: 5 }),
            layers: fc.tuple(...sizes.map((size) => fc.array(cost, { minLength: size, maxLength: size }))),
          }),
          { maxLength: 3 },
        ),
        seed: fc.integer(),
      }),
    );
    fc.assert(
      fc.property(problem, ({ sizes, bounds, seed }) => {
        const expected = feasible(bounds, sizes);
        const paths = boundPaths(bounds, sizes);
        expect(paths !== null).to.equal(expected.length > 0);
        if (paths === null) return;
        const all = paths.findOthers(() => false, 1000);
        expect(all.complete).to.equal(true);
        expect(all.paths).to.have.deep.members(expected);
        for (const path of pathsOf(sizes))
          expect(paths.fits(path)).to.equal(expected.some((other) => other.join() === path.join()));
        const stream = createStream(seed, 'test');
        for (let draw = 0; draw < 20; draw++) expect(paths.fits(paths.sample(stream))).to.equal(true);
      }),
      { numRuns: 150 },
    );
  });

  it('gives a path that fits, and various ones, where no draw is left to be tried', () => {
    const layers = awkwardCosts(4, 4, 3);
    const falling = layers.map((costs) => costs.map((cost) => 10 ** 9 - cost));
    const sum = (path: readonly number[]): number =>
      path.reduce((total, operation, layer) => total + layers[layer]![operation]!, 0);
    const sums = pathsOf(counts)
      .map(sum)
      .sort((a, b) => a - b);
    // At least a quarter and at most half of what costs range over: a walk from the cheapest path has to stay between.
    const bounds = [
      { limit: sums[128]!, fixed: 0, layers },
      { limit: 4 * 10 ** 9 - sums[64]!, fixed: 0, layers: falling },
    ];
    const paths = boundPaths(bounds, counts, 0)!;
    const stream = createStream(2, 'test');
    const drawn = Array.from({ length: 200 }, () => paths.sample(stream));
    expect(drawn.every((path) => sum(path) >= sums[64]! && sum(path) <= sums[128]!)).to.equal(true);
    expect(new Set(drawn.map((path) => path.join())).size).to.be.above(5);
  });

  it('lists other paths than the known, and says whether there are more', () => {
    const layers = [
      [0, 1, 2],
      [0, 1, 2],
    ];
    const paths = boundPaths([{ limit: 2, fixed: 0, layers }], [3, 3])!;
    const known = (path: readonly number[]): boolean => path[0] === 0;
    expect(paths.findOthers(known, 2)).to.deep.equal({
      paths: [
        [1, 0],
        [1, 1],
      ],
      complete: false,
    });
    expect(paths.findOthers(known, 4)).to.deep.equal({
      paths: [
        [1, 0],
        [1, 1],
        [2, 0],
      ],
      complete: true,
    });
    expect(paths.findOthers(() => true, 1)).to.deep.equal({ paths: [], complete: true });
  });
});
