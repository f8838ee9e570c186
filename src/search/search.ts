/**
 * What every search offers: one evaluation at a time, so that a caller can show progress, save, and stop between them.
 */
import type { Candidate } from './evaluator.ts';

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
