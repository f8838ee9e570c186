/** The search of a trained run: evolution from its candidate pool, compared with random paths, written into its folder. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { comparisonImages } from '../config/held-out.ts';
import type { RunConfig } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import { GreedynasError } from '../errors.ts';
import { createStream } from '../random/stream.ts';
import { parsePool } from '../sampling/pool-file.ts';
import { formatFlops } from '../space/cost.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { createFolder, explained, readIfThere, systemCode, writeDurably } from '../storage/durable.ts';
import type { Supernet } from '../supernet/supernet.ts';
import { type Checkpoint, findCheckpoint } from '../training/checkpoint.ts';
import type { Clock } from '../training/ledger.ts';
import { poolFile, type RunFolder } from '../training/run-folder.ts';
import { type DataRequest, dataRequest } from '../training/run-options.ts';
import { createPathComparison } from './comparison.ts';
import { type Candidate, hasDiverged } from './evaluator.ts';
import { createEvolution } from './evolution.ts';
import { checkLimits, type Limits } from './limits.ts';
import { type Comparison, compareTop1, describeCandidate, type SearchResult } from './result.ts';
import { createScorer } from './scorer.ts';

export interface SearchProgress {
  readonly phase: 'evolution' | 'comparison';
  readonly evaluated: number;
  /** Evaluations of this phase at most. */
  readonly total: number;
  /** With its scores on the images of the search. */
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
  let found: { candidates: readonly Candidate[]; comparison: Comparison | null; evaluated: number; lines: string[] };
  try {
    // The checkpoint has no batch-norm statistics, and TensorFlow refuses to touch variables that were never set.
    supernet.restore(checkpoint.weightsPrefix);
    const score = createScorer(supernet, config, data);
    const { search, seed } = config;
    const lines: string[] = [];
    const evolution = createEvolution({
      ...search,
      space,
      limits,
      initial,
      evaluate: (path) => score('search', path),
      stream: createStream(seed, 'search'),
    });
    const total = search.population * search.generations;
    for (let candidate = null; ; ) {
      await pause();
      if (surroundings.interrupted()) return null;
      candidate = evolution.next();
      if (candidate === null) break;
      const line = { step: lines.length + 1, generation: evolution.generation, ...describeCandidate(space, candidate) };
      lines.push(JSON.stringify(line));
      const best = evolution.ranked()[0] ?? candidate;
      surroundings.onProgress?.({ phase: 'evolution', evaluated: evolution.evaluated, total, best });
    }
    const candidates = evolution.ranked();
    const best = candidates[0];
    if (best === undefined || hasDiverged(best)) {
      throw new GreedynasError(
        'diverged',
        `no path of run "${folder.name}" has a finite loss: the supernet in ${checkpoint.directory} diverged`,
      );
    }
    let comparison: Comparison | null = null;
    let evaluated = evolution.evaluated;
    if (search.randomBaseline > 0) {
      const images = comparisonImages(config);
      const seen = images === 0;
      const compared = createPathComparison({
        space,
        limits,
        best: best.path,
        count: search.randomBaseline,
        stream: createStream(seed, 'search/baseline'),
        evaluate: (path) => score(seen ? 'search' : 'comparison', path),
        known: seen ? candidates : [],
      });
      for (;;) {
        await pause();
        if (surroundings.interrupted()) return null;
        if (compared.next() === null) break;
        const { done, total } = compared;
        surroundings.onProgress?.({ phase: 'comparison', evaluated: done, total, best });
      }
      const { best: scored, random } = compared.result();
      comparison = compareTop1(scored, random, { images: seen ? search.validationImages : images, seen });
      evaluated += compared.evaluations;
    }
    found = { candidates, comparison, evaluated, lines };
  } finally {
    supernet.close();
  }

  const candidates = found.candidates.map((candidate) => describeCandidate(space, candidate));
  const result: Omit<SearchResult, 'subnets'> = {
    run: folder.name,
    space: space.name,
    directory: directory.path,
    checkpoint: checkpoint.directory,
    limits,
    evaluated: found.evaluated,
    seconds: clock() - start,
    candidates,
    best: candidates[0]!,
    comparison: found.comparison,
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

/** Lets signals in. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function writeSearch(directory: string, result: SearchResult): Promise<void> {
  await writeDurably(join(directory, 'search.json'), `${JSON.stringify(result, null, 1)}\n`);
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
