/** The paper's argument for ranking m sampled paths: how likely at least k of them are good. */

/**
 * P(at least `wanted` of `draws` independent draws are good), each good with probability `share`: the upper tail of the
 * binomial distribution. The paper's cases: (5, 10, 0.6) → 0.8338; with ε = 0.5, share 0.5 + 0.5 · 0.6 = 0.8 → 0.9936.
 */
export function probabilityOfAtLeast(wanted: number, draws: number, share: number): number {
  // The recurrence multiplies by share / (1 − share), so that the two certain cases stand apart.
  if (wanted <= 0) return 1;
  if (wanted > draws || share <= 0) return 0;
  if (share >= 1) return 1;
  let term = (1 - share) ** draws;
  let below = 0;
  for (let good = 0; good < wanted; good++) {
    below += term;
    term *= ((draws - good) / (good + 1)) * (share / (1 - share));
  }
  return 1 - below;
}

/** The share of good draws when a draw comes from an all-good pool with probability `epsilon`, else from the space. */
export function mixedShare(epsilon: number, share: number): number {
  return epsilon + (1 - epsilon) * share;
}
