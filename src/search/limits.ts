/** Limits on the cost of a path, in any combination: their check, and uniform sampling of the paths that keep them. */
import { GreedynasError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';
import { type BoundedPaths, boundPaths, type CostBound } from '../sampling/bounded-paths.ts';
import { additiveCost, type CostName, type CostTable, costNames, costTable } from '../space/cost.ts';
import { nanosecondsBelow } from '../space/latency.ts';
import type { Path, Space } from '../space/space.ts';

/** Most that a path may cost; a limit that is left out does not bind. */
export interface Limits {
  /** Multiply-adds. */
  readonly flops?: number | undefined;
  /** Trainable parameters. */
  readonly params?: number | undefined;
  /** Milliseconds, of a space that knows its latency (`withLatency`). */
  readonly latency?: number | undefined;
}

const units: Readonly<Record<CostName, string>> = { flops: 'FLOPs', params: 'parameters', latency: 'ms of latency' };

/**
 * Throws GreedynasError (usage) if a limit is not a positive number, or no path of the space keeps it, or none keeps
 * all; the message states the space's smallest and largest values.
 */
export function checkLimits(space: Space, limits: Limits): void {
  limitedPaths(space, limits);
}

/**
 * A path drawn uniformly from all paths of the space that keep the limits; always ends (bounded-paths.ts says how).
 * Throws as checkLimits does. The counting behind it is kept for the last limits of each space.
 */
export function samplePathUnder(space: Space, limits: Limits, stream: RandomStream): Path {
  return limitedPaths(space, limits).sample(stream);
}

/** Whether a path of the space keeps every limit. */
export function keepsLimits(space: Space, limits: Limits, path: Path): boolean {
  const table = costTable(space);
  return costNames.every((name) => {
    const limit = limits[name];
    if (limit === undefined) return true;
    const { fixed, layers } = additiveCost(table, name);
    return path.reduce((sum, operation, layer) => sum + layers[layer]![operation]!, fixed) <= whole(name, limit);
  });
}

const lastOfSpace = new WeakMap<Space, { readonly key: string; readonly paths: BoundedPaths }>();

/** The paths of a space within the limits. Throws as checkLimits does. */
export function limitedPaths(space: Space, limits: Limits): BoundedPaths {
  const key = costNames.map((name) => limits[name] ?? '').join();
  const last = lastOfSpace.get(space);
  if (last?.key === key) return last.paths;
  const paths = build(space, limits);
  lastOfSpace.set(space, { key, paths });
  return paths;
}

function build(space: Space, limits: Limits): BoundedPaths {
  const table = costTable(space);
  const set = costNames.flatMap((name) => {
    const limit = limits[name];
    return limit === undefined ? [] : [{ name, limit }];
  });
  for (const { name, limit } of set) checkLimit(space, table, name, limit);
  const operationCounts = space.layers.map((layer) => layer.operations.length);
  const paths = boundPaths(
    set.map(({ name, limit }) => boundOf(table, name, limit)),
    operationCounts,
  );
  if (paths !== null) return paths;
  const wanted = set.map(({ name, limit }) => `at most ${limit} ${units[name]}`).join(' and ');
  const ranges = set.map(({ name }) => describeRange(table, name)).join('; ');
  throw new GreedynasError(
    'usage',
    `limits: no path of space ${space.name} has ${wanted} at once. Its paths have ${ranges}. Raise a limit`,
  );
}

function checkLimit(space: Space, table: CostTable, name: CostName, limit: number): void {
  if (!(limit > 0)) {
    throw new GreedynasError('usage', `limits.${name}: must be a number of ${units[name]} above 0, got ${limit}`);
  }
  if (name === 'latency' && table.latency === null) {
    throw new GreedynasError(
      'usage',
      `limits.latency: ${limit} ms, but nothing says how long the operations of space ${space.name} take: give --latency-table (search.latencyTable); "greedynas space --measure" writes one for this device`,
    );
  }
  if (whole(name, limit) >= rangeOf(table, name).smallest) return;
  throw new GreedynasError(
    'usage',
    `limits.${name}: no path of space ${space.name} has at most ${limit} ${units[name]}. Its paths have ${describeRange(table, name)}. Give a limit between these, or another space`,
  );
}

function describeRange(table: CostTable, name: CostName): string {
  const { smallest, largest } = rangeOf(table, name);
  const shown = (value: number): number => (name === 'latency' ? value / 1e6 : value);
  return `${shown(smallest)} (smallest) to ${shown(largest)} (largest) ${units[name]}`;
}

function rangeOf(table: CostTable, name: CostName): { smallest: number; largest: number } {
  const { fixed, layers } = additiveCost(table, name);
  return {
    smallest: layers.reduce((sum, costs) => sum + Math.min(...costs), fixed),
    largest: layers.reduce((sum, costs) => sum + Math.max(...costs), fixed),
  };
}

function boundOf(table: CostTable, name: CostName, limit: number): CostBound {
  return { limit: whole(name, limit), ...additiveCost(table, name) };
}

/** A limit in the units of the cost table: nanoseconds for latency, which a limit has in milliseconds. */
function whole(name: CostName, limit: number): number {
  return name === 'latency' && Number.isFinite(limit) ? nanosecondsBelow(limit) : limit;
}
