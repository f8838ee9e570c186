/** How well one order of networks agrees with the true one: rank correlations with intervals, overlap of the best, regret. */
import type { RandomStream } from '../random/stream.ts';
import { largest, regret, topOverlap } from '../statistics/best.ts';
import { bootstrapIntervals } from '../statistics/bootstrap.ts';
import { kendall } from '../statistics/kendall.ts';
import { spearman } from '../statistics/spearman.ts';

/** A figure with its 95 % bootstrap interval over networks; null where it is undefined (all values tie). */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Correlations {
  readonly spearman: Estimate;
  readonly kendall: Estimate;
}

export interface Agreement {
  /** Over all networks. */
  readonly overall: Correlations;
  /** Over the truly best ones, a share of `topShare`. */
  readonly top: Correlations;
  /** Share of the truly best 10 (50) networks among the predicted best 10 (50), 0 … 1; null of fewer networks than that. */
  readonly overlap10: number | null;
  readonly overlap50: number | null;
  /** Truth of the best network less that of the predicted best, in the truth's unit. */
  readonly regret: number;
}

/** The truly best networks that are looked at by themselves: a fifth, as a search moves among good networks only. */
export const topShare = 0.2;

/** Samples of the bootstrap. */
const samples = 1000;

/** Pairs of prediction and truth, each higher is better, over the same networks. */
export interface Order {
  readonly predicted: readonly number[];
  readonly truth: readonly number[];
  /** What decides which networks are the truly best ones. */
  readonly merit: readonly number[];
}

/** Spearman and Kendall over all, then over the best: the order of the figures below. */
function correlationsOf({ predicted, truth, merit }: Order, sample: readonly number[]): number[] {
  const take = (values: readonly number[], indices: readonly number[]) => indices.map((index) => values[index]!);
  const top = largest(take(merit, sample), topCount(sample.length)).map((place) => sample[place]!);
  return [sample, top].flatMap((indices) => {
    const [one, other] = [take(predicted, indices), take(truth, indices)];
    return [spearman(one, other), kendall(one, other)];
  });
}

export function topCount(networks: number): number {
  return Math.ceil(topShare * networks);
}

function asEstimate(value: number, { low, high }: { low: number; high: number }): Estimate {
  const defined = (each: number): number | null => (Number.isNaN(each) ? null : each);
  return { value: defined(value), low: defined(low), high: defined(high) };
}

function asCorrelations(estimates: readonly Estimate[]): { overall: Correlations; top: Correlations } {
  const [spearmanOverall, kendallOverall, spearmanTop, kendallTop] = estimates;
  return {
    overall: { spearman: spearmanOverall!, kendall: kendallOverall! },
    top: { spearman: spearmanTop!, kendall: kendallTop! },
  };
}

export interface Comparison {
  readonly predicted: Agreement;
  /** What the other prediction lacks to it: its correlations less the other's, on the same samples. */
  readonly gain: { readonly overall: Correlations; readonly top: Correlations };
  readonly other: Agreement;
}

/** Compares two predictions of the same truth. All lists are of the same networks; at least two. */
export function compareOrders(
  orders: {
    readonly predicted: readonly number[];
    readonly other: readonly number[];
    readonly truth: readonly number[];
  },
  stream: RandomStream,
): Comparison {
  const { predicted, other, truth } = orders;
  const one = { predicted, truth, merit: truth };
  const two = { predicted: other, truth, merit: truth };
  const figures = (sample: readonly number[]): number[] => {
    const [first, second] = [correlationsOf(one, sample), correlationsOf(two, sample)];
    return [...first, ...second, ...first.map((value, index) => value - second[index]!)];
  };
  const estimates = estimate(truth.length, figures, stream);
  return {
    predicted: { ...asCorrelations(estimates.slice(0, 4)), ...foundBest([one]) },
    other: { ...asCorrelations(estimates.slice(4, 8)), ...foundBest([two]) },
    gain: asCorrelations(estimates.slice(8)),
  };
}

/**
 * How well one training of the networks predicts another one, the most that a prediction can be asked for: the mean over
 * all pairs of trainings.
 * @param runs accuracies of each training, at least two, over the same networks
 */
export function seedCeiling(runs: readonly (readonly number[])[], stream: RandomStream): Agreement {
  const merit = runs[0]!.map((_, network) => runs.reduce((sum, run) => sum + run[network]!, 0));
  const pairsWhere = (wanted: (one: number, other: number) => boolean): Order[] =>
    runs.flatMap((predicted, one) =>
      runs.filter((_, other) => wanted(one, other)).map((truth) => ({ predicted, truth, merit })),
    );
  // Correlations are the same both ways.
  const pairs = pairsWhere((one, other) => one < other);
  const figures = (sample: readonly number[]): number[] => {
    const each = pairs.map((pair) => correlationsOf(pair, sample));
    return each[0]!.map((_, index) => mean(each.map((values) => values[index]!)));
  };
  return {
    ...asCorrelations(estimate(merit.length, figures, stream)),
    ...foundBest(pairsWhere((one, other) => one !== other)),
  };
}

function estimate(count: number, figures: (sample: readonly number[]) => number[], stream: RandomStream): Estimate[] {
  const all = figures(Array.from({ length: count }, (_, index) => index));
  const intervals = bootstrapIntervals({ count, figures, samples, stream });
  return all.map((value, index) => asEstimate(value, intervals[index]!));
}

function foundBest(orders: readonly Order[]): Pick<Agreement, 'overlap10' | 'overlap50' | 'regret'> {
  const overlap = (count: number): number | null =>
    orders[0]!.truth.length < count
      ? null
      : mean(orders.map(({ predicted, truth }) => topOverlap(predicted, truth, count)));
  return {
    overlap10: overlap(10),
    overlap50: overlap(50),
    regret: mean(orders.map(({ predicted, truth }) => regret(predicted, truth))),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
