import { expect } from 'chai';
import { rankByLoss } from '../../src/sampling/ranking.ts';

describe('rankByLoss', () => {
  it('puts the lowest loss first and equal losses in their order', () => {
    expect(rankByLoss([2, 1, 3, 1, 2])).to.deep.equal([1, 3, 0, 4, 2]);
  });

  it('puts NaN and infinities last, in their order', () => {
    const { NEGATIVE_INFINITY: minus, POSITIVE_INFINITY: plus, NaN: none } = Number;
    expect(rankByLoss([none, 5, minus, 1e300, plus, none, 4])).to.deep.equal([6, 1, 3, 0, 2, 4, 5]);
    expect(rankByLoss([none, none])).to.deep.equal([0, 1]);
  });
});
