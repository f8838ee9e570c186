/** Where a value stands in a sample, for "the best against 50 random paths". */

/**
 * Percentile rank of `value`, 0 … 100: the share of the sample below it, equal values counted half. NaN in the sample
 * counts as below. Throws RangeError for an empty sample or a NaN value.
 */
export function percentileOf(value: number, sample: readonly number[]): number {
  if (sample.length === 0) throw new RangeError('percentileOf: the sample is empty');
  if (Number.isNaN(value)) throw new RangeError('percentileOf: the value is NaN');
  const below = sample.filter((other) => other < value || Number.isNaN(other)).length;
  const equal = sample.filter((other) => other === value).length;
  return (100 * (below + equal / 2)) / sample.length;
}

/**
 * The sample's quantile at `share` (0 … 1), linear between order statistics (R's type 7, NumPy's default). Throws
 * RangeError for an empty sample, NaN in it, or a share outside 0 … 1.
 */
export function quantile(sample: readonly number[], share: number): number {
  if (sample.length === 0 || sample.some(Number.isNaN)) {
    throw new RangeError(`quantile: needs a sample of numbers, got [${sample.join(', ')}]`);
  }
  if (!(share >= 0 && share <= 1)) throw new RangeError(`quantile: share must be from 0 to 1, got ${share}`);
  const sorted = sample.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}
