/** Orders sampled paths by their losses, deterministically and with diverged paths last. */

import type { Ranking } from './sampler.ts';

/** The ranking of paths whose losses are all known. */
export function rankingOf(losses: readonly number[]): Ranking {
  return { losses, order: rankByLoss(losses) };
}

/** Indices of `losses`, lowest loss first, equal losses in their order; NaN and ±Infinity last. */
export function rankByLoss(losses: readonly number[]): number[] {
  const key = losses.map((loss) => (Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY));
  // Comparison instead of subtraction: Infinity − Infinity is NaN, which would undo the order.
  return losses.map((_, index) => index).sort((a, b) => (key[a] === key[b] ? a - b : key[a]! < key[b]! ? -1 : 1));
}
