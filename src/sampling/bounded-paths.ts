/**
 * Uniform sampling from the paths whose summed costs stay within limits: paths are counted on quantised costs, drawn by
 * these counts, and checked with the true costs.
 *
 * Why it is exact. Let slack be the limit less the cheapest path, and excess an operation's cost over its layer's
 * cheapest. A path fits where its excesses sum to at most the slack. Each excess is rounded *down* to whole units of
 * the slack, so every path that fits also fits after rounding: the rounded set contains the true one. Counting the
 * completions of each prefix in the rounded set, back to front, gives uniform draws from it; rejecting those that do
 * not truly fit leaves uniform draws from the true set. Counts are doubles: exact to 2^53, above that to a relative
 * 1e-13.
 *
 * Measured on the 7^21 space at 224 px: at most 330M FLOPs, 1 draw in 400 is rejected (94 in 100 of plain uniform draws
 * would be), with a parameter limit beside it 1 in 3; counting takes 0.1 s, a path 30–90 µs.
 */
import { permutation, type RandomStream } from '../random/stream.ts';
import type { Path } from '../space/space.ts';

/** One limited sum: `fixed` plus the cost of each layer's operation is at most `limit`. */
export interface CostBound {
  readonly limit: number;
  /** A whole number. */
  readonly fixed: number;
  /** For each layer the cost of each operation: whole numbers whose sums stay under 2^53, so that sums are exact. */
  readonly layers: readonly (readonly number[])[];
}

export interface BoundedPaths {
  fits(path: Path): boolean;
  /** A path drawn uniformly from those that fit. Always ends: see `usualTries`. */
  sample(stream: RandomStream): Path;
  /**
   * Up to `count` paths that fit and are not `known`, in a fixed order, without chance; `complete` says that there are
   * no others. Looks at `searchNodes` prefixes at most, which only several limits at once could need.
   */
  findOthers(
    known: (path: Path) => boolean,
    count: number,
  ): { readonly paths: readonly Path[]; readonly complete: boolean };
}

/**
 * Draws that may be rejected before `sample` falls back on a walk: the path known to fit, one layer after another in
 * random order set to a random operation that keeps it within the limits. Not uniform, but certain. It takes costs made
 * for it to get there: at the rates above, 10,000 rejections in a row do not happen.
 */
const usualTries = 10_000;
/** States of the counting table for each layer, shared by all limits: 8 bytes each. */
const tableStates = 65_536;
const searchNodes = 2_000_000;
/** Partial paths kept for each layer while looking for one path within several limits. */
const keptPrefixes = 1_000;

/** A bound in excesses over each layer's cheapest operation. */
interface ExcessBound {
  readonly slack: number;
  readonly excess: readonly (readonly number[])[];
}

/**
 * The paths within all bounds, or null if there are none. (Under several bounds at once that is decided exactly unless
 * more than 1,000 partial paths of a layer are incomparable; then the most balanced are followed, and null may miss a
 * path.)
 */
export function boundPaths(
  bounds: readonly CostBound[],
  operationCounts: readonly number[],
  drawTries = usualTries,
): BoundedPaths | null {
  const excesses = bounds.map(toExcess);
  if (excesses.some(({ slack }) => slack < 0)) return null;
  const binding = excesses.filter(canExceed);
  const witness = findWitness(binding, operationCounts);
  if (witness === null) return null;
  const draw = createDraw(binding, operationCounts);

  const fits = (path: Path): boolean => binding.every((bound) => usedSlack(bound, path) <= bound.slack);
  return {
    fits,
    sample(stream) {
      for (let attempt = 0; attempt < drawTries; attempt++) {
        const path = draw(stream);
        if (fits(path)) return path;
      }
      return walk(witness, fits, operationCounts, stream);
    },
    findOthers: (known, count) => findOthers(binding, operationCounts, known, count),
  };
}

