/** Spearman's rank correlation: Pearson's of the ranks, ties sharing their mean rank. */
import { checkPairs, meanRanks } from './ranks.ts';

/**
 * ρ in [−1, 1]; NaN where it is undefined: fewer than two pairs, or one side all equal. O(n log n).
 * @throws RangeError for lists of unequal lengths or values that are not finite
 */
export function spearman(one: readonly number[], other: readonly number[]): number {
  checkPairs(one, other);
  return pearson(meanRanks(one), meanRanks(other));
}

function pearson(one: readonly number[], other: readonly number[]): number {
  const count = one.length;
  // Ranks have the same mean whatever ties.
  const mean = (count + 1) / 2;
  let product = 0;
  let squares = 0;
  let otherSquares = 0;
  for (let index = 0; index < count; index++) {
    const a = one[index]! - mean;
    const b = other[index]! - mean;
    product += a * b;
    squares += a * a;
    otherSquares += b * b;
  }
  // Two roots instead of one of the product, which would overflow first.
  const scale = Math.sqrt(squares) * Math.sqrt(otherSquares);
  return scale === 0 ? Number.NaN : Math.max(-1, Math.min(1, product / scale));
}
