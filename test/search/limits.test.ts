import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { checkLimits, keepsLimits, limitedPaths, samplePathUnder } from '../../src/search/limits.ts';
import { flopsRange, pathFlops, pathLatency, pathParams } from '../../src/space/cost.ts';
import { withLatency } from '../../src/space/latency.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { allPaths, chiSquare, chiSquareBound, mbconv, spaceOf } from '../sampling/toy-space.ts';
import { feasiblePaths, spaceWithLimits } from './random-space.ts';

const mixed = spaceOf(
  [8, 12, 8, 6].map((outChannels, index) => ({
    name: `layer${index}`,
    stride: index === 2 ? 2 : 1,
    inChannels: [8, 8, 12, 8][index]!,
    outChannels,
    operations: [mbconv(3), mbconv(6, 5), mbconv(2, 7), { kind: 'identity' as const }],
  })),
);

/** Latencies in no common unit, which fall where FLOPs rise in some layers. */
const timed = withLatency(mixed, {
  fixed: 0.7,
  layers: mixed.layers.map((_, layer) => [0.31 + layer / 7, 1.1 / (layer + 1), Math.sqrt(layer + 0.5), 0]),
});

describe('samplePathUnder', () => {
  const all = allPaths(mixed);
  const middle = (costs: number[]): number => costs.sort((a, b) => a - b)[Math.floor(costs.length / 2)]!;
  const flops = middle(all.map((path) => pathFlops(mixed, path)));
  const params = middle(all.map((path) => pathParams(mixed, path)));

  const latency = middle(all.map((path) => pathLatency(timed, path)!));

  for (const [name, limits] of Object.entries({
    none: {},
    flops: { flops },
    params: { params },
    both: { flops, params },
    latency: { latency },
    all: { flops, params, latency: 1.2 * latency },
  })) {
    it(`draws every path within the limits equally often (limits: ${name})`, () => {
      const expected = feasiblePaths(timed, limits);
      expect(expected.length).to.be.above(20);
      const counts = new Map(expected.map((path) => [path.join(), 0]));
      const stream = createStream(4, 'test');
      for (let draw = 0; draw < 60 * expected.length; draw++) {
        const key = samplePathUnder(timed, limits, stream).join();
        counts.set(key, counts.get(key)! + 1);
      }
      expect(counts.size).to.equal(expected.length);
      expect(chiSquare([...counts.values()])).to.be.below(chiSquareBound(expected.length - 1));
    });
  }

  it('never exceeds a limit, whatever the space, the limits and the seed', () => {
    fc.assert(
      fc.property(spaceWithLimits, fc.integer(), ({ space, limits }, seed) => {
        const stream = createStream(seed, 'test');
        const allowed = new Set(feasiblePaths(space, limits).map((path) => path.join()));
        for (let draw = 0; draw < 20; draw++) {
          const path = samplePathUnder(space, limits, stream);
          expect(allowed.has(path.join())).to.equal(true);
          expect(keepsLimits(space, limits, path)).to.equal(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is fast and fair on the whole space of 7^21 paths at 330M', () => {
    const space = buildSpace({ preset: 'mobilenet-7' });
    const limits = { flops: 330_000_000 };
    const stream = createStream(6, 'test');
    const began = performance.now();
    const paths = Array.from({ length: 2000 }, () => samplePathUnder(space, limits, stream));
    expect(performance.now() - began).to.be.below(5000);
    expect(paths.every((path) => pathFlops(space, path) <= limits.flops)).to.equal(true);
    // The same share of paths in a band below the limit as plain rejection finds: four standard deviations of the
    // difference.
    const plain: number[] = [];
    while (plain.length < 2000) {
      const cost = pathFlops(
        space,
        space.layers.map((layer) => stream.integer(layer.operations.length)),
      );
      if (cost <= limits.flops) plain.push(cost);
    }
    const shareIn = (costs: number[]): number => costs.filter((cost) => cost > 315_000_000).length / costs.length;
    expect(shareIn(paths.map((path) => pathFlops(space, path)))).to.be.closeTo(
      shareIn(plain),
      4 * Math.sqrt((2 * 0.25) / 2000),
    );
  });

  it('draws under limits so tight that plain rejection would not end', () => {
    const space = buildSpace({ preset: 'mobilenet-7' });
    const smallest = flopsRange(space).smallest;
    const stream = createStream(6, 'test');
    for (const flops of [smallest, smallest * 1.02, smallest * 1.2]) {
      const path = samplePathUnder(space, { flops, params: 2_000_000 }, stream);
      expect(pathFlops(space, path)).to.be.at.most(flops);
      expect(pathParams(space, path)).to.be.at.most(2_000_000);
    }
  });
});

describe('checkLimits', () => {
  it('accepts every limit from the smallest value up, and none at all', () => {
    const { smallest, largest } = flopsRange(mixed);
    for (const limits of [{}, { flops: smallest }, { flops: largest * 2 }, { params: 1e12, flops: undefined }]) {
      expect(() => checkLimits(mixed, limits)).not.to.throw();
    }
    expect(limitedPaths(mixed, { flops: smallest }).findOthers(() => false, 9).paths.length).to.be.above(0);
  });

  it('refuses an impossible limit within a second, with the smallest and largest values', () => {
    const space = buildSpace({ preset: 'mobilenet-13-se' });
    const { smallest, largest } = flopsRange(space);
    const began = performance.now();
    for (const flops of [1, smallest - 1]) {
      const attempt = () => checkLimits(space, { flops });
      expect(attempt)
        .to.throw(GreedynasError, `${smallest} (smallest) to ${largest} (largest) FLOPs`)
        .with.property('code', 'usage');
      expect(attempt).to.throw(`at most ${flops} FLOPs`);
    }
    expect(() => checkLimits(space, { params: 1000 }))
      .to.throw(GreedynasError, 'limits.params')
      .with.property('code', 'usage');
    expect(performance.now() - began).to.be.below(1000);
  });

  it('refuses limits that no path keeps at once, with both ranges', () => {
    // Without an expanding convolution the 7x7 kernel has more parameters; the expansion by 2 runs before the stride
    // and has more FLOPs.
    const space = spaceOf([
      { name: 'a', stride: 2, inChannels: 8, outChannels: 8, operations: [mbconv(1, 7), mbconv(2, 3)] },
    ]);
    const [wide, deep] = allPaths(space).map((path) => ({
      flops: pathFlops(space, path),
      params: pathParams(space, path),
    }));
    expect(wide!.flops).to.be.below(deep!.flops);
    expect(wide!.params).to.be.above(deep!.params);
    expect(() => checkLimits(space, wide!)).not.to.throw();
    expect(() => checkLimits(space, deep!)).not.to.throw();
    const attempt = () => checkLimits(space, { flops: wide!.flops, params: deep!.params });
    expect(attempt).to.throw(GreedynasError, 'at once').with.property('code', 'usage');
    expect(attempt).to.throw(
      `${wide!.flops} (smallest) to ${deep!.flops} (largest) FLOPs; ${deep!.params} (smallest) to ${wide!.params}`,
    );
  });

  it('takes a latency limit to the last digit, and refuses one below, with the range in ms', () => {
    const times = allPaths(timed).map((path) => pathLatency(timed, path)!);
    const [smallest, largest] = [Math.min(...times), Math.max(...times)];
    expect(() => checkLimits(timed, { latency: smallest })).not.to.throw();
    expect(() => checkLimits(timed, { latency: smallest - 1e-6 }))
      .to.throw(GreedynasError, `${smallest} (smallest) to ${largest} (largest) ms of latency`)
      .with.property('code', 'usage');
    expect(() => checkLimits(timed, { latency: Number.POSITIVE_INFINITY })).not.to.throw();
  });

  it('refuses a latency limit where nothing is known of latency, and says what to give', () => {
    expect(() => checkLimits(mixed, { latency: 80 }))
      .to.throw(GreedynasError, '--latency-table')
      .with.property('code', 'usage');
  });

  it('refuses what is not a positive number', () => {
    for (const flops of [0, -5, Number.NaN]) {
      expect(() => checkLimits(mixed, { flops }))
        .to.throw(GreedynasError, 'limits.flops')
        .with.property('code', 'usage');
    }
  });
});
