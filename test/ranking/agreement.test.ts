import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { compareOrders, seedCeiling, topCount } from '../../src/ranking/agreement.ts';
import { regret, topOverlap } from '../../src/statistics/best.ts';
import { kendall } from '../../src/statistics/kendall.ts';
import { spearman } from '../../src/statistics/spearman.ts';

/** Truth, a good and a poor prediction of it. */
function networks(count: number) {
  const stream = createStream(1, 'networks');
  const noisy = (values: readonly number[], noise: number) => values.map((value) => value + noise * stream.uniform());
  const truth = Array.from({ length: count }, () => stream.uniform());
  return { truth, good: noisy(truth, 0.4), poor: noisy(truth, 2) };
}

const bootstrap = () => createStream(2, 'bootstrap');

describe('compareOrders', () => {
  const { truth, good, poor } = networks(60);
  const { predicted, other, gain } = compareOrders({ predicted: good, other: poor, truth }, bootstrap());

  it('has the correlations of all networks, and an interval round each', () => {
    expect(predicted.overall.spearman.value).to.equal(spearman(good, truth));
    expect(predicted.overall.kendall.value).to.equal(kendall(good, truth));
    expect(other.overall.kendall.value).to.equal(kendall(poor, truth));
    for (const { value, low, high } of [predicted.overall.spearman, predicted.overall.kendall, other.overall.kendall]) {
      expect(low).to.be.below(value!);
      expect(high).to.be.above(value!);
    }
  });

  it('has those of the truly best fifth', () => {
    expect(topCount(60)).to.equal(12);
    const best = truth
      .map((_, index) => index)
      .sort((a, b) => truth[b]! - truth[a]!)
      .slice(0, 12);
    const of = (values: readonly number[]) => best.map((index) => values[index]!);
    expect(predicted.top.kendall.value).to.be.closeTo(kendall(of(good), of(truth)), 1e-12);
    expect(other.top.spearman.value).to.be.closeTo(spearman(of(poor), of(truth)), 1e-12);
  });

  it('has the gain on the same samples: surer than the two intervals alone', () => {
    const { value, low, high } = gain.overall.kendall;
    expect(value).to.be.closeTo(kendall(good, truth) - kendall(poor, truth), 1e-12);
    expect(low).to.be.above(0);
    const apart = predicted.overall.kendall.high! - other.overall.kendall.low!;
    expect(high).to.be.below(apart);
    const none = compareOrders({ predicted: good, other: good, truth }, bootstrap()).gain;
    expect(none.overall.kendall).to.deep.equal({ value: 0, low: 0, high: 0 });
  });

  it('has overlap and regret', () => {
    expect(predicted.overlap10).to.equal(topOverlap(good, truth, 10));
    expect(predicted.overlap50).to.equal(topOverlap(good, truth, 50));
    expect(predicted.regret).to.equal(regret(good, truth));
  });

  it('says nothing of the best 50 of fewer networks, nor of what ties', () => {
    const few = { truth: truth.slice(0, 20), predicted: good.slice(0, 20), other: good.slice(0, 20).map(() => 1) };
    const found = compareOrders(few, bootstrap());
    expect(found.predicted.overlap50).to.equal(null);
    expect(found.predicted.overlap10).to.be.a('number');
    expect(found.other.overall.kendall).to.deep.equal({ value: null, low: null, high: null });
  });

  it('is a function of its stream', () => {
    expect(compareOrders({ predicted: good, other: poor, truth }, bootstrap())).to.deep.equal({
      predicted,
      other,
      gain,
    });
  });
});

describe('seedCeiling', () => {
  const { truth } = networks(60);
  const stream = createStream(3, 'runs');
  const runs = [0, 1, 2].map(() => truth.map((value) => value + 0.2 * stream.uniform()));

  it('is the mean over the pairs of trainings', () => {
    const ceiling = seedCeiling(runs, bootstrap());
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const;
    const expected = pairs.reduce((sum, [a, b]) => sum + kendall(runs[a]!, runs[b]!), 0) / 3;
    expect(ceiling.overall.kendall.value).to.be.closeTo(expected, 1e-12);
    expect(ceiling.overall.kendall.low).to.be.below(expected);
    const regrets = [0, 1, 2].flatMap((a) => [0, 1, 2].filter((b) => b !== a).map((b) => regret(runs[a]!, runs[b]!)));
    expect(ceiling.regret).to.be.closeTo(regrets.reduce((sum, value) => sum + value, 0) / 6, 1e-12);
  });

  it('is perfect where trainings agree', () => {
    const ceiling = seedCeiling([truth, truth], bootstrap());
    expect(ceiling.overall.kendall).to.deep.equal({ value: 1, low: 1, high: 1 });
    expect(ceiling.top.spearman.value).to.be.closeTo(1, 1e-12);
    expect(ceiling).to.include({ overlap10: 1, overlap50: 1, regret: 0 });
  });
});
