/** Limits on the cost of a path, in any combination: their check, and uniform sampling of the paths that keep them. */
import { GreedynasError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';
import { type BoundedPaths, boundPaths, type CostBound } from '../sampling/bounded-paths.ts';
import { type CostTable, costTable } from '../space/cost.ts';
import type { Path, Space } from '../space/space.ts';

/** Most that a path may cost; a limit that is left out does not bind. */
export interface Limits {
  /** Multiply-adds. */
  readonly flops?: number | undefined;
  /** Trainable parameters. */
  readonly params?: number | undefined;
}

const limitNames = ['flops', 'params'] as const;
type LimitName = (typeof limitNames)[number];

const units: Readonly<Record<LimitName, string>> = { flops: 'FLOPs', params: 'parameters' };

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
  return limitNames.every((name) => {
    const limit = limits[name];
    return limit === undefined || costOf(costTable(space), name, path) <= limit;
  });
}

const lastOfSpace = new WeakMap<Space, { readonly key: string; readonly paths: BoundedPaths }>();

/** The paths of a space within the limits. Throws as checkLimits does. */
export function limitedPaths(space: Space, limits: Limits): BoundedPaths {
  const key = limitNames.map((name) => limits[name] ?? '').join();
  const last = lastOfSpace.get(space);
  if (last?.key === key) return last.paths;
  const paths = build(space, limits);
  lastOfSpace.set(space, { key, paths });
  return paths;
}

function build(space: Space, limits: Limits): BoundedPaths {
  const table = costTable(space);
  const set = limitNames.flatMap((name) => {
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

function checkLimit(space: Space, table: CostTable, name: LimitName, limit: number): void {
  if (!(limit > 0)) {
    throw new GreedynasError('usage', `limits.${name}: must be a number of ${units[name]} above 0, got ${limit}`);
  }
  if (limit >= rangeOf(table, name).smallest) return;
  throw new GreedynasError(
    'usage',
    `limits.${name}: no path of space ${space.name} has at most ${limit} ${units[name]}. Its paths have ${describeRange(table, name)}. Give a limit between these, or another space`,
  );
}

function describeRange(table: CostTable, name: LimitName): string {
  const { smallest, largest } = rangeOf(table, name);
  return `${smallest} (smallest) to ${largest} (largest) ${units[name]}`;
}

function rangeOf(table: CostTable, name: LimitName): { smallest: number; largest: number } {
  const { fixed, layers } = boundOf(table, name, 0);
  return {
    smallest: layers.reduce((sum, costs) => sum + Math.min(...costs), fixed),
    largest: layers.reduce((sum, costs) => sum + Math.max(...costs), fixed),
  };
}

function boundOf(table: CostTable, name: LimitName, limit: number): CostBound {
  const fixed = name === 'flops' ? table.fixedFlops : table.fixedParams;
  return { limit, fixed, layers: table.layers.map((layer) => layer[name]) };
}

function costOf(table: CostTable, name: LimitName, path: Path): number {
  const { fixed, layers } = boundOf(table, name, 0);
  return path.reduce((sum, operation, layer) => sum + layers[layer]![operation]!, fixed);
}
