import { expect } from 'chai';
import { averageFactor, type RetrainSchedule, retrainRate } from '../../src/retraining/schedule.ts';

/** The recipe of the SE networks. */
const recipe: RetrainSchedule = {
  schedule: 'exponential',
  epochs: 450,
  learningRate: 0.048,
  minLearningRate: 1e-5,
  decayRate: 0.97,
  decayEpochs: 2.4,
  warmupEpochs: 3,
  warmupLearningRate: 1e-6,
};
const perEpoch = 10;

describe('retraining/schedule', () => {
  it('rises linearly over the warm-up', () => {
    expect(retrainRate(recipe, 0, perEpoch)).to.equal(1e-6);
    expect(retrainRate(recipe, 15, perEpoch)).to.be.closeTo((0.048 + 1e-6) / 2, 1e-9);
    expect(retrainRate(recipe, 30, perEpoch)).to.be.closeTo(0.048 * 0.97, 1e-12);
  });

  it('falls in steps, counted from the start', () => {
    const rate = (epoch: number) => retrainRate(recipe, Math.round(epoch * perEpoch), perEpoch);
    expect(rate(4.7)).to.be.closeTo(0.048 * 0.97, 1e-12);
    // Epochs 4.8 and 240 are the second and the hundredth multiple of 2.4, to the update.
    expect(rate(4.8)).to.be.closeTo(0.048 * 0.97 ** 2, 1e-12);
    expect(rate(239.9)).to.be.closeTo(0.048 * 0.97 ** 99, 1e-12);
    expect(rate(240)).to.be.closeTo(0.048 * 0.97 ** 100, 1e-12);
  });

  it('follows half a cosine from the end of the warm-up to the least rate', () => {
    const cosine = { ...recipe, schedule: 'cosine', epochs: 23 } as const;
    expect(retrainRate(cosine, 30, perEpoch)).to.equal(0.048);
    expect(retrainRate(cosine, 130, perEpoch)).to.be.closeTo((0.048 + 1e-5) / 2, 1e-12);
    expect(retrainRate(cosine, 230, perEpoch)).to.be.closeTo(1e-5, 1e-12);
  });

  it('can do without a warm-up', () => {
    expect(retrainRate({ ...recipe, warmupEpochs: 0 }, 0, perEpoch)).to.equal(0.048);
  });

  it('averages with a constant memory, or one that grows', () => {
    expect(averageFactor(0.9999, false, 0)).to.be.closeTo(1e-4, 1e-12);
    expect(averageFactor(0.9999, true, 0)).to.be.closeTo(1 - 2 / 11, 1e-12);
    expect(averageFactor(0.9999, true, 1_000_000)).to.be.closeTo(1e-4, 1e-12);
  });
});
