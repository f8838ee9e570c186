/** The lines of JSON that the step-time benchmark and the processes it compares exchange: one answer for each request. */
import { z } from 'zod';

const path = z.array(z.int().nonnegative());

/** What both sides run. The space is the 7^21 table; a batch of random images and labels is made once and used for every step. */
export const setting = z.strictObject({
  batch: z.int().positive(),
  /** Side of the images, in pixels. */
  resolution: z.int().positive(),
  classes: z.int().positive(),
  threads: z.int().positive(),
  /** Of the stem convolution, then of the first layer of each stage. */
  strides: z.array(z.int().positive()),
  learningRate: z.number().nonnegative(),
});
export type Setting = z.infer<typeof setting>;

export const request = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('config'), ...setting.shape }),
  /** One training step. */
  z.strictObject({ op: z.literal('step'), path }),
  /** The mean loss of the batch with batch statistics, without gradients. */
  z.strictObject({ op: z.literal('forward'), path }),
  z.strictObject({ op: z.literal('peak') }),
  /** Our side only: a plain matrix product, in as many threads. */
  z.strictObject({ op: z.literal('product') }),
]);

/** `version` of the framework, and the number of trainable parameters, which must agree. */
export const configured = z.strictObject({ version: z.string(), parameters: z.int() });
/**
 * Milliseconds and minor page faults (memory taken anew from the kernel) of the step alone, measured where it ran. Losses that
 * are not finite are not valid JSON, so they fail here.
 */
export const stepped = z.strictObject({ ms: z.number(), loss: z.number(), faults: z.int() });
/** The largest resident memory of the process so far. */
export const peak = z.strictObject({ bytes: z.int() });
/** 1e9 multiplications and additions a second. */
export const multiplied = z.strictObject({ gigaflops: z.number() });
