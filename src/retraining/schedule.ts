/** Learning rates and decays of moving averages of a retraining, as functions of the update. */

export interface RetrainSchedule {
  readonly schedule: 'exponential' | 'cosine';
  readonly epochs: number;
  readonly learningRate: number;
  readonly minLearningRate: number;
  readonly decayRate: number;
  readonly decayEpochs: number;
  readonly warmupEpochs: number;
  readonly warmupLearningRate: number;
}

/**
 * The learning rate of update `step`, from 0. First a linear rise over the warm-up's epochs; then `exponential`: learningRate ·
 * decayRate^⌊epoch / decayEpochs⌋, `epoch` counted from the start, as a fraction (TensorFlow's staircase, timm's step
 * schedule); or `cosine`: half a cosine from the end of the warm-up down to `minLearningRate`.
 */
export function retrainRate(schedule: RetrainSchedule, step: number, stepsPerEpoch: number): number {
  const { learningRate, warmupLearningRate } = schedule;
  const warmup = Math.round(schedule.warmupEpochs * stepsPerEpoch);
  if (step < warmup) return warmupLearningRate + ((learningRate - warmupLearningRate) * step) / warmup;
  if (schedule.schedule === 'exponential') {
    // A little more, so that epoch 2.4 of 2.4 is not the 0.9999999th.
    const decays = Math.floor(step / (schedule.decayEpochs * stepsPerEpoch) + 1e-9);
    return learningRate * schedule.decayRate ** decays;
  }
  const total = schedule.epochs * stepsPerEpoch;
  const done = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
  return schedule.minLearningRate + 0.5 * (learningRate - schedule.minLearningRate) * (1 + Math.cos(Math.PI * done));
}

/**
 * Share of the new weights in the moving average after update `step` (from 0): 1 − decay; with `warmup` the decay is at most
 * (1 + updates) / (10 + updates), as in TensorFlow's `ExponentialMovingAverage` with `num_updates`.
 */
export function averageFactor(decay: number, warmup: boolean, step: number): number {
  const updates = step + 1;
  return 1 - (warmup ? Math.min(decay, (1 + updates) / (10 + updates)) : decay);
}
