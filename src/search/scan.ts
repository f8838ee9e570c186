/** The paths that a predictor looks at: all within the limits where they are few, else those that are likely to be good, and chance. */
import type { RandomStream } from '../random/stream.ts';
import type { BoundedPaths } from '../sampling/bounded-paths.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { breed, crossOver, mutate } from './breeding.ts';
import { drawNewPaths } from './distinct-paths.ts';

export interface ScanOptions {
  readonly space: Space;
  readonly paths: BoundedPaths;
  /** What is evaluated already and is no candidate. */
  readonly isKnown: (path: Path) => boolean;
  /** The best paths known, which have offspring; at least one. */
  readonly parents: readonly Path[];
  /** Paths that are looked at whatever chance says: the candidate pool. */
  readonly pool: readonly Path[];
  /** Candidates, at most. */
  readonly count: number;
  /** Of each layer of an offspring. */
  readonly mutationProbability: number;
  readonly stream: RandomStream;
}

/**
 * Distinct new paths within the limits: all of them if there are at most `count`. Else the pool, then offspring of the
 * parents until half is full (crossed, mutated, or both: random paths alone never come near the best ones of a space of
 * 10^17), then uniform draws.
 */
export function drawCandidates(options: ScanOptions): readonly Path[] {
  const { space, paths, isKnown, parents, pool, count, mutationProbability, stream } = options;
  const all = paths.findOthers(isKnown, count + 1);
  if (all.complete) return all.paths;
  const accepts = (path: Path): boolean => paths.fits(path) && !isKnown(path);
  const drawn = new Map(
    pool
      .filter(accepts)
      .slice(0, count)
      .map((path) => [pathKey(path), path]),
  );
  const parent = (): Path => parents[stream.integer(parents.length)]!;
  const offspring = (): Path => {
    const child = stream.uniform() < 0.5 ? crossOver(parent(), parent(), stream) : parent();
    return mutate(space, child, mutationProbability, stream);
  };
  const wanted = Math.floor(count / 2) - drawn.size;
  if (wanted > 0) breed(drawn, wanted, offspring, accepts);
  const known = (path: Path): boolean => drawn.has(pathKey(path)) || isKnown(path);
  return [...drawn.values(), ...drawNewPaths(paths, known, count - drawn.size, stream)];
}
