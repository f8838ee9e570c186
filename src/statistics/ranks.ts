/** Ranks of values, and how values are ordered when they tie. */

/** Throws a RangeError unless both have the same length and hold finite numbers only: a NaN has no rank. */
export function checkPairs(one: readonly number[], other: readonly number[]): void {
  if (one.length !== other.length) throw new RangeError(`${one.length} values cannot be paired with ${other.length}`);
  for (const values of [one, other]) {
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index !== -1) throw new RangeError(`value ${index} is ${values[index]}, allowed: finite numbers`);
  }
}

/** Indices of the values, smallest first, equal ones in their order. */
function ascendingOrder(values: readonly number[]): number[] {
  return values.map((_, index) => index).sort((a, b) => values[a]! - values[b]! || a - b);
}

/** The rank of each value, 1 for the smallest; equal values share the mean of their ranks. */
export function meanRanks(values: readonly number[]): number[] {
  const order = ascendingOrder(values);
  const ranks = new Array<number>(values.length).fill(0);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let place = first; place < end; place++) ranks[order[place]!] = (first + 1 + end) / 2;
    first = end;
  }
  return ranks;
}
