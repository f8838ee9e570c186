import { expect } from 'chai';
import fc from 'fast-check';
import { epochKey, integerAt, itemKey, uniformAt } from '../../src/data/counter-hash.ts';
import { chiSquare } from './chi-square.ts';

const draws = 10_000;

describe('counter-hash', () => {
  it('is a function of its arguments, with golden values', () => {
    // Made by an independent transcription of the same steps in Python (integers modulo 2^32): test/data/counter-hash.py.
    expect(epochKey(42, 0) >>> 0).to.equal(4054362388);
    expect(epochKey(2 ** 40 + 1, 7) >>> 0).to.equal(258076404);
    expect(uniformAt(itemKey(epochKey(42, 3), 12345), 2)).to.equal(2841695107 / 2 ** 32);
  });

  it('draws integers uniformly along every counter', () => {
    // 9 values, 8 degrees of freedom: the 0.999 quantile of chi-square is 26.1.
    const along: Record<string, (counter: number) => number> = {
      index: (counter) => integerAt(itemKey(epochKey(42, 0), counter), 0, 9),
      epoch: (counter) => integerAt(itemKey(epochKey(42, counter), 5), 0, 9),
      seed: (counter) => integerAt(itemKey(epochKey(counter, 0), 5), 0, 9),
      draw: (counter) => integerAt(itemKey(epochKey(42, 0), 5), counter, 9),
      'high half of the seed': (counter) => integerAt(itemKey(epochKey(counter * 2 ** 32, 0), 5), 0, 9),
    };
    for (const [name, draw] of Object.entries(along)) {
      const counts = new Array<number>(9).fill(0);
      for (let counter = 0; counter < draws; counter++) counts[draw(counter)]!++;
      expect(chiSquare(counts), name).to.be.below(26.1);
    }
  });

  it('gives neighbours, epochs and draws that do not go together', () => {
    const key = epochKey(42, 0);
    const next = epochKey(42, 1);
    const base = Float64Array.from({ length: draws }, (_, index) => uniformAt(itemKey(key, index), 0));
    const others: Record<string, (index: number) => number> = {
      'next index': (index) => uniformAt(itemKey(key, index + 1), 0),
      'next epoch': (index) => uniformAt(itemKey(next, index), 0),
      'next draw': (index) => uniformAt(itemKey(key, index), 1),
      'next seed': (index) => uniformAt(itemKey(epochKey(43, 0), index), 0),
    };
    for (const [name, other] of Object.entries(others)) {
      let product = 0;
      for (let index = 0; index < draws; index++) product += (base[index]! - 0.5) * (other(index) - 0.5);
      // The correlation of 10,000 independent pairs has the standard deviation 0.01.
      expect(Math.abs((12 * product) / draws), name).to.be.below(0.035);
    }
  });

  it('flips each output bit half of the time when one input bit flips', () => {
    const flips = new Array<number>(32).fill(0);
    let trials = 0;
    for (let index = 0; index < 1000; index++) {
      for (let bit = 0; bit < 32; bit++) {
        const change = itemKey(99, index) ^ itemKey(99, index ^ (1 << bit));
        for (let output = 0; output < 32; output++) flips[output]! += (change >>> output) & 1;
        trials++;
      }
    }
    for (const count of flips) expect(count / trials).to.be.within(0.48, 0.52);
  });

  it('never makes two items of one epoch the same', () => {
    const keys = new Set(Array.from({ length: 200_000 }, (_, index) => itemKey(epochKey(42, 0), index)));
    expect(keys.size).to.equal(200_000);
  });

  it('stays below its bound', () =>
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 1000 }),
        (seed, epoch, index, bound) => {
          const value = integerAt(itemKey(epochKey(seed, epoch), index), 0, bound);
          expect(Number.isInteger(value) && value >= 0 && value < bound).to.equal(true);
        },
      ),
    ));
});
