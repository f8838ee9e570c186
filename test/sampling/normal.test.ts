import { expect } from 'chai';
import { normalTail } from '../../src/sampling/normal.ts';

describe('normalTail', () => {
  // Python's math.erfc(z / sqrt(2)) / 2; z = 2.5 and 2.6 lie on both sides of the change of method.
  for (const [z, tail] of [
    [0, 0.5],
    [0.5, 0.3085375387259869],
    [1, 0.15865525393145707],
    [1.959963984540054, 0.02500000000000002],
    [2.5, 0.006209665325776139],
    [2.6, 0.004661188023718751],
    [4, 3.1671241833119965e-5],
    [8, 6.220960574271819e-16],
  ] as const) {
    it(`of ${z} is ${tail}, and of −${z} the rest`, () => {
      expect(normalTail(z) / tail).to.be.closeTo(1, 1e-12);
      expect(normalTail(-z)).to.be.closeTo(1 - tail, 1e-15);
    });
  }
});
