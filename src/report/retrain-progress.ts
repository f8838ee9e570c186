/** The progress of a retraining: a line for each that goes to the log. */
import type { Writable } from 'node:stream';
import type { RetrainProgress } from '../retraining/trainer.ts';
import { formatCount, formatDuration, formatPercent } from './format.ts';

export interface RetrainDisplayOptions {
  readonly out: Writable;
  /** Updates in all, and in an epoch; the one that this session begins with. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly from: number;
  /** Seconds, for speed and time left. */
  readonly clock: () => number;
}

export function createRetrainProgress(options: RetrainDisplayOptions): (progress: RetrainProgress) => void {
  const { out, steps, stepsPerEpoch, from, clock } = options;
  const began = clock();
  let images = 0;
  let [lossSum, lossCount] = [0, 0];
  return (progress) => {
    images += progress.images;
    lossSum += progress.loss;
    lossCount += 1;
    if (!progress.logged) return;
    const { step, learningRate, evaluated } = progress;
    const seconds = clock() - began;
    const left = formatDuration((seconds * (steps - step)) / (step - from));
    const held =
      evaluated === undefined
        ? ''
        : `  held-out top-1 ${formatPercent(evaluated.scores.top1)}${evaluated.best ? ' (best)' : ''}`;
    out.write(
      `epoch ${(step / stepsPerEpoch).toFixed(2)}/${steps / stepsPerEpoch}  loss ${(lossSum / lossCount).toFixed(3)}  rate ${learningRate.toPrecision(3)}${held}  ${formatCount(images / seconds)} images/s  ${left} left\n`,
    );
    [lossSum, lossCount] = [0, 0];
  };
}
