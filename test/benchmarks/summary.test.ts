import { expect } from 'chai';
import { measureFit } from '../../src/benchmarks/assess.ts';
import { curvePoints, curveQueries, spreadOf, summarise } from '../../src/benchmarks/summary.ts';
import type { LoggedResult } from '../../src/benchmarks/trial-log.ts';
import { toyBenchmark } from './tables.ts';

const values = Float64Array.of(10, 20, 30, 40, 50);
const toy = toyBenchmark();
const benchmark = {
  ...toy,
  rows: 5,
  searched: { name: 'validation', values: Float64Array.of(1, 2, 3, 4, 5) },
  reported: { name: 'test', values },
};
const trial = (
  method: string,
  seed: number,
  improvements: [number, number][],
  reached: number | null,
): LoggedResult => ({
  method,
  seed,
  seconds: 2,
  trial: { queries: 10, improvements, optimum: { searched: reached, reported: null } },
});

describe('summarise', () => {
  const results = [
    trial(
      'random',
      1,
      [
        [1, 0],
        [3, 2],
      ],
      3,
    ),
    trial(
      'random',
      2,
      [
        [1, 1],
        [8, 4],
      ],
      null,
    ),
    trial('weaknas', 1, [[1, 3]], 1),
  ];

  it('has mean, sample deviation, regret and mean rank of the network found at each budget', () => {
    const { budgets, best, seconds } = summarise(benchmark, results, [2, 10], false);
    expect(best).to.equal(50);
    expect(seconds).to.equal(6);
    expect(budgets).to.deep.equal([
      { method: 'random', queries: 2, trials: 2, mean: 15, deviation: Math.sqrt(50), regret: 35, rank: 4.5 },
      { method: 'random', queries: 10, trials: 2, mean: 40, deviation: Math.sqrt(200), regret: 10, rank: 2 },
      { method: 'weaknas', queries: 2, trials: 1, mean: 40, deviation: 0, regret: 10, rank: 2 },
      { method: 'weaknas', queries: 10, trials: 1, mean: 40, deviation: 0, regret: 10, rank: 2 },
    ]);
  });

  it('counts trials that missed the optimum as the cap', () => {
    const { optimum } = summarise(benchmark, results, [2, 10], true);
    expect(optimum[0]).to.deep.equal({
      method: 'random',
      by: 'searched',
      trials: 2,
      missed: 1,
      mean: 6.5,
      median: 6.5,
      quartiles: [4.75, 8.25],
    });
    expect(optimum[1]).to.include({ by: 'reported', missed: 2, mean: 10 });
  });

  it('draws a curve of about a hundred points that ends at the budget', () => {
    expect(curveQueries(1)).to.deep.equal([1]);
    const queries = curveQueries(2000);
    expect([queries[0], queries.at(-1)]).to.deep.equal([1, 2000]);
    expect(queries).to.have.length.within(70, 100);
    const points = curvePoints(benchmark, results, 10).filter(({ method }) => method === 'random');
    expect(points.find((point) => point.queries === 3)?.mean).to.equal(25);
  });

  it('averages assessments over seeds, all networks and the upper ones apart', () => {
    const fitOf = (tau: number) => ({ networks: 4, mse: 2 * tau, kendall: tau, r2: 0 });
    const assessed = [0.5, 0.7].map(
      (tau, index): LoggedResult => ({
        method: 'neural-predictor',
        seed: index + 1,
        seconds: 1,
        assessment: { examples: 172, all: fitOf(tau), upper: index === 0 ? fitOf(0.1) : null, sample: [] },
      }),
    );
    const { assessments, budgets } = summarise(benchmark, assessed, [10], false);
    expect(budgets).to.deep.equal([]);
    expect(assessments.map(({ on, trials }) => [on, trials])).to.deep.equal([
      ['all', 2],
      ['above 91 %', 1],
    ]);
    expect(assessments[0]!.kendall.mean).to.be.closeTo(0.6, 1e-12);
    expect(assessments[0]!.kendall.deviation).to.be.closeTo(Math.sqrt(0.02), 1e-12);
  });
});

describe('spreadOf and measureFit', () => {
  it('are the sample deviation, the squared error, and 0 for predicting the mean', () => {
    expect(spreadOf([1, 3])).to.deep.equal({ mean: 2, deviation: Math.SQRT2 });
    const fit = measureFit([2, 2, 2, 2.5], [1, 2, 3, 2]);
    expect(fit.mse).to.equal(2.25 / 4);
    expect(fit.r2).to.be.closeTo(1 - 2.25 / 2, 1e-12);
    const perfect = measureFit([1, 2, 3], [1, 2, 3]);
    expect(perfect).to.include({ networks: 3, mse: 0, r2: 1 });
    expect(perfect.kendall).to.be.closeTo(1, 1e-12);
  });
});
