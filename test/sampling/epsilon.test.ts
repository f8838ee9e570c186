import { expect } from 'chai';
import { epsilonAt } from '../../src/sampling/epsilon.ts';

describe('epsilonAt', () => {
  const paper = { epsilon: 0.8, from: 10_000, to: 144_360 };

  it('is 0 until warm-up ends and the full value from the last step on', () => {
    expect(epsilonAt(paper, 0)).to.equal(0);
    expect(epsilonAt(paper, 10_000)).to.equal(0);
    expect(epsilonAt(paper, 10_001)).to.be.above(0);
    expect(epsilonAt(paper, 144_359)).to.be.below(0.8);
    expect(epsilonAt(paper, 144_360)).to.equal(0.8);
    expect(epsilonAt(paper, 200_000)).to.equal(0.8);
  });

  it('is linear: half-way at the middle, and 0.27 where the paper stopped', () => {
    expect(epsilonAt(paper, (10_000 + 144_360) / 2)).to.be.closeTo(0.4, 1e-12);
    // 0.8 · (55,338 − 10,000) / 134,360
    expect(epsilonAt(paper, 55_338)).to.be.closeTo(0.26995, 1e-5);
  });

  it('stays 0 when training ends with warm-up', () => {
    expect(epsilonAt({ epsilon: 0.8, from: 100, to: 99 }, 99)).to.equal(0);
    expect(epsilonAt({ epsilon: 0.8, from: 99, to: 99 }, 99)).to.equal(0);
  });
});
