/**
 * Path sampling uniform over bins of FLOPs, and within a bin over its paths (SPOS, Guo et al., as its code does it).
 */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { type RandomStream, restoreStream } from '../random/stream.ts';
import { costTable, flopsRange } from '../space/cost.ts';
import type { Space } from '../space/space.ts';
import { type BoundedPaths, boundPaths } from './bounded-paths.ts';
import type { Sampler } from './sampler.ts';
import { readSaved, streamStateSchema } from './saved-state.ts';
import { createStepOrder, lastStepSchema } from './step-order.ts';

export interface FlopsBins {
  /** Least multiply-adds of the first bin; SPOS' 290M. A whole number. */
  readonly from: number;
  /** The last bin ends before this; SPOS' 360M. A whole number. */
  readonly to: number;
  /** Of a bin, in multiply-adds; SPOS' 10M. The last bin may be narrower. A whole number. */
  readonly width: number;
}

export interface FlopsBinsSamplerOptions {
  readonly space: Space;
  readonly bins: FlopsBins;
  readonly stream: RandomStream;
  /** What `state()` of an earlier sampler returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

const stateSchema = z.strictObject({
  method: z.literal('flops-bins'),
  lastStep: lastStepSchema,
  stream: streamStateSchema,
});

/** Each bin keeps a counting table of about 10 MB for a space of 21 layers. */
const mostBins = 64;

/**
 * Where the reference tries up to 500 uniform paths to hit the bin, this draws from the bin itself, also from those
 * that hold one path in a million. Throws GreedynasError (usage) for bins that hold no path, (io) for a damaged state.
 */
export function createFlopsBinsSampler({ space, bins, stream, state }: FlopsBinsSamplerOptions): Sampler {
  const saved = state === undefined ? null : readSaved(stateSchema, state, 'state of the FLOPs-bins sampler');
  const random = saved === null ? stream : restoreStream(saved.stream);
  const order = createStepOrder(saved?.lastStep ?? -1);
  const edges = binEdges(bins);
  const pathsOf = edges.map((from) => pathsBetween(space, from, Math.min(from + bins.width, bins.to)));
  return {
    next(step) {
      order.enter(step);
      const bin = pathsOf[random.integer(pathsOf.length)]!;
      return { paths: [bin.sample(random)], epsilon: 0, evaluated: 0, fromPool: false };
    },
    stopped: null,
    state: () => ({ method: 'flops-bins', lastStep: order.last, stream: random.state() }),
  };
}

/** Where each bin begins. */
function binEdges({ from, to, width }: FlopsBins): number[] {
  for (const [key, value] of Object.entries({ from, to, width })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new GreedynasError('usage', `sampling.bins.${key}: must be a whole number of FLOPs from 1, got ${value}`);
  }
  if (to <= from)
    throw new GreedynasError('usage', `sampling.bins.to: must be above sampling.bins.from (${from}), got ${to}`);
  const count = Math.ceil((to - from) / width);
  if (count > mostBins) {
    throw new GreedynasError(
      'usage',
      `sampling.bins.width: ${width} makes ${count} bins, at most ${mostBins} are allowed`,
    );
  }
  return Array.from({ length: count }, (_, index) => from + index * width);
}

/** The paths with `from` ≤ FLOPs < `to`. */
function pathsBetween(space: Space, from: number, to: number): BoundedPaths {
  const { fixedFlops: fixed, layers } = costTable(space);
  const costs = layers.map((layer) => layer.flops);
  const { smallest, largest } = flopsRange(space);
  // "At least `from`" as a limit: the FLOPs saved against the dearest path are at most `largest` − `from`.
  const savings = costs.map((layer) => layer.map((cost) => Math.max(...layer) - cost));
  const paths = boundPaths(
    [
      { limit: to - 1, fixed, layers: costs },
      { limit: largest - from, fixed: 0, layers: savings },
    ],
    space.layers.map((layer) => layer.operations.length),
  );
  if (paths !== null) return paths;
  throw new GreedynasError(
    'usage',
    `sampling.bins: found no path of space ${space.name} with ${from} to ${to - 1} FLOPs; its paths have ${smallest} to ${largest}. Choose other bins`,
  );
}