function toExcess({ limit, fixed, layers }: CostBound): ExcessBound {
  const cheapest = layers.map((costs) => Math.min(...costs));
  return {
    slack: Math.floor(limit) - cheapest.reduce((sum, cost) => sum + cost, fixed),
    excess: layers.map((costs, layer) => costs.map((cost) => cost - cheapest[layer]!)),
  };
}

function canExceed({ slack, excess }: ExcessBound): boolean {
  return excess.reduce((sum, costs) => sum + Math.max(...costs), 0) > slack;
}

function usedSlack({ excess }: ExcessBound, path: Path): number {
  return path.reduce((sum, operation, layer) => sum + excess[layer]![operation]!, 0);
}

/** Uniform draws from the paths that fit after rounding down. */
function createDraw(
  bounds: readonly ExcessBound[],
  operationCounts: readonly number[],
): (stream: RandomStream) => Path {
  if (bounds.length === 0) return (stream) => operationCounts.map((count) => stream.integer(count));
  const most = Math.floor(tableStates ** (1 / bounds.length)) - 1;
  const axes = bounds.map((bound) => quantise(bound, most));
  const strides: number[] = [];
  let states = 1;
  for (const { levels } of axes) {
    strides.push(states);
    states *= levels + 1;
  }
  /** For each layer and operation its rounded cost on each axis; null: over a limit by itself. */
  const steps = operationCounts.map((count, layer) =>
    Array.from({ length: count }, (_, operation) => {
      const step = axes.map(({ units }) => units[layer]![operation]!);
      return step.every((units, axis) => units <= axes[axis]!.levels) ? step : null;
    }),
  );
  const completions = countCompletions(
    steps,
    axes.map(({ levels }) => levels),
    strides,
    states,
  );

  return (stream) => {
    const left = axes.map(({ levels }) => levels);
    return steps.map((operations, layer) => {
      const after = completions[layer + 1]!;
      const weights = operations.map((step) => {
        if (step === null || step.some((units, axis) => units > left[axis]!)) return 0;
        return after[step.reduce((state, units, axis) => state + (left[axis]! - units) * strides[axis]!, 0)]!;
      });
      const chosen = weightedChoice(weights, stream);
      for (const [axis, units] of operations[chosen]!.entries()) left[axis]! -= units;
      return chosen;
    });
  };
}

