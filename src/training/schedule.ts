/** The learning rate of each step: cosine decay per step, as supernets are trained (recipes 1.1, no warm-up). */

export interface CosineSchedule {
  /** Length of the whole training, in optimiser steps. */
  readonly steps: number;
  readonly learningRate: number;
  readonly minLearningRate: number;
  /** Steps over which the rate first rises linearly from 0; none unless given. */
  readonly warmupSteps?: number;
}

/** The learning rate of optimiser step `step`, in [0, steps): the first step has the full rate, the last nearly the minimum. */
export function cosineRate(schedule: CosineSchedule, step: number): number {
  const { steps, learningRate, minLearningRate, warmupSteps = 0 } = schedule;
  if (step < warmupSteps) {
    return (learningRate * (step + 1)) / warmupSteps;
  }
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  return minLearningRate + 0.5 * (learningRate - minLearningRate) * (1 + Math.cos(Math.PI * done));
}
