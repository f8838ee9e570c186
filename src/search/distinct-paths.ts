/**
 * Distinct new paths within limits: uniform draws, then, where those keep repeating, a complete look at what is left.
 */
import type { RandomStream } from '../random/stream.ts';
import type { BoundedPaths } from '../sampling/bounded-paths.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path } from '../space/space.ts';

/** Draws for each path wanted, and at least this many in all, before the complete look. */
const triesForEach = 10;
const leastTries = 200;

/**
 * `count` distinct paths that are not `known`, or all there are if there are fewer. Each draw is uniform over the paths
 * within the limits that are still new. Only when nearly all paths are known do draws run out of tries; the rest then
 * comes in a fixed order, so that the answer is complete and this always ends.
 */
export function drawNewPaths(
  paths: BoundedPaths,
  known: (path: Path) => boolean,
  count: number,
  stream: RandomStream,
): readonly Path[] {
  const drawn = new Map<string, Path>();
  const isKnown = (path: Path): boolean => drawn.has(pathKey(path)) || known(path);
  const tries = Math.max(leastTries, triesForEach * count);
  for (let attempt = 0; attempt < tries && drawn.size < count; attempt++) {
    const path = paths.sample(stream);
    if (!isKnown(path)) drawn.set(pathKey(path), path);
  }
  const missing = count - drawn.size;
  return missing > 0 ? [...drawn.values(), ...paths.findOthers(isKnown, missing).paths] : [...drawn.values()];
}
