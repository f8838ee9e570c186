/** Uniform path sampling: every operation of every layer equally likely, one path a step (SPOS without FLOPs bins). */
import { z } from 'zod';
import { type RandomStream, restoreStream } from '../random/stream.ts';
import type { Path, Space } from '../space/space.ts';
import type { Sampler } from './sampler.ts';
import { readSaved, streamStateSchema } from './saved-state.ts';
import { createStepOrder, lastStepSchema } from './step-order.ts';

/** A path drawn uniformly from the whole space. */
export function uniformPath(space: Space, stream: RandomStream): Path {
  return space.layers.map((layer) => stream.integer(layer.operations.length));
}

export interface UniformSamplerOptions {
  readonly space: Space;
  readonly stream: RandomStream;
  /** What `state()` of an earlier sampler returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

const stateSchema = z.strictObject({
  method: z.literal('uniform'),
  lastStep: lastStepSchema,
  stream: streamStateSchema,
});

/** Throws GreedynasError (io) if `state` is not a saved uniform sampler. */
export function createUniformSampler({ space, stream, state }: UniformSamplerOptions): Sampler {
  const saved = state === undefined ? null : readSaved(stateSchema, state, 'state of the uniform sampler');
  const random = saved === null ? stream : restoreStream(saved.stream);
  const order = createStepOrder(saved?.lastStep ?? -1);
  return {
    next(step) {
      order.enter(step);
      return { paths: [uniformPath(space, random)], epsilon: 0, evaluated: 0, fromPool: false };
    },
    stopped: null,
    state: () => ({ method: 'uniform', lastStep: order.last, stream: random.state() }),
  };
}
