/** The part of a search that scores paths: exploration by its method, then the comparison of what it found, each saved as it goes on. */
import { comparisonImages } from '../config/held-out.ts';
import type { RunConfig } from '../config/schema.ts';
import type { SearchMethod } from '../config/search-choices.ts';
import { GreedynasError } from '../errors.ts';
import type { Predictor } from '../predictors/predictor.ts';
import { createStream } from '../random/stream.ts';
import type { Path, Space } from '../space/space.ts';
import { createPathComparison } from './comparison.ts';
import { type EvaluationLog, openEvaluationLog } from './evaluation-log.ts';
import { type Candidate, hasDiverged, restoreCandidate } from './evaluator.ts';
import type { Limits } from './limits.ts';
import { createSearch, searchLength } from './methods.ts';
import { type Comparison, compareTop1 } from './result.ts';
import type { Scorer } from './scorer.ts';
import type { SearchFolder } from './search-folder.ts';
import type { SearchRecord } from './search-record.ts';

export interface SearchProgress {
  readonly phase: SearchMethod | 'comparison';
  readonly evaluated: number;
  /** Evaluations of this phase at most. */
  readonly total: number;
  /** With its scores on the images of the search. */
  readonly best: Candidate;
}

/** Whom a search tells what it does, and who may stop it. */
export interface SearchWatch {
  /** A line for the user. */
  readonly notice: (line: string) => void;
  /** Asked before each evaluation. */
  readonly interrupted: () => boolean;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface ScoringJob {
  readonly place: SearchFolder;
  readonly config: RunConfig;
  readonly space: Space;
  readonly limits: Limits;
  /** The candidate pool, for the first paths. */
  readonly initial: readonly Path[];
  readonly record: SearchRecord;
  readonly score: Scorer;
  /** Of the methods that learn one; null: the method does not, or the exploration is over. */
  readonly predictor: Predictor<Path> | null;
  readonly watch: SearchWatch;
}

export interface FoundBest {
  /** Every path of the exploration, best first; the first has a finite loss. */
  readonly candidates: readonly Candidate[];
  readonly comparison: Comparison | null;
  /** Evaluations, of exploration and comparison. */
  readonly evaluated: number;
}

/**
 * Runs what is left of exploration and comparison. Null: it was interrupted, and saved.
 *
 * The state is saved after each `search.population` evaluations, at an interruption and at the end of either part; each evaluation is logged
 * at once. So what was killed at any moment goes on as if it had not been, and evaluates nothing again.
 * @throws GreedynasError `diverged` where no path has a finite loss
 */
export async function findBest(job: ScoringJob): Promise<FoundBest | null> {
  const { record, config } = job;
  const candidates = await explore(job);
  if (candidates === null) return null;
  const best = candidates[0];
  if (best === undefined || hasDiverged(best)) {
    const { step } = record.state.checkpoint;
    throw new GreedynasError('diverged', `no path has a finite loss: the supernet of step ${step} diverged`);
  }
  if (config.search.randomBaseline === 0) {
    if (record.state.phase === 'exploration') await record.save({ phase: 'subnets' });
    return { candidates, comparison: null, evaluated: candidates.length };
  }
  const compared = await runComparison(job, candidates, best);
  if (compared === null) return null;
  return { candidates, comparison: compared.comparison, evaluated: candidates.length + compared.evaluations };
}

async function explore(job: ScoringJob): Promise<readonly Candidate[] | null> {
  const { config, space, limits, initial, record, score, predictor, watch } = job;
  const { search, seed } = config;
  const log = await openLog(job, 'population.jsonl');
  try {
    const options = {
      space,
      limits,
      evaluate: (path: Path) => log.find(path) ?? score('search', path),
      stream: createStream(seed, 'search'),
      state: record.state.exploration ?? undefined,
    };
    const exploration = createSearch(search, initial, options, predictor);
    // Every generation but the last is full.
    const generationOf = (index: number): number => Math.floor(index / search.population);
    for (const [index, candidate] of exploration.candidates().entries()) log.write(candidate, generationOf(index));
    const save = async (): Promise<void> => {
      log.flush();
      await record.save({ exploration: exploration.state() });
    };
    while (exploration.ended === null) {
      await pause();
      if (watch.interrupted()) {
        await save();
        return null;
      }
      const candidate = exploration.next();
      if (candidate !== null) {
        const { evaluated } = exploration;
        const isNew = log.write(candidate, generationOf(evaluated - 1));
        const best = exploration.ranked()[0] ?? candidate;
        if (isNew) watch.onProgress?.({ phase: search.method, evaluated, total: searchLength(search), best });
      }
      if (exploration.ended !== null || exploration.evaluated % search.population === 0) await save();
    }
    return exploration.ranked();
  } finally {
    log.close();
  }
}

async function runComparison(
  job: ScoringJob,
  candidates: readonly Candidate[],
  best: Candidate,
): Promise<{ readonly comparison: Comparison; readonly evaluations: number } | null> {
  const { config, space, limits, record, score, watch } = job;
  const { search, seed } = config;
  const images = comparisonImages(config);
  const seen = images === 0;
  const log = await openLog(job, 'comparison.jsonl');
  try {
    const compared = createPathComparison({
      space,
      limits,
      best: best.path,
      count: search.randomBaseline,
      stream: createStream(seed, 'search/baseline'),
      evaluate: (path) => log.find(path) ?? score(seen ? 'search' : 'comparison', path),
      known: seen ? candidates : [],
      state: record.state.comparison ?? undefined,
    });
    for (const candidate of compared.state()) log.write(restoreCandidate(space, candidate));
    if (record.state.phase === 'exploration') await record.save({ phase: 'comparison' });
    while (compared.done < compared.total) {
      await pause();
      const candidate = watch.interrupted() ? null : compared.next();
      if (candidate === null) {
        log.flush();
        await record.save({ comparison: compared.state() });
        return null;
      }
      const { done, total } = compared;
      if (log.write(candidate)) watch.onProgress?.({ phase: 'comparison', evaluated: done, total, best });
    }
    log.flush();
    if (record.state.phase === 'comparison') await record.save({ phase: 'subnets', comparison: compared.state() });
    const { best: scored, random } = compared.result();
    const comparison = compareTop1(scored, random, { images: seen ? search.validationImages : images, seen });
    return { comparison, evaluations: compared.evaluations };
  } finally {
    log.close();
  }
}

async function openLog({ place, space, watch }: ScoringJob, name: string): Promise<EvaluationLog> {
  const log = await openEvaluationLog(place.file(name), space);
  if (log.removed > 0) watch.notice(`removed ${log.removed} lines of ${name} that were torn or out of place`);
  return log;
}

/** Lets signals in. */
export async function pause(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
