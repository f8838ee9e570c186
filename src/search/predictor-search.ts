/**
 * Search by a predictor of accuracy: WeakNAS (Wu et al., NeurIPS 2021), which refits it every few evaluations, and the
 * Neural Predictor (Wen et al., ECCV 2020), which fits it once and evaluates its best predictions.
 *
 * Different from the papers: a space of 10^17 paths cannot be predicted as a whole, so each fit is followed by a look at
 * candidates (scan.ts); and the first examples may come in part from the candidate pool.
 */
import { z } from 'zod';
import type { PredictorMethod } from '../config/search-choices.ts';
import type { Predictor } from '../predictors/predictor.ts';
import { topPlaces } from '../predictors/top.ts';
import { chooseWeakly, weakNasDefaults } from '../predictors/weak-nas.ts';
import { restoreStream } from '../random/stream.ts';
import { listSchema, pathSchema, readSaved, savedStateError, streamStateSchema } from '../sampling/saved-state.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path } from '../space/space.ts';
import { createBudgetedSearch } from './budgeted.ts';
import { drawNewPaths } from './distinct-paths.ts';
import {
  type Candidate,
  createCachedEvaluator,
  hasDiverged,
  type Objective,
  rankCandidates,
  restoreCandidate,
  savedCandidateSchema,
} from './evaluator.ts';
import { checkEvaluated, requireInteger, requireProbability, usableHead } from './generations.ts';
import { limitedPaths } from './limits.ts';
import { drawCandidates } from './scan.ts';
import type { Search, SearchOptions } from './search.ts';

export interface PredictorSearchOptions extends SearchOptions {
  readonly method: PredictorMethod;
  /** Fitted here as often as needed; not closed. */
  readonly predictor: Predictor<Path>;
  /** The candidate pool, best first: the first half of the examples, and candidates of every scan. */
  readonly initial: readonly Path[];
  /** Evaluations in all, the examples included, from 1. */
  readonly evaluations: number;
  /** Paths evaluated before the first fit; null: the method's own number, at most half of the evaluations. */
  readonly examples: number | null;
  /** `weaknas`: M and N of the paper. */
  readonly queries: number;
  readonly top: number;
  /** Paths that are predicted after each fit, at most. */
  readonly scan: number;
  /** Best paths so far, which have offspring among those. */
  readonly topK: number;
  readonly mutationProbability: number;
}

/** The papers' examples, of NAS-Bench-101. */
const paperExamples: Readonly<Record<PredictorMethod, number>> = {
  weaknas: weakNasDefaults.initial,
  'neural-predictor': 172,
};

/**
 * The examples first; then batches, each of which the predictor chooses after it was fitted anew on all that is known: of
 * M paths (`weaknas`), or of all evaluations that are left (`neural-predictor`, which so has one batch, or another one
 * where the scan had fewer paths).
 *
 * Throws GreedynasError (usage) for options out of range and for limits that no path keeps, before any evaluation;
 * (io) for a state that is damaged or of another space or limits; (diverged) where the predictor's loss is not finite.
 */