/** Excesses in whole units, rounded down, and the number of units that fit into the slack. */
function quantise({ slack, excess }: ExcessBound, most: number): { levels: number; units: number[][] } {
  const common = excess.flat().reduce(greatestCommonDivisor, 0);
  if (Math.floor(slack / common) <= most) {
    return { levels: Math.floor(slack / common), units: excess.map((costs) => costs.map((cost) => cost / common)) };
  }
  // The factor keeps rounding errors of the division from lifting a cost over a unit's edge, which would lose paths.
  const scale = (most / slack) * (1 - 1e-12);
  return { levels: most, units: excess.map((costs) => costs.map((cost) => Math.floor(cost * scale))) };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** For each layer and each state (units left on each axis) the number of ways to complete a path from that layer on. */
function countCompletions(
  steps: readonly (readonly (readonly number[] | null)[])[],
  levels: readonly number[],
  strides: readonly number[],
  states: number,
): Float64Array[] {
  const tables = [new Float64Array(states).fill(1)];
  for (const operations of steps.toReversed()) {
    const after = tables[0]!;
    const counts = new Float64Array(states);
    for (const step of operations) {
      if (step !== null) addShifted(counts, after, step, levels, strides, levels.length - 1, 0, 0);
    }
    tables.unshift(counts);
  }
  return tables;
}

/** counts[state] += after[state − step] for every state from `step` up, axis by axis. */
function addShifted(
  counts: Float64Array,
  after: Float64Array,
  step: readonly number[],
  levels: readonly number[],
  strides: readonly number[],
  axis: number,
  to: number,
  from: number,
): void {
  const shift = step[axis]!;
  const stride = strides[axis]!;
  for (let left = shift; left <= levels[axis]!; left++) {
    const target = to + left * stride;
    const source = from + (left - shift) * stride;
    if (axis === 0) counts[target]! += after[source]!;
    else addShifted(counts, after, step, levels, strides, axis - 1, target, source);
  }
}

function weightedChoice(weights: readonly number[], stream: RandomStream): number {
  let rest = stream.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  let chosen = -1;
  for (const [index, weight] of weights.entries()) {
    if (weight === 0) continue;
    chosen = index;
    rest -= weight;
    if (rest < 0) break;
  }
  return chosen;
}

function walk(
  witness: Path,
  fits: (path: Path) => boolean,
  operationCounts: readonly number[],
  stream: RandomStream,
): Path {
  let path = witness;
  for (const layer of permutation(stream, operationCounts.length)) {
    const options = Array.from({ length: operationCounts[layer]! }, (_, operation) =>
      path.with(layer, operation),
    ).filter(fits);
    path = options[stream.integer(options.length)]!;
  }
  return path;
}

interface Prefix {
  readonly path: Path;
  readonly used: readonly number[];
}

/** One path within all bounds, by extending layer after layer the prefixes that no other beats on every bound. */
function findWitness(bounds: readonly ExcessBound[], operationCounts: readonly number[]): Path | null {
  let prefixes: Prefix[] = [{ path: [], used: bounds.map(() => 0) }];
  for (const [layer, count] of operationCounts.entries()) {
    const extended = prefixes.flatMap(({ path, used }) =>
      Array.from({ length: count }, (_, operation) => ({
        path: [...path, operation],
        used: used.map((sum, index) => sum + bounds[index]!.excess[layer]![operation]!),
      })),
    );
    prefixes = undominated(
      extended.filter(({ used }) => used.every((sum, index) => sum <= bounds[index]!.slack)),
      bounds,
    );
  }
  return prefixes[0]?.path ?? null;
}

function undominated(prefixes: readonly Prefix[], bounds: readonly ExcessBound[]): Prefix[] {
  // The largest share of any slack first: a prefix can only be beaten by one before it, and the most balanced are kept.
  const share = ({ used }: Prefix): number =>
    Math.max(0, ...used.map((sum, index) => (sum === 0 ? 0 : sum / bounds[index]!.slack)));
  const sorted = prefixes.map((prefix) => ({ prefix, share: share(prefix) })).sort((a, b) => a.share - b.share);
  const kept: Prefix[] = [];
  for (const { prefix } of sorted) {
    if (kept.length >= keptPrefixes) break;
    if (!kept.some((other) => other.used.every((sum, index) => sum <= prefix.used[index]!))) kept.push(prefix);
  }
  return kept;
}

function findOthers(
  bounds: readonly ExcessBound[],
  operationCounts: readonly number[],
  known: (path: Path) => boolean,
  count: number,
): { paths: Path[]; complete: boolean } {
  const paths: Path[] = [];
  let nodes = 0;
  const path: number[] = [];

  /** False once enough was found or looked at. */
  function extend(layer: number, left: readonly number[]): boolean {
    if (++nodes > searchNodes) return false;
    if (layer === operationCounts.length) {
      if (!known(path)) paths.push([...path]);
      return paths.length < count;
    }
    for (let operation = 0; operation < operationCounts[layer]!; operation++) {
      const rest = left.map((slack, index) => slack - bounds[index]!.excess[layer]![operation]!);
      if (rest.some((slack) => slack < 0)) continue;
      path.push(operation);
      const goOn = extend(layer + 1, rest);
      path.pop();
      if (!goOn) return false;
    }
    return true;
  }

  const complete =
    count > 0 &&
    extend(
      0,
      bounds.map(({ slack }) => slack),
    );
  return { paths, complete };
}
