/**
 * What the trainer asks of a sampler: which path to train next. Every sampling method answers through this interface.
 */
import type { Path } from '../space/space.ts';

/** The paths of one round. */
export interface RankingRound {
  /** Distinct paths. */
  readonly paths: readonly Path[];
  /** How often each of them was drawn: so many places it takes in the ranking. */
  readonly places: readonly number[];
  /** k: the places that matter. */
  readonly keep: number;
}

export interface Ranking {
  /**
   * Losses on the ranking images, in the order of the paths; NaN and ±Infinity are allowed. An estimate, for a path that
   * was not evaluated on all of them.
   */
  readonly losses: readonly number[];
  /** Indices of the paths, best first: by their losses, where all are known; NaN and ±Infinity last. */
  readonly order: readonly number[];
}

/** Ranks paths. Called at most once for each step. */
export type RankPaths = (round: RankingRound) => Ranking;

/** What to train in one optimiser step. */
export interface SampledStep {
  /** One path, or several whose gradients on the same mini-batch are summed (strict fairness). */
  readonly paths: readonly Path[];
  /** The probability of drawing from the candidate pool that the schedule gives for this step, 0 … 1. */
  readonly epsilon: number;
  /** Paths that were scored for this step, for the cost ledger. A path drawn twice counts once. */
  readonly evaluated: number;
  /** Whether the path was drawn from the candidate pool. */
  readonly fromPool: boolean;
  /** π of the stop rule, on the steps that compute it. */
  readonly pi?: number;
}

/** One comparison of the candidate pool with its snapshot. */
export interface StopCheck {
  readonly step: number;
  /** Share of the pool that was not in the snapshot, 0 … 1. */
  readonly pi: number;
}

export interface Sampler {
  /**
   * The paths of step `step`. Steps count from 0 and only go up; a path is returned to be trained once, so ask once a
   * step. Throws RangeError for a step that is not after the last one.
   */
  next(step: number, rank: RankPaths): SampledStep;
  /** The check at which the stop rule fired: end training after this step. Null as long as it has not. */
  readonly stopped: StopCheck | null;
  /** Everything that decides what follows, as plain JSON; the sampler made with it as `state` goes on identically. */
  state(): unknown;
}
