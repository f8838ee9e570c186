/** The candidate pool: the best paths met so far, sorted by loss (GreedyNAS; paper's size: 1000). */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { countSchema, listSchema, pathSchema, readSaved, savedStateError } from './saved-state.ts';

export interface PoolEntry {
  readonly path: Path;
  /** The loss, averaged with each re-evaluation: new = (old + fresh) / 2. */
  readonly loss: number;
  /** Multiply-adds of the path. */
  readonly flops: number;
  /** How often the path was scored while in the pool, from 1. */
  readonly evaluations: number;
}

/** The pool as plain JSON, best first, paths as operation indices. */
export interface PoolState {
  readonly capacity: number;
  readonly paths: readonly PoolEntry[];
}

export interface CandidatePool {
  readonly capacity: number;
  readonly size: number;
  /**
   * Takes the fresh loss of a path; returns whether the path is in the pool afterwards. A path that is there already
   * gets the mean of its old and its fresh loss and moves to its new place. A loss that is not finite never enters, and
   * removes the path.
   */
  offer(path: Path, loss: number): boolean;
  has(path: Path): boolean;
  /** The `count` best, or all if there are fewer. Best first; equal losses in order of arrival. */
  best(count: number): readonly PoolEntry[];
  /** All of it, best first. */
  entries(): readonly PoolEntry[];
  /** A path drawn uniformly. Throws RangeError if the pool is empty. */
  sample(stream: RandomStream): Path;
  toJSON(): PoolState;
}

export interface PoolOptions {
  /** Most paths held, at least 1; the paper's 1000. The worst is evicted. */
  readonly capacity: number;
  /** Multiply-adds of a path. */
  readonly flops: (path: Path) => number;
  /** The gate: paths for which it is false stay outside. Default: all may enter. */
  readonly accepts?: (path: Path, flops: number) => boolean;
}

interface Held extends PoolEntry {
  readonly key: string;
  /**
   * Arrival number: makes the order (loss, arrival) total, so that a place is found by binary search even among equals.
   */
  readonly arrival: number;
}

/**
 * An empty pool. A sorted array for order and uniform draws, a map for membership: an offer costs O(log n) comparisons
 * and one block move. At capacity a newcomer must be better than the worst; among equal losses those who came first
 * stay.
 */
export function createPool(options: PoolOptions): CandidatePool {
  return poolHolding(options, []);
}

/** The pool of `options` holding `saved`, which must be sorted, distinct and within the capacity. */
function poolHolding(
  { capacity, flops, accepts = () => true }: PoolOptions,
  saved: readonly PoolEntry[],
): CandidatePool {
  if (!Number.isInteger(capacity) || capacity < 1) {
    throw new GreedynasError('usage', `sampling.pool: capacity must be an integer from 1, got ${capacity}`);
  }
  const sorted: Held[] = saved.map((entry, arrival) => ({ ...entry, key: pathKey(entry.path), arrival }));
  const byKey = new Map(sorted.map((held) => [held.key, held]));
  let arrivals = sorted.length;

  /** How many of `sorted` come before (loss, arrival). */
  function place(loss: number, arrival: number): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const held = sorted[middle]!;
      if (held.loss < loss || (held.loss === loss && held.arrival < arrival)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function remove(held: Held): void {
    sorted.splice(place(held.loss, held.arrival), 1);
    byKey.delete(held.key);
  }

  function insert(entry: PoolEntry, key: string): void {
    const held = { ...entry, key, arrival: arrivals++ };
    sorted.splice(place(held.loss, held.arrival), 0, held);
    byKey.set(key, held);
  }

  function reevaluate(old: Held, fresh: number): boolean {
    remove(old);
    const loss = (old.loss + fresh) / 2;
    if (!Number.isFinite(loss)) return false;
    insert({ path: old.path, loss, flops: old.flops, evaluations: old.evaluations + 1 }, old.key);
    return true;
  }

  return {
    capacity,
    get size() {
      return sorted.length;
    },
    offer(path, loss) {
      const key = pathKey(path);
      const old = byKey.get(key);
      if (old !== undefined) return reevaluate(old, loss);
      if (!Number.isFinite(loss)) return false;
      const worst = sorted.length === capacity ? sorted[capacity - 1]! : null;
      if (worst !== null && loss >= worst.loss) return false;
      const cost = flops(path);
      if (!accepts(path, cost)) return false;
      if (worst !== null) remove(worst);
      insert({ path: [...path], loss, flops: cost, evaluations: 1 }, key);
      return true;
    },
    has: (path) => byKey.has(pathKey(path)),
    best: (count) => sorted.slice(0, Math.max(0, count)).map(plain),
    entries: () => sorted.map(plain),
    sample(stream) {
      if (sorted.length === 0) throw new RangeError('sample: the candidate pool is empty');
      return sorted[stream.integer(sorted.length)]!.path;
    },
    toJSON: () => ({ capacity, paths: sorted.map(plain) }),
  };
}

/** Without what only the pool itself needs. */
function plain({ path, loss, flops, evaluations }: Held): PoolEntry {
  return { path: [...path], loss, flops, evaluations };
}

/** The schema of `toJSON()`'s value for paths of `space`. */
function poolStateSchema(space: Space): z.ZodType<PoolState> {
  const entry = z.strictObject({
    path: pathSchema(space),
    loss: z.number(),
    flops: countSchema,
    evaluations: z.int().min(1),
  });
  return z.strictObject({ capacity: z.int().min(1), paths: listSchema(entry) });
}

/**
 * The pool that `toJSON()` described, with the gate and the capacity of `options`. Throws GreedynasError (io) naming
 * `what` and the place if the value is not such a pool: wrong types, operations out of range, more paths than the
 * capacity, a path twice, not best first, a path behind the gate, FLOPs that the space does not give.
 */
export function restorePool(
  space: Space,
  options: PoolOptions,
  value: unknown,
  what = 'candidate pool',
): CandidatePool {
  const saved = readSaved(poolStateSchema(space), value, what);
  if (saved.capacity !== options.capacity) {
    throw savedStateError(
      what,
      `capacity: must be ${options.capacity} as configured (sampling.pool), got ${saved.capacity}`,
    );
  }
  if (saved.paths.length > saved.capacity) {
    throw savedStateError(what, `paths: ${saved.paths.length} paths exceed the capacity of ${saved.capacity}`);
  }
  checkEntries(saved.paths, options, what);
  return poolHolding(options, saved.paths);
}

function checkEntries(entries: readonly PoolEntry[], { flops, accepts }: PoolOptions, what: string): void {
  const seen = new Set<string>();
  let before = Number.NEGATIVE_INFINITY;
  for (const [index, entry] of entries.entries()) {
    const fail = (problem: string) => savedStateError(what, `paths[${index}]: ${problem}`);
    const cost = flops(entry.path);
    if (cost !== entry.flops)
      throw fail(`flops: must be ${cost}, what the space gives for this path, got ${entry.flops}`);
    if (accepts !== undefined && !accepts(entry.path, cost)) throw fail(`flops: ${cost} are over the pool's limit`);
    if (entry.loss < before)
      throw fail(`loss: ${entry.loss} must not be below ${before}, the one before: best come first`);
    const key = pathKey(entry.path);
    if (seen.has(key)) throw fail('path: is in the pool already');
    seen.add(key);
    before = entry.loss;
  }
}
