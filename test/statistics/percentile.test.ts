import { expect } from 'chai';
import { percentileOf, quantile } from '../../src/statistics/percentile.ts';

describe('percentileOf', () => {
  it('is the share below, equal values counted half', () => {
    const sample = [4, 1, 3, 2];
    expect([0, 1, 2.5, 4, 9].map((value) => percentileOf(value, sample))).to.deep.equal([0, 12.5, 50, 87.5, 100]);
    expect(percentileOf(1, [1, 1, 1])).to.equal(50);
    expect(percentileOf(1, [Number.NaN, 2])).to.equal(50);
  });

  it('refuses an empty sample and NaN', () => {
    expect(() => percentileOf(1, [])).to.throw(RangeError, 'empty');
    expect(() => percentileOf(Number.NaN, [1])).to.throw(RangeError, 'NaN');
  });
});

describe('quantile', () => {
  it("is linear between order statistics, as NumPy's default", () => {
    // numpy.quantile([3, 1, 2, 10], [0, .25, .5, .9, 1])
    expect([0, 0.25, 0.5, 1].map((share) => quantile([3, 1, 2, 10], share))).to.deep.equal([1, 1.75, 2.5, 10]);
    expect(quantile([3, 1, 2, 10], 0.9)).to.be.closeTo(7.9, 1e-12);
    expect(quantile([5], 0.3)).to.equal(5);
  });

  it('refuses what has no quantile', () => {
    for (const [sample, share] of [
      [[], 0.5],
      [[1, Number.NaN], 0.5],
      [[1], 1.1],
      [[1], Number.NaN],
    ] as const) {
      expect(() => quantile(sample, share)).to.throw(RangeError);
    }
  });
});
