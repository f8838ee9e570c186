/**
 * The comparison that ends a search: the best path and random paths under the same limits, all scored on images that did
 * not choose it. (On the images that chose it the best of a thousand looks better than it is, whatever it is.)
 */
import type { RandomStream } from '../random/stream.ts';
import { listSchema, readSaved, savedStateError } from '../sampling/saved-state.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import {
  type Candidate,
  createCachedEvaluator,
  type Evaluate,
  restoreCandidate,
  type SavedCandidate,
  saveCandidate,
  savedCandidateSchema,
} from './evaluator.ts';
import type { Limits } from './limits.ts';
import { randomPaths } from './random.ts';

export interface PathComparisonOptions {
  readonly space: Space;
  readonly limits: Limits;
  readonly best: Path;
  /** Random paths, from 1. */
  readonly count: number;
  readonly stream: RandomStream;
  /** Scores on the images of the comparison. */
  readonly evaluate: Evaluate;
  /** Candidates with their scores on these very images. */
  readonly known: readonly Candidate[];
  /** What `state()` of an earlier comparison of the same paths returned. */
  readonly state?: unknown;
}

/** One path at a time, so that a caller can show progress, save, and stop between them. */
export interface PathComparison {
  /** Evaluates the next path, the best first; null at the end. A path that comes twice, or is known, is evaluated once. */
  next(): Candidate | null;
  /** Paths to compare, the best included, each counted once. */
  readonly total: number;
  /** Those that have been compared. */
  readonly done: number;
  /** Those of the compared ones that needed an evaluation. */
  readonly evaluations: number;
  /** The best path and the random ones with their scores; at the end. */
  result(): { readonly best: Candidate; readonly random: readonly Candidate[] };
  /** Plain JSON. */
  state(): readonly SavedCandidate[];
}

/**
 * Throws GreedynasError (usage) for a count below 1 and limits that no path keeps, (io) for a state that is damaged or of
 * another comparison. The random paths are drawn at the start, from all paths: the best may be among them.
 */
export function createPathComparison(options: PathComparisonOptions): PathComparison {
  const { space, best, known } = options;
  const random = randomPaths(options);
  const paths = [...new Map([best, ...random].map((path) => [pathKey(path), path])).values()];
  const saved = options.state === undefined ? [] : readState(options, options.state, paths);
  const given = new Set(known.map(({ path }) => pathKey(path)));
  const restored = saved.map((candidate) => restoreCandidate(space, candidate));
  const evaluator = createCachedEvaluator({ space, evaluate: options.evaluate, known: [...known, ...restored] });
  let done = saved.length;
  const compared = (): readonly Candidate[] => paths.slice(0, done).map((path) => evaluator.evaluate(path));
  return {
    next() {
      const path = paths[done];
      if (path === undefined) return null;
      const candidate = evaluator.evaluate(path);
      done += 1;
      return candidate;
    },
    total: paths.length,
    get done() {
      return done;
    },
    get evaluations() {
      return paths.slice(0, done).filter((path) => !given.has(pathKey(path))).length;
    },
    result() {
      if (done < paths.length) throw new Error(`${done} of ${paths.length} paths are compared`);
      return { best: evaluator.evaluate(best), random: random.map((path) => evaluator.evaluate(path)) };
    },
    state: () => compared().map(saveCandidate),
  };
}

const stateName = 'state of the comparison';

function readState({ space }: PathComparisonOptions, value: unknown, paths: readonly Path[]): SavedCandidate[] {
  const saved = readSaved(listSchema(savedCandidateSchema(space)), value, stateName);
  for (const [index, { path }] of saved.entries()) {
    if (path.join() !== paths[index]?.join()) throw savedStateError(stateName, `[${index}]: is of another path`);
  }
  return saved;
}
