/** Kendall's rank correlation with ties (τ-b), by counting the inversions of a merge sort: Knight, JASA 61 (1966) 436. */
import { checkPairs } from './ranks.ts';

/**
 * τ-b = (concordant − discordant) / √((pairs − tied in one)(pairs − tied in the other)), in [−1, 1]; NaN where it is
 * undefined: fewer than two pairs, or one side all equal. O(n log n).
 * @throws RangeError for lists of unequal lengths or values that are not finite
 */
export function kendall(one: readonly number[], other: readonly number[]): number {
  checkPairs(one, other);
  const count = one.length;
  const order = one.map((_, index) => index).sort((a, b) => one[a]! - one[b]! || other[a]! - other[b]!);
  const first = Float64Array.from(order, (index) => one[index]!);
  const second = Float64Array.from(order, (index) => other[index]!);
  const pairs = pairsOf(count);
  const tiedFirst = tiedPairs(count, (a, b) => first[a] === first[b]);
  const tiedBoth = tiedPairs(count, (a, b) => first[a] === first[b] && second[a] === second[b]);
  // Sorted by the first, then by the second: an inversion left in the second is a discordant pair, never a tied one.
  const discordant = sortCountingInversions(second);
  const tiedSecond = tiedPairs(count, (a, b) => second[a] === second[b]);
  const concordant = pairs - tiedFirst - tiedSecond + tiedBoth - discordant;
  const scale = Math.sqrt((pairs - tiedFirst) * (pairs - tiedSecond));
  return scale === 0 ? Number.NaN : (concordant - discordant) / scale;
}

function pairsOf(count: number): number {
  return (count * (count - 1)) / 2;
}

/** Pairs within runs of neighbours that are equal. */
function tiedPairs(count: number, equal: (a: number, b: number) => boolean): number {
  let tied = 0;
  let run = 1;
  for (let index = 1; index <= count; index++) {
    if (index < count && equal(index - 1, index)) run += 1;
    else {
      tied += pairsOf(run);
      run = 1;
    }
  }
  return tied;
}

/** Sorts in place, ascending, and returns how many pairs stood the wrong way round. */
function sortCountingInversions(values: Float64Array<ArrayBuffer>): number {
  const count = values.length;
  let from = values;
  let to = new Float64Array(count);
  let inversions = 0;
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(start + 2 * width, count);
      let left = start;
      let right = middle;
      for (let place = start; place < end; place++) {
        if (right === end || (left < middle && from[left]! <= from[right]!)) {
          to[place] = from[left++]!;
        } else {
          inversions += middle - left;
          to[place] = from[right++]!;
        }
      }
    }
    [from, to] = [to, from];
  }
  if (from !== values) values.set(from);
  return inversions;
}
