/** The search of a trained run: exploration by a method, compared with random paths, written into its folder. */
import { basename, join } from 'node:path';
import { parseConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import { learnsPredictor } from '../config/search-choices.ts';
import type { DataSet } from '../data/dataset.ts';
import { identifyData } from '../data/identity.ts';
import { GreedynasError } from '../errors.ts';
import type { Predictor } from '../predictors/predictor.ts';
import { parsePool } from '../sampling/pool-file.ts';
import { parseJson, readSaved } from '../sampling/saved-state.ts';
import { withLatency } from '../space/latency.ts';
import { buildSpace } from '../space/presets.ts';
import type { Latency, Path, Space } from '../space/space.ts';
import { readIfThere, writeDurably } from '../storage/durable.ts';
import type { Supernet } from '../supernet/supernet.ts';
import { type Checkpoint, findCheckpoint } from '../training/checkpoint.ts';
import { checkTrainedWith, freeWhenScored } from '../training/config-change.ts';
import { costOf } from '../training/cost.ts';
import type { Clock } from '../training/ledger.ts';
import { poolFile, type RunFolder } from '../training/run-folder.ts';
import { type DataRequest, dataRequest } from '../training/run-options.ts';
import { checkTrainedOn } from '../training/trained-on.ts';
import { type Candidate, hasDiverged } from './evaluator.ts';
import { type FoundBest, findBest, pause, type SearchWatch } from './find-best.ts';
import { checkLimits, type Limits } from './limits.ts';
import { paretoFront } from './objectives.ts';
import { describeCandidate, type SearchResult, searchResultSchema } from './result.ts';
import { checkUnchanged, identifyCheckpoint, type SavedSearch } from './saved-search.ts';
import { createScorer } from './scorer.ts';
import type { SearchFolder } from './search-folder.ts';
import { openSearchRecord, type SearchRecord } from './search-record.ts';

export interface SubnetRequest {
  readonly config: RunConfig;
  readonly space: Space;
  readonly data: DataSet;
  readonly candidate: Candidate;
  /** The run that the weights are of, and its step. */
  readonly run: string;
  readonly step: number;
  /** Of the supernet's checkpoint. */
  readonly weightsPrefix: string;
  /** Where the subnet goes; does not exist yet. */
  readonly directory: string;
}

export interface SearchSurroundings extends SearchWatch {
  readonly clock: Clock;
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
  readonly createSupernet: (config: RunConfig, space: Space, data: DataSet) => Promise<Supernet>;
  /** What the methods learn that have a predictor. */
  readonly createPredictor: (config: RunConfig, space: Space) => Promise<Predictor<Path>>;
  readonly cutSubnet: (request: SubnetRequest) => Promise<void>;
}

export interface SearchRequest {
  readonly folder: RunFolder;
  /** Where the search is written. */
  readonly place: SearchFolder;
  readonly config: RunConfig;
  readonly limits: Limits;
  /** What `search.latencyTable` says; null without one. */
  readonly latency: Latency | null;
  /** The settings of the command that began it, as it gave them. */
  readonly overrides: readonly string[];
  /** What an earlier process saved of this search; null: it is new, and its folder is not there yet. */
  readonly saved: SavedSearch | null;
}

export type SearchOutcome =
  | {
      readonly end: 'complete';
      readonly result: SearchResult;
      /** It had ended before, and this is what it found then. */
      readonly before: boolean;
    }
  | {
      readonly end: 'signal';
      readonly run: string;
      readonly name: string;
      /** Whether there is anything to go on with: not if the signal came before the search began. */
      readonly saved: boolean;
    };

/**
 * Searches a run that this process has locked, or goes on with a search. Its state is saved now and then and
 * where it is interrupted, and each evaluation is logged at once: killed at any moment, it goes on as if it had not been.
 *
 * @throws GreedynasError `usage` for limits that no path keeps (before anything is loaded), a run without a checkpoint,
 * or a saved search of another checkpoint, other limits or other settings; `diverged` where no path has a finite loss
 */
export async function searchSupernet(request: SearchRequest, surroundings: SearchSurroundings): Promise<SearchOutcome> {
  const { folder, place, config, limits, saved } = request;
  const { clock, notice } = surroundings;
  const began = clock();
  const stopped = { end: 'signal', run: folder.name, name: place.name, saved: true } as const;
  const space = withLatency(buildSpace(config.space), request.latency);
  checkLimits(space, limits);
  if (saved?.phase === 'finished') {
    checkUnchanged(place.name, saved, { checkpoint: saved.checkpoint, limits, config });
    return { end: 'complete', before: true, result: await readSearch(place, folder) };
  }
  const checkpoint = await newestCheckpoint(folder, notice);
  await checkTrainedWith(folder.name, checkpoint.directory, config, parseConfig, freeWhenScored);
  const identity = await identifyCheckpoint(checkpoint);
  if (saved !== null) {
    for (const line of checkUnchanged(place.name, saved, { checkpoint: identity, limits, config })) notice(line);
    notice(`resuming search ${place.name} of run ${folder.name} in its ${saved.phase}`);
  }
  const state = saved ?? beginning(identity, request);
  const initial = state.exploration === null ? await readPool(space, checkpoint) : [];

  const data = await surroundings.loadData(dataRequest(config));
  await checkTrainedOn(folder.name, checkpoint.directory, identifyData(data));
  await pause();
  if (surroundings.interrupted()) return { ...stopped, saved: saved !== null };
  // Nothing is left to score once the comparison is over.
  const supernet = state.phase === 'subnets' ? null : await surroundings.createSupernet(config, space, data);
  let found: FoundBest | null;
  let record: SearchRecord;
  let predictor: Predictor<Path> | null = null;
  try {
    // Made for the comparison too, whose first step asks the search what it found.
    if (learnsPredictor(config.search.method)) predictor = await surroundings.createPredictor(config, space);
    supernet?.restore(checkpoint.weightsPrefix);
    const score = supernet === null ? scoredBefore : createScorer(supernet, config, data);
    record = await openSearchRecord({ place, state, resumed: saved !== null, clock, began });
    found = await findBest({ place, config, space, limits, initial, record, score, predictor, watch: surroundings });
  } finally {
    predictor?.close();
    supernet?.close();
  }
  if (found === null) return stopped;

  const candidates = found.candidates.map((candidate) => describeCandidate(space, candidate));
  const front = paretoFront(config.search.objectives, found.candidates);
  const subnets: string[] = [];
  const training = costOf(checkpoint.state.ledger, checkpoint.seconds);
  const result = (): SearchResult => ({
    run: folder.name,
    space: space.name,
    method: config.search.method,
    directory: place.path,
    checkpoint: checkpoint.directory,
    limits,
    evaluated: found.evaluated,
    seconds: record.seconds(),
    cost: { training, seconds: training.seconds.total + record.seconds() },
    candidates,
    best: candidates[0]!,
    objectives: config.search.objectives,
    front: front.map((candidate) => describeCandidate(space, candidate)),
    comparison: found.comparison,
    subnets,
  });
  // Before the subnets are cut out: what cost so much must not be lost if that fails.
  await writeSearch(place, result());
  // A path that diverged is no network for anyone.
  const good = found.candidates.filter((candidate) => !hasDiverged(candidate));
  for (const [index, candidate] of good.slice(0, config.search.subnets).entries()) {
    const directory = folder.path(join('subnets', `${place.name}-${index + 1}`));
    if (index >= record.state.subnets) {
      await pause();
      if (surroundings.interrupted()) return stopped;
      const { name: run } = folder;
      const { step, weightsPrefix } = checkpoint;
      await surroundings.cutSubnet({ config, space, data, candidate, run, step, weightsPrefix, directory });
      await record.save({ subnets: index + 1 });
    }
    subnets.push(directory);
  }
  const complete = result();
  await writeSearch(place, complete);
  await record.save({ phase: 'finished' });
  return { end: 'complete', before: false, result: complete };
}

/** The scorer of a search whose paths are all scored. */
function scoredBefore(): never {
  throw new Error('this part of the search was over, but asks for another evaluation');
}

function beginning(checkpoint: SavedSearch['checkpoint'], request: SearchRequest): SavedSearch {
  const { limits, latency, config } = request;
  const parts = { exploration: null, comparison: null, subnets: 0 } as const;
  const known = latency && { fixed: latency.fixed, layers: latency.layers.map((layer) => [...layer]) };
  const given = { limits, latency: known, overrides: [...request.overrides], config };
  return { checkpoint, ...given, phase: 'exploration', seconds: 0, ...parts };
}

const resultFile = 'search.json';

async function writeSearch(place: SearchFolder, result: SearchResult): Promise<void> {
  await writeDurably(place.file(resultFile), `${JSON.stringify(result, null, 1)}\n`);
}

/**
 * The result of a search that has ended, with its folders where the run is now: it may have been renamed since.
 * @throws GreedynasError `io` if it is not there or damaged
 */
export async function readSearch(place: SearchFolder, run: Pick<RunFolder, 'name' | 'path'>): Promise<SearchResult> {
  const path = place.file(resultFile);
  const result = readSaved(searchResultSchema, parseJson((await readIfThere(path)) ?? '', path), path);
  return {
    ...result,
    run: run.name,
    directory: place.path,
    checkpoint: run.path(basename(result.checkpoint)),
    subnets: result.subnets.map((subnet) => run.path(join('subnets', basename(subnet)))),
  };
}

/** The newest whole checkpoint of a run. @throws GreedynasError `usage` if it has none */
export async function newestCheckpoint(folder: RunFolder, notice: (line: string) => void): Promise<Checkpoint> {
  const { checkpoint, skipped } = await findCheckpoint(folder.directory);
  for (const { directory, reason } of skipped) {
    notice(`skipped the checkpoint ${directory}: ${reason}`);
  }
  if (checkpoint === null) {
    throw new GreedynasError(
      'usage',
      `run "${folder.name}" has no checkpoint yet: train it first with "greedynas train-supernet --run ${folder.name} --resume"`,
    );
  }
  return checkpoint;
}

/** The pool that was saved with the weights; empty after uniform sampling. */
async function readPool(space: Space, checkpoint: Checkpoint): Promise<Path[]> {
  const path = join(checkpoint.directory, poolFile);
  const text = await readIfThere(path);
  return text === null ? [] : parsePool(space, parseJson(text, path), path).map((entry) => entry.path);
}
