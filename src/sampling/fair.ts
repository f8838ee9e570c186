/** Strict fairness (FairNAS, Chu et al.): in every step each operation of each layer is trained exactly once. */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { permutation, type RandomStream, restoreStream } from '../random/stream.ts';
import type { Path, Space } from '../space/space.ts';
import type { Sampler } from './sampler.ts';
import { readSaved, streamStateSchema } from './saved-state.ts';
import { createStepOrder, lastStepSchema } from './step-order.ts';

export interface FairSamplerOptions {
  /** A space whose layers all have the same number of operations. */
  readonly space: Space;
  readonly stream: RandomStream;
  /** What `state()` of an earlier sampler returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

/**
 * As many paths as a layer has operations: each layer has a permutation of its operations of its own, and path j takes
 * the j-th of each.
 */
export function fairPaths(space: Space, stream: RandomStream): readonly Path[] {
  const orders = space.layers.map((layer) => permutation(stream, layer.operations.length));
  return Array.from(orders[0] ?? [], (_, index) => orders.map((order) => order[index]!));
}

const stateSchema = z.strictObject({
  method: z.literal('fair'),
  lastStep: lastStepSchema,
  stream: streamStateSchema,
});

/**
 * Each step gives all its paths at once: their gradients on the same mini-batch are summed, not averaged, and the
 * optimiser steps once. Throws GreedynasError (usage) for a space whose layers differ in their number of operations,
 * (io) for a damaged state.
 */
export function createFairSampler({ space, stream, state }: FairSamplerOptions): Sampler {
  checkSpace(space);
  const saved = state === undefined ? null : readSaved(stateSchema, state, 'state of the fair sampler');
  const random = saved === null ? stream : restoreStream(saved.stream);
  const order = createStepOrder(saved?.lastStep ?? -1);
  return {
    next(step) {
      order.enter(step);
      return { paths: fairPaths(space, random), epsilon: 0, evaluated: 0, fromPool: false };
    },
    stopped: null,
    state: () => ({ method: 'fair', lastStep: order.last, stream: random.state() }),
  };
}

function checkSpace(space: Space): void {
  const first = space.layers[0];
  const other = space.layers.find((layer) => layer.operations.length !== first?.operations.length);
  if (first === undefined || other === undefined) return;
  throw new GreedynasError(
    'usage',
    `sampling.method: fair needs layers with equally many operations; in space ${space.name} layer ${first.name} has ${first.operations.length} and layer ${other.name} has ${other.operations.length}. Choose uniform or greedy`,
  );
}
