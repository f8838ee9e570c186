/** The search of a trained run: evolution from its candidate pool, compared with random paths, written into its folder. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import { takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import { GreedynasError } from '../errors.ts';
import { createStream } from '../random/stream.ts';
import { parsePool } from '../sampling/pool-file.ts';
import { formatFlops } from '../space/cost.ts';
import { formatGenotype } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { createFolder, explained, readIfThere, systemCode, writeDurably } from '../storage/durable.ts';
import type { Supernet } from '../supernet/supernet.ts';
import { type Checkpoint, findCheckpoint } from '../training/checkpoint.ts';
import type { Clock } from '../training/ledger.ts';
import { poolFile, type RunFolder } from '../training/run-folder.ts';
import { type DataRequest, dataRequest } from '../training/run-options.ts';
import { type Candidate, createCachedEvaluator, hasDiverged, saveCandidate } from './evaluator.ts';
import { createEvolution } from './evolution.ts';
import { checkLimits, type Limits } from './limits.ts';
import { percentileOf, quantile } from './percentile.ts';
import { createRandomSearch } from './random.ts';
import type { Search } from './search.ts';

export interface SearchProgress {
  readonly phase: 'evolution' | 'random';
  readonly evaluated: number;
  /** Evaluations of this phase at most. */
  readonly total: number;
  readonly best: Candidate;
}

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

export interface SearchSurroundings {
  readonly clock: Clock;
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
  readonly createSupernet: (config: RunConfig, space: Space, data: DataSet) => Promise<Supernet>;
  readonly cutSubnet: (request: SubnetRequest) => Promise<void>;
  readonly notice: (line: string) => void;
  readonly interrupted: () => boolean;
  readonly onProgress?: (progress: SearchProgress) => void;
}

export interface SearchRequest {
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly limits: Limits;
  /** Folder name below search/; null: made of the limit, with a number if that is taken. */
  readonly name: string | null;
}

/** A candidate as search.json holds it. Loss and top1 are null where they were not finite. */
export interface FoundPath {
  readonly path: string;
  readonly flops: number;
  readonly params: number;
  readonly loss: number | null;
  readonly top1: number | null;
}

/** Where the best stands among random paths under the same limits, evaluated in the same way on the same images. */
export interface Baseline {
  readonly paths: number;
  /** Percentile rank of the best's top1, 0 … 100. */
  readonly percentile: number;
  /** Top1 of the random paths: their median, their 90th percentile, their best. */
  readonly median: number;
  readonly ninetieth: number;
  readonly highest: number;
}

export interface SearchResult {
  readonly run: string;
  readonly space: string;
  readonly checkpoint: string;
  readonly limits: Limits;
  readonly evaluated: number;
  readonly seconds: number;
  /** All paths that the evolution evaluated, best first. */
  readonly candidates: readonly FoundPath[];
  readonly best: FoundPath;
  readonly baseline: Baseline | null;
  /** Folders of the subnets that were cut out, the best first. */
  readonly subnets: readonly string[];
}

/**
 * Searches a run that this process has locked.
 * @returns the result and its folder; null if it was interrupted, and then nothing is written
 * @throws GreedynasError `usage` for limits that no path keeps (before anything is loaded), a taken name, or a run without a checkpoint
 */
