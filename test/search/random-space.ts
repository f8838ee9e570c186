/** Random small spaces, with latencies, and limits for property tests. */
import fc from 'fast-check';
import type { Limits } from '../../src/search/limits.ts';
import { pathFlops, pathLatency, pathParams } from '../../src/space/cost.ts';
import { withLatency } from '../../src/space/latency.ts';
import type { Space } from '../../src/space/space.ts';
import { allPaths, mbconv, spaceOf } from '../sampling/toy-space.ts';

const channels = fc.constantFrom(4, 6, 8, 12);

const operation = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom(3, 5, 7))
    .map(([expansion, kernel]) => mbconv(expansion, kernel)),
  fc.constant({ kind: 'identity' } as const),
);

/** 1 to 4 layers of 1 to 4 operations, with strides and changing channels. */
const randomSpace: fc.Arbitrary<Space> = fc
  .array(
    fc.record({
      outChannels: channels,
      stride: fc.constantFrom(1, 1, 2),
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((layers) =>
    spaceOf(
      layers.map((layer, index) => ({
        ...layer,
        name: `layer${index}`,
        inChannels: index === 0 ? 4 : layers[index - 1]!.outChannels,
      })),
    ),
  );

/** Times as devices have them: with no common unit, over several orders of magnitude, some zero. */
const time = fc.oneof(fc.constant(0), fc.double({ min: 1e-5, max: 20, noNaN: true }), fc.constantFrom(0.1, 0.29, 1));

function timed(space: Space): fc.Arbitrary<Space> {
  const layers = space.layers.map(({ operations: { length } }) =>
    fc.array(time, { minLength: length, maxLength: length }),
  );
  return fc.record({ fixed: time, layers: fc.tuple(...layers) }).map((latency) => withLatency(space, latency));
}

/** A space with limits, in any combination, that at least one of its paths keeps, often just so. */
export const spaceWithLimits: fc.Arbitrary<{ space: Space; limits: Limits }> = randomSpace
  .chain(timed)
  .chain((space) => {
    const some = fc.constantFrom(...allPaths(space));
    return fc
      .record({ path: some, kinds: fc.subarray(['flops', 'params', 'latency']), spare: fc.constantFrom(0, 0, 1, 1000) })
      .map(({ path, kinds, spare }) => ({
        space,
        limits: {
          ...(kinds.includes('flops') ? { flops: pathFlops(space, path) + spare } : {}),
          ...(kinds.includes('params') ? { params: pathParams(space, path) + spare } : {}),
          // Zero is no limit.
          ...(kinds.includes('latency')
            ? { latency: Math.max(1e-6, pathLatency(space, path)! * (1 + spare / 100)) }
            : {}),
        },
      }));
  });

/** Every path within the limits, found by looking at all. */
export function feasiblePaths(space: Space, limits: Limits): number[][] {
  return allPaths(space).filter(
    (path) =>
      pathFlops(space, path) <= (limits.flops ?? Infinity) &&
      pathParams(space, path) <= (limits.params ?? Infinity) &&
      (pathLatency(space, path) ?? 0) <= (limits.latency ?? Infinity),
  );
}

/** What the table of a space's latency says of a path, added up as it stands. */
export function tableLatency({ latency }: Space, path: readonly number[]): number {
  return path.reduce((sum, operation, layer) => sum + latency!.layers[layer]![operation]!, latency!.fixed);
}
