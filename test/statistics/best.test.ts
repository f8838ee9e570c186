import { expect } from 'chai';
import { largest, regret, topOverlap } from '../../src/statistics/best.ts';

describe('largest', () => {
  it('is best first, equal values in their order', () => {
    expect(largest([1, 3, 2, 3], 3)).to.deep.equal([1, 3, 2]);
    expect(largest([1], 5)).to.deep.equal([0]);
  });
});

describe('topOverlap', () => {
  const truth = [10, 9, 8, 7, 6, 5];

  it('is the share of the best that the prediction puts among its best, in any order', () => {
    expect(topOverlap([2, 3, 9, 1, 0, 0], truth, 3)).to.equal(1);
    expect(topOverlap([2, 0, 9, 8, 0, 0], truth, 3)).to.be.closeTo(2 / 3, 1e-12);
    expect(topOverlap([0, 0, 0, 7, 8, 9], truth, 3)).to.equal(0);
    expect(topOverlap([0, 0, 0, 7, 8, 9], truth, 6)).to.equal(1);
  });

  it('refuses a count that the values do not have', () => {
    for (const count of [0, 7, 1.5]) {
      expect(() => topOverlap(truth, truth, count)).to.throw(RangeError, 'from 1 to 6');
    }
    expect(() => topOverlap([1], truth, 1)).to.throw(RangeError, 'paired');
  });
});

describe('regret', () => {
  const truth = [90, 92, 93, 91];

  it('is what the predicted best lacks to the best', () => {
    expect(regret([1, 2, 3, 0], truth)).to.equal(0);
    expect(regret([9, 2, 3, 0], truth)).to.equal(3);
  });

  it('allows the best of several predicted ones', () => {
    expect(regret([9, 8, 3, 0], truth, 2)).to.equal(1);
    expect(regret([9, 8, 3, 0], truth, 3)).to.equal(0);
  });

  it('refuses no values', () => {
    expect(() => regret([], [])).to.throw(RangeError, 'count 1');
  });
});