export async function searchSupernet(
  request: SearchRequest,
  surroundings: SearchSurroundings,
): Promise<{ readonly directory: string; readonly result: SearchResult } | null> {
  const { folder, config, limits } = request;
  const { clock, notice } = surroundings;
  const start = clock();
  const space = buildSpace(config.space);
  checkLimits(space, limits);
  const directory = await chooseFolder(folder, request.name, limits);
  const checkpoint = await newestCheckpoint(folder, notice);
  const initial = await readPool(space, checkpoint);

  const data = await surroundings.loadData(dataRequest(config));
  const supernet = await surroundings.createSupernet(config, space, data);
  let found: { candidates: readonly Candidate[]; baseline: readonly Candidate[]; evaluated: number; lines: string[] };
  try {
    // The checkpoint has no batch-norm statistics, and TensorFlow refuses to touch variables that were never set.
    supernet.restore(checkpoint.weightsPrefix);
    supernet.loadStack('calibration', takeStack(data.train, config.search.calibrationImages, config.seed));
    supernet.loadStack('validation', takeStack(data.validation, config.search.validationImages, config.seed));
    const evaluator = createCachedEvaluator({
      space,
      evaluate: (path) => {
        supernet.recalibrate(path);
        return supernet.evaluate(path);
      },
    });
    const { search } = config;
    const lines: string[] = [];
    const evolution = createEvolution({
      ...search,
      space,
      limits,
      initial,
      evaluate: evaluator.evaluate,
      stream: createStream(config.seed, 'search'),
    });
    const evolved = await drive(
      evolution,
      'evolution',
      search.population * search.generations,
      surroundings,
      (candidate) => {
        const line = { step: lines.length + 1, generation: evolution.completed, ...describe(space, candidate) };
        lines.push(JSON.stringify(line));
      },
    );
    const random = createRandomSearch({
      space,
      limits,
      count: Math.max(1, search.randomBaseline),
      evaluate: evaluator.evaluate,
      stream: createStream(config.seed, 'search/baseline'),
    });
    if (
      !evolved ||
      (search.randomBaseline > 0 && !(await drive(random, 'random', search.randomBaseline, surroundings)))
    ) {
      return null;
    }
    found = {
      candidates: evolution.ranked(),
      baseline: search.randomBaseline > 0 ? random.ranked() : [],
      evaluated: evaluator.evaluations,
      lines,
    };
  } finally {
    supernet.close();
  }

  const best = found.candidates[0];
  if (best === undefined || hasDiverged(best)) {
    throw new GreedynasError(
      'diverged',
      `no path of run "${folder.name}" has a finite loss: the supernet in ${checkpoint.directory} diverged`,
    );
  }
  const result: Omit<SearchResult, 'subnets'> = {
    run: folder.name,
    space: space.name,
    checkpoint: checkpoint.directory,
    limits,
    evaluated: found.evaluated,
    seconds: clock() - start,
    candidates: found.candidates.map((candidate) => describe(space, candidate)),
    best: describe(space, best),
    baseline: compare(best, found.baseline),
  };
  await createFolder(directory.path);
  await writeDurably(join(directory.path, 'population.jsonl'), found.lines.map((line) => `${line}\n`).join(''));
  // Before the subnets are cut out: what cost so much must not be lost if that fails.
  await writeSearch(directory.path, { ...result, subnets: [] });
  const subnets: string[] = [];
  for (const [index, candidate] of found.candidates.slice(0, config.search.subnets).entries()) {
    const place = folder.path(join('subnets', `${directory.name}-${index + 1}`));
    await surroundings.cutSubnet({
      config,
      space,
      data,
      candidate,
      run: folder.name,
      step: checkpoint.step,
      weightsPrefix: checkpoint.weightsPrefix,
      directory: place,
    });
    subnets.push(place);
  }
  await writeSearch(directory.path, { ...result, subnets });
  return { directory: directory.path, result: { ...result, subnets } };
}

async function writeSearch(directory: string, result: SearchResult): Promise<void> {
  await writeDurably(join(directory, 'search.json'), `${JSON.stringify(result, null, 1)}\n`);
}

/** Runs a search with pauses for signals; false if it was interrupted. */
async function drive(
  search: Search,
  phase: SearchProgress['phase'],
  total: number,
  { interrupted, onProgress }: SearchSurroundings,
  onCandidate: (candidate: Candidate) => void = () => {},
): Promise<boolean> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (interrupted()) {
      return false;
    }
    const candidate = search.next();
    if (candidate === null) {
      return true;
    }
    onCandidate(candidate);
    onProgress?.({ phase, evaluated: search.evaluated, total, best: search.ranked()[0] ?? candidate });
  }
}

function describe(space: Space, candidate: Candidate): FoundPath {
  const { loss, top1 } = saveCandidate(candidate);
  return { path: formatGenotype(space, candidate.path), flops: candidate.flops, params: candidate.params, loss, top1 };
}

function compare(best: Candidate, baseline: readonly Candidate[]): Baseline | null {
  const top1 = baseline.map((candidate) => candidate.top1);
  const finite = top1.filter(Number.isFinite);
  if (finite.length === 0) {
    return null;
  }
  return {
    paths: top1.length,
    percentile: percentileOf(best.top1, top1),
    median: quantile(finite, 0.5),
    ninetieth: quantile(finite, 0.9),
    highest: Math.max(...finite),
  };
}

async function newestCheckpoint(folder: RunFolder, notice: (line: string) => void): Promise<Checkpoint> {
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
  return text === null ? [] : parsePool(space, JSON.parse(text), path).map((entry) => entry.path);
}

/** A folder below search/ that is not there yet. */
async function chooseFolder(
  folder: RunFolder,
  wanted: string | null,
  limits: Limits,
): Promise<{ name: string; path: string }> {
  const root = folder.path('search');
  const taken = await explained('list', root, async () => {
    try {
      return await readdir(root);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') {
        return [];
      }
      throw error;
    }
  });
  if (wanted !== null) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(wanted)) {
      throw new GreedynasError(
        'usage',
        `--name ${JSON.stringify(wanted.slice(0, 80))}: 1 to 64 letters, digits, ".", "_" and "-", the first a letter or digit`,
      );
    }
    if (taken.includes(wanted)) {
      throw new GreedynasError('usage', `${join(root, wanted)} exists already: choose another --name`);
    }
    return { name: wanted, path: join(root, wanted) };
  }
  const base = limits.flops === undefined ? 'all' : formatFlops(limits.flops);
  let name = base;
  for (let number = 2; taken.includes(name); number++) {
    name = `${base}-${number}`;
  }
  return { name, path: join(root, name) };
}
