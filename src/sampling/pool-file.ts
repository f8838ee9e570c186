/**
 * The candidate pool as `pool.json`: `{capacity, paths: [{path, loss, flops, evaluations}]}`, best first, `path` as
 * genotype text.
 */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { formatGenotype, parseGenotype } from '../space/genotype.ts';
import type { Space } from '../space/space.ts';
import type { CandidatePool, PoolEntry } from './pool.ts';
import { countSchema, listSchema, readSaved } from './saved-state.ts';

export interface PoolFile {
  readonly capacity: number;
  readonly paths: readonly (Omit<PoolEntry, 'path'> & { readonly path: string })[];
}

/** What to write as `pool.json`. */
export function formatPool(space: Space, pool: CandidatePool): PoolFile {
  const paths = pool.entries().map((entry) => ({ ...entry, path: formatGenotype(space, entry.path) }));
  return { capacity: pool.capacity, paths };
}

const fileSchema = z.strictObject({
  capacity: z.int().min(1),
  paths: listSchema(
    z.strictObject({ path: z.string(), loss: z.number(), flops: countSchema, evaluations: z.int().min(1) }),
  ),
});

/**
 * The entries of a `pool.json` (its parsed JSON), in its order. Throws GreedynasError (io) naming `file` and the entry
 * if it is not one or its paths are not of `space`.
 */
export function parsePool(space: Space, value: unknown, file = 'pool.json'): PoolEntry[] {
  const { paths } = readSaved(fileSchema, value, file);
  return paths.map((entry, index) => {
    try {
      return { ...entry, path: parseGenotype(space, entry.path) };
    } catch (error) {
      if (!(error instanceof GreedynasError)) throw error;
      throw new GreedynasError('io', `${file}: paths[${index}]: ${error.message}`, { cause: error });
    }
  });
}