export function createPredictorSearch(options: PredictorSearchOptions): Search {
  const { space, method, predictor, evaluate, objective = 'top1', evaluations } = options;
  requireInteger('evaluations', evaluations, 1);
  if (options.examples !== null) requireInteger('predictor.examples', options.examples, 2);
  for (const key of ['queries', 'top', 'scan'] as const) requireInteger(`predictor.${key}`, options[key], 1);
  requireInteger('topK', options.topK, 1);
  requireProbability('mutationProbability', options.mutationProbability);
  const paths = limitedPaths(space, options.limits);
  const saved = options.state === undefined ? null : readState(options, options.state);
  const stream = saved === null ? options.stream : restoreStream(saved.stream);
  const known = saved?.evaluated.map((candidate) => restoreCandidate(space, candidate)) ?? [];
  const evaluator = createCachedEvaluator({ space, evaluate, known });
  const pool = saved?.pool ?? usableHead(space, options.initial, paths.fits, options.initial.length);
  let batch = saved?.batch ?? examples();
  let position = batch.findIndex((path) => !evaluator.has(path));
  if (position === -1) position = batch.length;

  function examples(): readonly Path[] {
    const own = Math.max(1, Math.min(paperExamples[method], Math.floor(evaluations / 2)));
    const wanted = Math.min(options.examples ?? own, evaluations);
    // The predictor must also see what is not good.
    const head = pool.slice(0, Math.ceil(wanted / 2));
    const keys = new Set(head.map(pathKey));
    return [...head, ...drawNewPaths(paths, (path) => keys.has(pathKey(path)), wanted - head.length, stream)];
  }

  /** The paths to evaluate next; none where every path within the limits is known. */
  function chooseBatch(): readonly Path[] {
    const evaluated = evaluator.candidates();
    const left = evaluations - evaluated.length;
    const ranked = rankCandidates(evaluated, objective);
    const candidates = drawCandidates({
      space,
      paths,
      isKnown: evaluator.has,
      parents: ranked.slice(0, options.topK).map(({ path }) => path),
      pool,
      count: options.scan,
      mutationProbability: options.mutationProbability,
      stream,
    });
    if (candidates.length === 0) return [];
    const networks = evaluated.map(({ path }) => path);
    const accuracies = targetsOf(evaluated, objective);
    if (method === 'weaknas') {
      const settings = { initial: networks.length, queries: Math.min(options.queries, left), top: options.top };
      return chooseWeakly({ predictor, networks, accuracies, candidates, settings, stream });
    }
    predictor.fit(networks, accuracies, stream.integer(2 ** 31));
    return topPlaces(predictor.predict(candidates), left).map((place) => candidates[place]!);
  }

  function propose(): Path | null {
    if (position === batch.length) {
      // Only now, so that a search that is stopped after a batch is saved before the long fit.
      const chosen = chooseBatch();
      if (chosen.length === 0) return null;
      batch = chosen;
      position = 0;
    }
    position += 1;
    return batch[position - 1]!;
  }

  return createBudgetedSearch({
    evaluator,
    evaluations,
    objective,
    ended: saved?.ended ?? null,
    propose,
    state: () => ({
      method,
      pool: pool.map((path) => [...path]),
      batch: batch.map((path) => [...path]),
      stream: stream.state(),
    }),
  });
}

/** What the predictor learns, more is better: accuracy or the negative loss; a path that diverged has the least of all others. */
function targetsOf(candidates: readonly Candidate[], objective: Objective): number[] {
  const worth = ({ top1, loss }: Candidate): number => (objective === 'top1' ? top1 : -loss);
  const sound = candidates.filter((candidate) => !hasDiverged(candidate)).map(worth);
  const least = sound.length === 0 ? 0 : Math.min(...sound);
  return candidates.map((candidate) => (hasDiverged(candidate) ? least : worth(candidate)));
}

function readState({ method, space, limits, evaluations }: PredictorSearchOptions, value: unknown) {
  const stateName = `state of the ${method} search`;
  const schema = z.strictObject({
    method: z.literal(method),
    ended: z.enum(['complete', 'exhausted']).nullable(),
    pool: z.array(pathSchema(space)),
    batch: z.array(pathSchema(space)).min(1),
    evaluated: listSchema(savedCandidateSchema(space)),
    stream: streamStateSchema,
  });
  const saved = readSaved(schema, value, stateName);
  const known = checkEvaluated(stateName, space, limits, saved.evaluated, [...saved.pool, ...saved.batch]);
  const full = saved.evaluated.length >= evaluations;
  if (full !== (saved.ended === 'complete')) throw savedStateError(stateName, 'ended: contradicts what is evaluated');
  const open = saved.batch.findIndex((path) => !known.has(pathKey(path)));
  const later = saved.batch.slice(open);
  if (open !== -1 && (saved.ended !== null || later.some((path) => known.has(pathKey(path))))) {
    throw savedStateError(stateName, 'batch: contradicts what is evaluated');
  }
  return saved;
}
