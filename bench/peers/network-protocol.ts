/** The lines of JSON that the fixed-network benchmark and the processes it compares exchange: one answer for each request. */
import { z } from 'zod';

/** What both sides run; a batch of random images and labels is made once and used every time. */
export const networkSetting = z.strictObject({
  /** A genotype or a published name. */
  network: z.string(),
  batch: z.int().positive(),
  threads: z.int().positive(),
  learningRate: z.number().nonnegative(),
  /** `train`: trains, serves a batch in one, and writes its weights to `weights`; `serve`: serves these in pieces, as `export --target cpu` writes it. */
  role: z.enum(['train', 'serve']),
  /** The prefix of a checkpoint. */
  weights: z.string(),
});
export type NetworkSetting = z.infer<typeof networkSetting>;

export const networkRequest = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('config'), ...networkSetting.shape }),
  /** One training step. */
  z.strictObject({ op: z.literal('step') }),
  /** The logits of the batch, with batch norm worked into the convolutions. */
  z.strictObject({ op: z.literal('infer') }),
  z.strictObject({ op: z.literal('peak') }),
]);

/** `timm`: what builds the network there; of our side alone. */
export const networkConfigured = z.strictObject({
  version: z.string(),
  parameters: z.int(),
  flops: z.int().optional(),
  resolution: z.int().optional(),
  classes: z.int().optional(),
  timm: z.unknown().optional(),
});

/** Milliseconds of wall time, and of processor time of all threads, where it ran; `value`: the loss, or a sum over the logits. */
export const networkRan = z.strictObject({ ms: z.number(), cpu: z.number(), value: z.number() });
