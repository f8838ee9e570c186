/** What a search method on a table is, and how one search (a trial) is run and recorded. */
import type { RandomStream } from '../random/stream.ts';
import type { TabularBenchmark } from './benchmark.ts';

/**
 * A search: yields the row that it wants to know, and is given its searched accuracy in percent (NaN is never given).
 * Asking for a row again costs nothing. A method may end by itself when it has nothing left to ask.
 */
export type TableSearch = Generator<number, void, number>;

export interface MethodContext {
  readonly benchmark: TabularBenchmark;
  readonly stream: RandomStream;
  /** Distinct rows that will be answered. */
  readonly budget: number;
}

/** Starts a search. */
export type TableMethod = (context: MethodContext) => TableSearch;

export interface TrialOptions {
  readonly benchmark: TabularBenchmark;
  readonly method: TableMethod;
  readonly stream: RandomStream;
  /** Distinct rows to query, from 1. */
  readonly budget: number;
  /** End as soon as the best rows by the searched and by the reported accuracy have both been queried. */
  readonly untilOptimum?: { readonly searchedRow: number; readonly reportedRow: number };
}

/** What one search found; everything in it follows from the options. */
export interface Trial {
  /** Distinct rows queried. */
  readonly queries: number;
  /** Each new best by searched accuracy: after how many queries, and its row. */
  readonly improvements: readonly (readonly [number, number])[];
  /** Queries when the best row by searched, and by reported accuracy was queried; null: not within the budget. */
  readonly optimum: { readonly searched: number | null; readonly reported: number | null };
}

/** Free answers in a row after which a method that asks for nothing new is ended: everything near it is known. */
const maxRepeats = 10_000;

export function runTrial({ benchmark, method, stream, budget, untilOptimum }: TrialOptions): Trial {
  const { values } = benchmark.searched;
  const known = new Uint8Array(benchmark.rows);
  const improvements: [number, number][] = [];
  const optimum: { searched: number | null; reported: number | null } = { searched: null, reported: null };
  let queries = 0;
  let best = Number.NEGATIVE_INFINITY;
  let repeats = 0;
  const search = method({ benchmark, stream, budget: Math.min(budget, benchmark.rows) });
  for (let step = search.next(); !step.done; ) {
    const row = step.value;
    if (known[row] === 1) {
      repeats += 1;
      if (repeats > maxRepeats) break;
    } else {
      known[row] = 1;
      repeats = 0;
      queries += 1;
      if (values[row]! > best) {
        best = values[row]!;
        improvements.push([queries, row]);
      }
      if (row === untilOptimum?.searchedRow) optimum.searched = queries;
      if (row === untilOptimum?.reportedRow) optimum.reported = queries;
      if (queries >= budget || (optimum.searched !== null && optimum.reported !== null)) break;
    }
    step = search.next(values[row]!);
  }
  search.return();
  return { queries, improvements, optimum };
}

/** The row that a trial had found after so many queries. Throws RangeError before its first. */
export function foundAfter({ improvements }: Pick<Trial, 'improvements'>, queries: number): number {
  const found = improvements.findLast(([after]) => after <= queries);
  if (found === undefined) throw new RangeError(`nothing was queried within ${queries} queries`);
  return found[1];
}
