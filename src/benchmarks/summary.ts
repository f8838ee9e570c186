/** What the trials of a sweep come to: mean, deviation, regret and rank at each budget, curves, queries to the optimum. */
import { quantile } from '../statistics/percentile.ts';
import type { Fit } from './assess.ts';
import { type Ranking, rankValues, type TabularBenchmark } from './benchmark.ts';
import { foundAfter, type Trial } from './method.ts';
import type { LoggedResult } from './trial-log.ts';

/** A method at a budget. Accuracies in percent, of the network with the best searched accuracy among the queried. */
export interface BudgetSummary {
  readonly method: string;
  readonly queries: number;
  readonly trials: number;
  readonly mean: number;
  /** Sample standard deviation over trials; 0 for a single one. */
  readonly deviation: number;
  /** The table's best reported accuracy less the mean. */
  readonly regret: number;
  /** Mean place of the network among all of the table, 1 for the best. */
  readonly rank: number;
}

/** Queries until the best network of the table was queried, by the searched or by the reported accuracy. */
export interface OptimumSummary {
  readonly method: string;
  readonly by: 'searched' | 'reported';
  readonly trials: number;
  /** Trials that did not get there within the budget. They count as the budget in the mean and the quartiles. */
  readonly missed: number;
  readonly mean: number;
  readonly median: number;
  readonly quartiles: readonly [number, number];
}

/** A predictor over its seeds: the mean of each figure, and its sample standard deviation. */
export interface AssessmentSummary {
  readonly method: string;
  readonly examples: number;
  readonly on: 'all' | 'above 91 %';
  readonly trials: number;
  readonly networks: number;
  readonly mse: Spread;
  readonly kendall: Spread;
  readonly r2: Spread;
}

export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

export interface CurvePoint {
  readonly method: string;
  readonly queries: number;
  readonly mean: number;
  readonly deviation: number;
  readonly rank: number;
}

export interface SweepSummary {
  readonly benchmark: string;
  readonly networks: number;
  readonly searched: string;
  readonly reported: string;
  /** The table's best, by reported accuracy, in percent. */
  readonly best: number;
  readonly budgets: readonly BudgetSummary[];
  readonly optimum: readonly OptimumSummary[];
  readonly assessments: readonly AssessmentSummary[];
  readonly seconds: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function byMethod(results: readonly LoggedResult[]): Map<string, LoggedResult[]> {
  const groups = new Map<string, LoggedResult[]>();
  for (const result of results) groups.set(result.method, [...(groups.get(result.method) ?? []), result]);
  return groups;
}

function trialsOf(results: readonly LoggedResult[]): Trial[] {
  return results.flatMap((result) => ('trial' in result ? [result.trial] : []));
}

function atQueries(benchmark: TabularBenchmark, { rank }: Ranking, trials: readonly Trial[], queries: number) {
  const accuracies = trials.map((trial) => benchmark.reported.values[foundAfter(trial, queries)]!);
  return { ...spreadOf(accuracies), rank: spreadOf(accuracies.map(rank)).mean };
}

/** About `points` whole numbers from 1 to `budget`, evenly on a logarithmic scale. */
export function curveQueries(budget: number, points = 100): number[] {
  const steps = Array.from({ length: points }, (_, index) => Math.round(budget ** (index / (points - 1))));
  return [...new Set(steps)];
}

/** Points of each method's mean curve: the found network's accuracy after so many queries. */
export function curvePoints(
  benchmark: TabularBenchmark,
  results: readonly LoggedResult[],
  budget: number,
): CurvePoint[] {
  const ranking = rankValues(benchmark.reported);
  return [...byMethod(results)].flatMap(([method, group]) => {
    const trials = trialsOf(group);
    if (trials.length === 0) return [];
    return curveQueries(budget).map((queries) => ({
      method,
      queries,
      ...atQueries(benchmark, ranking, trials, queries),
    }));
  });
}

export function summarise(
  benchmark: TabularBenchmark,
  results: readonly LoggedResult[],
  budgets: readonly number[],
  untilOptimum: boolean,
): SweepSummary {
  const ranking = rankValues(benchmark.reported);
  const groups = [...byMethod(results)];
  const cap = Math.max(...budgets);
  return {
    benchmark: benchmark.name,
    networks: benchmark.rows,
    searched: benchmark.searched.name,
    reported: benchmark.reported.name,
    best: ranking.best,
    budgets: groups.flatMap(([method, group]) => {
      const trials = trialsOf(group);
      if (trials.length === 0) return [];
      return budgets.map((queries) => {
        const found = atQueries(benchmark, ranking, trials, queries);
        return { method, queries, trials: trials.length, ...found, regret: ranking.best - found.mean };
      });
    }),
    optimum: untilOptimum ? groups.flatMap(([method, group]) => summariseOptimum(method, trialsOf(group), cap)) : [],
    assessments: groups.flatMap(([method, group]) => summariseAssessments(method, group)),
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

function summariseOptimum(method: string, trials: readonly Trial[], cap: number): OptimumSummary[] {
  if (trials.length === 0) return [];
  return (['searched', 'reported'] as const).map((by) => {
    const queries = trials.map(({ optimum }) => optimum[by] ?? cap);
    return {
      method,
      by,
      trials: trials.length,
      missed: trials.filter(({ optimum }) => optimum[by] === null).length,
      mean: spreadOf(queries).mean,
      median: quantile(queries, 0.5),
      quartiles: [quantile(queries, 0.25), quantile(queries, 0.75)],
    };
  });
}

function summariseAssessments(method: string, results: readonly LoggedResult[]): AssessmentSummary[] {
  const assessments = results.flatMap((result) => ('assessment' in result ? [result.assessment] : []));
  const examples = assessments[0]?.examples ?? 0;
  const over = (on: AssessmentSummary['on'], fits: readonly Fit[]): AssessmentSummary[] =>
    fits.length === 0
      ? []
      : [
          {
            method,
            examples,
            on,
            trials: fits.length,
            networks: fits[0]!.networks,
            mse: spreadOf(fits.map(({ mse }) => mse)),
            kendall: spreadOf(fits.map((fit) => fit.kendall)),
            r2: spreadOf(fits.map(({ r2 }) => r2)),
          },
        ];
  return [
    ...over(
      'all',
      assessments.map(({ all }) => all),
    ),
    ...over(
      'above 91 %',
      assessments.flatMap(({ upper }) => (upper === null ? [] : [upper])),
    ),
  ];
}
