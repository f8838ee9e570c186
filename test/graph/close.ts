/** Comparison of float32 results. */
import { expect } from 'chai';

/**
 * Each difference is at most `relative` times the largest expected magnitude (at least 0.2, since terms around 1 may cancel): sums of float32 products
 * carry the rounding of their largest terms, so a small result beside large ones is not known to more digits.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  relative = 1e-5,
): void {
  expect(actual.length, `${what}: number of values`).to.equal(expected.length);
  const list = Array.from(expected);
  const tolerance = relative * list.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0.2);
  for (const [index, value] of list.entries()) {
    const difference = Math.abs(actual[index]! - value);
    // Written so that NaN fails.
    if (!(difference <= tolerance)) {
      expect.fail(`${what}: value ${index} is ${actual[index]}, expected ${value} ± ${tolerance}`);
    }
  }
}
