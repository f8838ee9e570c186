/** What searches share that propose one path after another until their evaluations are used up. */
import type { Path } from '../space/space.ts';
import { type CachedEvaluator, type Objective, rankCandidates, saveCandidate } from './evaluator.ts';
import type { Search, SearchEnd } from './search.ts';

export interface BudgetedSearchOptions {
  readonly evaluator: CachedEvaluator;
  /** Distinct paths to evaluate, those that the evaluator knows already included. */
  readonly evaluations: number;
  readonly objective: Objective | undefined;
  /** Of an earlier search that this one goes on from. */
  readonly ended: SearchEnd | null;
  /** The next path, one that was not evaluated; null: there is none. */
  readonly propose: () => Path | null;
  /** What the method saves beside `ended` and `evaluated`, as plain JSON. */
  readonly state: () => Readonly<Record<string, unknown>>;
}

export function createBudgetedSearch(options: BudgetedSearchOptions): Search {
  const { evaluator, evaluations, objective, propose, state } = options;
  let { ended } = options;
  return {
    next() {
      if (ended !== null) return null;
      const path = propose();
      if (path === null) {
        ended = 'exhausted';
        return null;
      }
      const candidate = evaluator.evaluate(path);
      if (evaluator.candidates().length >= evaluations) ended = 'complete';
      return candidate;
    },
    get ended() {
      return ended;
    },
    get evaluated() {
      return evaluator.candidates().length;
    },
    candidates: () => evaluator.candidates(),
    ranked: () => rankCandidates(evaluator.candidates(), objective),
    state: () => ({ ...state(), ended, evaluated: evaluator.candidates().map(saveCandidate) }),
  };
}
