import { expect } from 'chai';
import { cosineRate } from '../../src/training/schedule.ts';

describe('training/schedule', () => {
  const schedule = { steps: 100, learningRate: 0.12, minLearningRate: 1e-5 };

  it('begins at the full rate, is the mean in the middle, and nears the minimum', () => {
    expect(cosineRate(schedule, 0)).to.equal(0.12);
    expect(cosineRate(schedule, 50)).to.be.closeTo((0.12 + 1e-5) / 2, 1e-12);
    expect(cosineRate(schedule, 100)).to.be.closeTo(1e-5, 1e-15);
    // min + ½ (max − min)(1 + cos(π · 0.25)), by hand
    expect(cosineRate(schedule, 25)).to.be.closeTo(1e-5 + 0.5 * 0.11999 * (1 + Math.SQRT1_2), 1e-12);
  });

  it('never rises without warm-up', () => {
    for (let step = 1; step < 100; step++) {
      expect(cosineRate(schedule, step)).to.be.below(cosineRate(schedule, step - 1));
    }
  });

  it('rises linearly over a warm-up, then decays to the same end', () => {
    const warm = { ...schedule, warmupSteps: 10 };
    expect(cosineRate(warm, 0)).to.be.closeTo(0.012, 1e-12);
    expect(cosineRate(warm, 9)).to.be.closeTo(0.12, 1e-12);
    expect(cosineRate(warm, 10)).to.equal(0.12);
    expect(cosineRate(warm, 100)).to.be.closeTo(1e-5, 1e-15);
  });
});
