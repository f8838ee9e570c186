/** Spaces and paths for property tests. */
import fc from 'fast-check';
import { buildSpace, spacePresetNames } from '../../src/space/presets.ts';
import type { Path, Space } from '../../src/space/space.ts';

/** A preset at any width. */
const anySpace: fc.Arbitrary<Space> = fc
  .record({ preset: fc.constantFrom(...spacePresetNames), width: fc.constantFrom(0.25, 0.5, 1, 1.4) })
  .map((options) => buildSpace(options));

/** A path of a space. */
export function pathOf(space: Space): fc.Arbitrary<Path> {
  return fc.tuple(...space.layers.map((layer) => fc.nat(layer.operations.length - 1)));
}

/** A space and one of its paths. */
export const spaceAndPath = anySpace.chain((space) => pathOf(space).map((path) => ({ space, path })));

/** The message of what `run` throws; fails if it throws nothing or something without a code. */
export function usageMessage(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'usage') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}
