/**
 * The schedule of ε, the probability of drawing a path from the candidate pool (GreedyNAS, exploration to
 * exploitation).
 */

export interface EpsilonSchedule {
  /** ε at the end, 0 … 1. */
  readonly epsilon: number;
  /** The last step with ε = 0: the first step after warm-up. */
  readonly from: number;
  /** The first step with the full ε. */
  readonly to: number;
}

/**
 * ε at `step`: 0 up to `from`, then linear, `epsilon` from `to` on. The paper's run: 0 at 10,000, 0.8 at 144,360, so
 * that ε = 0.8 · (55,338 − 10,000) / 134,360 ≈ 0.27 where it stopped.
 */
export function epsilonAt({ epsilon, from, to }: EpsilonSchedule, step: number): number {
  if (step <= from) return 0;
  if (step >= to) return epsilon;
  return (epsilon * (step - from)) / (to - from);
}
