/** Random search: distinct paths within the limits, drawn uniformly; the baseline that a searched path has to beat. */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { listSchema, pathSchema, readSaved, savedStateError } from '../sampling/saved-state.ts';
import type { Path } from '../space/space.ts';
import { drawNewPaths } from './distinct-paths.ts';
import {
  type Candidate,
  createCachedEvaluator,
  rankCandidates,
  restoreCandidate,
  saveCandidate,
  savedCandidateSchema,
} from './evaluator.ts';
import { keepsLimits, limitedPaths } from './limits.ts';
import { runSearch, type Search, type SearchEnd, type SearchOptions } from './search.ts';

export interface RandomSearchOptions extends SearchOptions {
  /** Distinct paths to evaluate, from 1. */
  readonly count: number;
}

/** `count` distinct paths within the limits, drawn uniformly, or all there are if there are fewer. */
export function randomPaths({ space, limits, count, stream }: Omit<RandomSearchOptions, 'evaluate'>): readonly Path[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new GreedynasError('usage', `random search: the number of paths must be an integer from 1, got ${count}`);
  }
  return drawNewPaths(limitedPaths(space, limits), () => false, count, stream);
}

/** Evaluates `count` random paths; returns them best first. Fewer if the limits leave fewer. */
export function searchRandom(options: RandomSearchOptions): readonly Candidate[] {
  return runSearch(createRandomSearch(options));
}

/**
 * Throws GreedynasError (usage) for limits that no path keeps, (io) for a state that is damaged or of other limits. All
 * paths are drawn at the start, so that the evaluations between two runs cannot change them.
 */
export function createRandomSearch(options: RandomSearchOptions): Search {
  const { space, evaluate, objective, count } = options;
  const saved = options.state === undefined ? null : readState(options, options.state);
  const paths = saved?.paths ?? randomPaths(options);
  const known = saved?.evaluated.map((candidate) => restoreCandidate(space, candidate)) ?? [];
  const evaluator = createCachedEvaluator({ space, evaluate, known });
  let done = known.length;
  const end: SearchEnd = paths.length < count ? 'exhausted' : 'complete';
  return {
    next() {
      const path = paths[done];
      if (path === undefined) return null;
      const candidate = evaluator.evaluate(path);
      done += 1;
      return candidate;
    },
    get ended() {
      return done >= paths.length ? end : null;
    },
    get evaluated() {
      return done;
    },
    candidates: () => evaluator.candidates(),
    ranked: () => rankCandidates(evaluator.candidates(), objective),
    state: () => structuredClone({ method: 'random', paths, evaluated: evaluator.candidates().map(saveCandidate) }),
  };
}

const stateName = 'state of the random search';

function readState({ space, limits }: RandomSearchOptions, value: unknown) {
  const schema = z.strictObject({
    method: z.literal('random'),
    paths: z.array(pathSchema(space)).min(1),
    evaluated: listSchema(savedCandidateSchema(space)),
  });
  const saved = readSaved(schema, value, stateName);
  for (const [index, path] of saved.paths.entries()) {
    if (!keepsLimits(space, limits, path)) throw savedStateError(stateName, `paths[${index}]: is over the limits`);
  }
  for (const [index, { path }] of saved.evaluated.entries()) {
    if (path.join() !== saved.paths[index]?.join()) {
      throw savedStateError(stateName, `evaluated[${index}]: must be of paths[${index}]`);
    }
  }
  return saved;
}
