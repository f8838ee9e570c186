/** What a retraining needs to go on, beside its weights. */
import { z } from 'zod';

/** Raised when a file changes its meaning. */
const format = 1;
const count = z.int().nonnegative();

const scoresSchema = z.strictObject({ loss: z.number(), top1: z.number(), top5: z.number() });

export const retrainStateSchema = z.strictObject({
  format: z.literal(format),
  /** Updates done. The data order is a pure function of (seed, step). */
  step: count,
  /** Sums over the updates since the last line of metrics.jsonl. */
  window: z.strictObject({ steps: count, images: count, loss: z.number(), correct: count }),
  /** The epoch with the highest accuracy on the held-out images, and its scores; null before the first evaluation. */
  best: z.strictObject({ epoch: count, ...scoresSchema.shape }).nullable(),
  /** Scores of the last evaluation. */
  last: scoresSchema.nullable(),
});

export type RetrainState = Readonly<z.infer<typeof retrainStateSchema>>;
export type EpochScores = z.infer<typeof scoresSchema>;

export const freshState: RetrainState = {
  format,
  step: 0,
  window: { steps: 0, images: 0, loss: 0, correct: 0 },
  best: null,
  last: null,
};
