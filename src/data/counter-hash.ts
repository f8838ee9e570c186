/**
 * Random numbers by counter: draw k of item i in epoch e is a hash of (seed, e, i, k), so that no draw depends on the order, the batch
 * size or the number of threads that asked for it. A stream (`random/stream.ts`) cannot give that.
 *
 * The mixing step is the 32-bit finaliser of MurmurHash3 (Appleby, public domain): a bijection in which each input bit flips each output
 * bit with a probability of about one half. Words are chained through it, each first multiplied by an odd constant (also a bijection).
 */

/** 2^32 divided by the golden ratio, odd: consecutive counters land far apart. */
const spread = 0x9e3779b9;
const wordRange = 2 ** 32;

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Takes one more word into a hash. The 1 keeps a zero word from being the identity under `mix(0) = 0`. */
function absorb(hash: number, word: number): number {
  return mix((hash ^ Math.imul(word, spread)) + 1);
}

/** The key of one epoch of one run: 32 bits. `seed` and `epoch` are safe integers, not negative; all their bits count. */
export function epochKey(seed: number, epoch: number): number {
  let key = 0;
  for (const value of [seed, epoch]) {
    key = absorb(key, value % wordRange);
    key = absorb(key, Math.floor(value / wordRange));
  }
  return key;
}

/** The key of item `index` (0 … 2^32−1) under an epoch's key. */
export function itemKey(key: number, index: number): number {
  return absorb(key, index);
}

/** Draw number `draw` of an item, uniform in [0, 1) with 32 bits. */
export function uniformAt(key: number, draw: number): number {
  return (absorb(key, draw) >>> 0) / wordRange;
}

/** Draw number `draw` of an item, a uniform integer in [0, bound); `bound` is small against 2^32, so that the bias is below bound / 2^32. */
export function integerAt(key: number, draw: number, bound: number): number {
  return Math.floor(uniformAt(key, draw) * bound);
}
