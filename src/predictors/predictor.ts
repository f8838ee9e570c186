/** What predicts the accuracy of networks from a few that are known. */

/** `Network` is whatever the search deals in: a row of a table, or a path. */
export interface Predictor<Network> {
  /**
   * Learns anew, from nothing, what these networks have: the same networks, targets and seed give the same bits.
   *
   * @param targets one a network, in any unit; predictions come in the same
   * @throws GreedynasError `diverged` where the predictor's loss is not finite
   */
  fit(networks: readonly Network[], targets: readonly number[], seed: number): void;
  /** One number a network, in their order. */
  predict(networks: ArrayLike<Network>): Float32Array;
  close(): void;
}

/** Mean and standard deviation of the targets, by which they are standardised; the deviation is 1 where all are equal. */
export function standardisation(targets: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
  const variance = targets.reduce((sum, target) => sum + (target - mean) ** 2, 0) / targets.length;
  return { mean, deviation: variance > 0 ? Math.sqrt(variance) : 1 };
}
