/**
 * What every search offers: one evaluation at a time, so that a caller can show progress, save, and stop between them.
 *
 * A method is a file that makes a `Search` from `SearchOptions` (and settings of its own) and a line in methods.ts; config/search-choices.ts has its name. All
 * methods promise the same: no path over a limit, none twice, an end; and from `state()` on the very same course.
 */
import type { RandomStream } from '../random/stream.ts';
import type { Space } from '../space/space.ts';
import type { Candidate, Evaluate, Objective } from './evaluator.ts';
import type { Limits } from './limits.ts';

/** What every method is made from. */
export interface SearchOptions {
  readonly space: Space;
  readonly limits: Limits;
  readonly evaluate: Evaluate;
  readonly stream: RandomStream;
  /** What ranks paths; default `top1` (evaluator.ts says why). */
  readonly objective?: Objective;
  /** What `state()` of an earlier search returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

/**
 * Why a search ended: `complete`: its configured length; `exhausted`: every path within the limits was evaluated, and
 * it returns fewer than asked for. (Under several limits at once, also when 2,000,000 prefixes showed no other path.)
 */
export type SearchEnd = 'complete' | 'exhausted';

export interface Search {
  /** Evaluates the next path and returns it; null once the search has ended. */
  next(): Candidate | null;
  readonly ended: SearchEnd | null;
  /** Distinct paths evaluated so far. */
  readonly evaluated: number;
  /** Every path evaluated so far, in the order of the evaluations. */
  candidates(): readonly Candidate[];
  /** Every path evaluated so far, best first. */
  ranked(): readonly Candidate[];
  /**
   * Everything that decides what follows, as plain JSON, after any evaluation; a search made with it as `state` goes on
   * identically.
   */
  state(): unknown;
}

/** Runs a search to its end; returns everything evaluated, best first. */
export function runSearch(search: Search): readonly Candidate[] {
  while (search.next() !== null);
  return search.ranked();
}
