/** Where the numbers of an axis stand, and how they are written. */

export interface Ticks {
  readonly values: readonly number[];
  /** The text of a value, all with the same number of decimals. */
  readonly format: (value: number) => string;
}

/**
 * About `wanted` round numbers (1, 2 or 5 times a power of ten apart) that lie within `low` … `high`. Bounds that are equal, or
 * nearer than a billionth of their size, where doubles run out, give `low` alone.
 * Throws RangeError for bounds that are not finite or in the wrong order.
 */
export function roundTicks(low: number, high: number, wanted: number): Ticks {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high) {
    throw new RangeError(`an axis from ${low} to ${high}: allowed are finite bounds, the lower one first`);
  }
  if (high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-9) return { values: [low], format: String };
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.7) ?? 10 * power;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const values: number[] = [];
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high + step * 1e-9; number++)
    values.push(number * step);
  return { values, format: (value) => (Math.abs(value) < step / 1e6 ? 0 : value).toFixed(decimals) };
}
