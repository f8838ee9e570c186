/** How well a prediction finds the best: overlap of the top n, and regret. Larger values are better on both sides. */
import { checkPairs } from './ranks.ts';

/** Indices of the `count` largest values, largest first, equal ones in their order. */
export function largest(values: readonly number[], count: number): number[] {
  return values
    .map((_, index) => index)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count);
}

/**
 * Share of the truth's `count` best that are among the prediction's `count` best, 0 … 1. Chance gives count / length.
 * @throws RangeError for lists of unequal lengths, values that are not finite, or a count that is not 1 … length
 */
export function topOverlap(predicted: readonly number[], truth: readonly number[], count: number): number {
  checkPairs(predicted, truth);
  checkCount(count, truth.length);
  const best = new Set(largest(truth, count));
  return largest(predicted, count).filter((index) => best.has(index)).length / count;
}

/**
 * How much truth is lost by trusting the prediction: the best truth there is, less the best truth among the `count`
 * predicted best. At least 0, in the truth's unit.
 * @throws RangeError as `topOverlap` does
 */
export function regret(predicted: readonly number[], truth: readonly number[], count = 1): number {
  checkPairs(predicted, truth);
  checkCount(count, truth.length);
  const chosen = largest(predicted, count).map((index) => truth[index]!);
  return truth[largest(truth, 1)[0]!]! - Math.max(...chosen);
}

function checkCount(count: number, length: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= length) return;
  throw new RangeError(`count ${count}, allowed: a whole number from 1 to ${length}, the number of values`);
}
