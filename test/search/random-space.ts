/** Random small spaces and limits for property tests. */
import fc from 'fast-check';
import type { Limits } from '../../src/search/limits.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
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

/** A space with limits that at least one of its paths keeps, often just so. */
export const spaceWithLimits: fc.Arbitrary<{ space: Space; limits: Limits }> = randomSpace.chain((space) => {
  const paths = allPaths(space);
  const some = fc.constantFrom(...paths);
  return fc
    .record({
      path: some,
      kind: fc.constantFrom('flops', 'params', 'both', 'none'),
      spare: fc.constantFrom(0, 0, 1, 1000),
    })
    .map(({ path, kind, spare }) => ({
      space,
      limits: {
        ...(kind === 'flops' || kind === 'both' ? { flops: pathFlops(space, path) + spare } : {}),
        ...(kind === 'params' || kind === 'both' ? { params: pathParams(space, path) + spare } : {}),
      },
    }));
});

/** Every path within the limits, found by looking at all. */
export function feasiblePaths(space: Space, limits: Limits): number[][] {
  return allPaths(space).filter(
    (path) =>
      pathFlops(space, path) <= (limits.flops ?? Infinity) && pathParams(space, path) <= (limits.params ?? Infinity),
  );
}
