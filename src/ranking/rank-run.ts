/**
 * Ranks distinct networks of a run's space by its supernet and says how well: against the known accuracies of a benchmark's
 * table, or against another score of the same supernet (GreedyNAS, table 3).
 */
import { join } from 'node:path';
import { readMacroTable } from '../benchmarks/nas-bench-macro.ts';
import { loadConfig, parseConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import { takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import { identifyData } from '../data/identity.ts';
import { GreedynasError } from '../errors.ts';
import { createStream } from '../random/stream.ts';
import { pause } from '../search/find-best.ts';
import { identifyCheckpoint } from '../search/saved-search.ts';
import { newestCheckpoint } from '../search/supernet-search.ts';
import { pathFlops } from '../space/cost.ts';
import { distinctCount, sampleDistinct } from '../space/distinct.ts';
import { formatGenotype, operationToken } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { largest } from '../statistics/best.ts';
import { writeDurably } from '../storage/durable.ts';
import type { Supernet } from '../supernet/supernet.ts';
import type { Checkpoint } from '../training/checkpoint.ts';
import { checkTrainedWith, freeWhenScored } from '../training/config-change.ts';
import type { Clock } from '../training/ledger.ts';
import { configFile, findRun, openRun, type RunFolder, runDirectory } from '../training/run-folder.ts';
import { type DataRequest, dataRequest } from '../training/run-options.ts';
import { checkTrainedOn } from '../training/trained-on.ts';
import { compareOrders, seedCeiling, topShare } from './agreement.ts';
import { chooseRankFolder, type RankFolder } from './rank-folder.ts';
import type { RankedNetwork, RankResult } from './result.ts';
import { formatScoreKind, parseScoreKind, type ScoreKind, type Statistics } from './score-kind.ts';
import { byBatch, type NetworkScores, openScoreLog, type ScoreLog, scoreOf } from './score-log.ts';

export const benchmarkNames = ['nas-bench-macro'] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export interface RankProgress {
  /** Scores that are there, of `total` that are needed. */
  readonly scored: number;
  readonly total: number;
}

export interface RankSurroundings {
  readonly clock: Clock;
  readonly notice: (line: string) => void;
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
  readonly createSupernet: (config: RunConfig, space: Space, data: DataSet) => Promise<Supernet>;
  /** Whether the user wants to stop after this network. */
  readonly interrupted: () => boolean;
  readonly onProgress?: (progress: RankProgress) => void;
}

export interface RankRequest {
  /** The folder of all runs. */
  readonly root: string;
  /** Undefined: the run that was worked on last. */
  readonly run: string | undefined;
  /** Of the ranking's folder; null: one whose scores serve, or a new one. */
  readonly name: string | null;
  /** `loss`, `top1:5000`, …: see `parseScoreKind`. */
  readonly score: string;
  /** Held-out images of a score that does not say how many. */
  readonly images: number;
  /** Images that go through the network at once and share batch statistics. */
  readonly batch: number;
  /** Another score, or a benchmark and the file of its table. */
  readonly truth: { readonly against: string } | { readonly benchmark: BenchmarkName; readonly table: string };
  readonly networks: number;
  /** Decides which networks, and the bootstrap. */
  readonly seed: number;
  /** `search.key=value` and `engine.key=value`, over the run's config. */
  readonly overrides: readonly string[];
  readonly surroundings: RankSurroundings;
}

export type RankOutcome =
  | { readonly end: 'complete'; readonly result: RankResult }
  | { readonly end: 'signal'; readonly run: string; readonly scored: number; readonly total: number };

/** What networks are ranked against. Values are higher for better networks. */
interface Truth {
  readonly name: string;
  readonly table: string | null;
  readonly values: readonly number[];
  /** Accuracies of each single training, in percent. */
  readonly runs: readonly (readonly number[])[] | null;
  readonly flops: readonly number[];
  readonly best: { readonly path: Path; readonly value: number } | null;
}

/**
 * @throws GreedynasError `usage` for a score, a number of images or networks or a benchmark that the run does not have room
 * for; `io` for a table or checkpoint that cannot be read; `locked` if another process uses the run
 */
export async function rankRun(request: RankRequest): Promise<RankOutcome> {
  const { root, overrides, truth } = request;
  const wrong = overrides.find((override) => !/^(search|engine)\./.test(override));
  if (wrong !== undefined) {
    throw new GreedynasError(
      'usage',
      `--set ${wrong}: a ranking may change keys of search (the calibration) and engine only; the rest is settled by the run`,
    );
  }
  const run = await findRun(root, request.run);
  const config = loadConfig({ file: join(runDirectory(root, run), configFile), overrides: [...overrides] });
  const space = buildSpace(config.space);
  const kinds = readKinds(request);
  checkImages(kinds, request, config);
  const distinct = distinctCount(space);
  if (request.networks < 2 || BigInt(request.networks) > distinct) {
    throw new GreedynasError(
      'usage',
      `--networks ${request.networks}, allowed: 2 to ${distinct}, the distinct networks of the run's space`,
    );
  }
  const table = 'table' in truth ? await readTable(truth.table, space, request.surroundings.notice) : null;
  const folder = await openRun(root, run);
  try {
    return await rankInFolder({ request, folder, config, space, kinds, table });
  } finally {
    await folder.release();
  }
}

interface Kinds {
  readonly score: ScoreKind;
  readonly against: ScoreKind | null;
}

function readKinds({ score, images, truth }: RankRequest): Kinds {
  const against = 'against' in truth ? parseScoreKind('against', truth.against, images) : null;
  return { score: parseScoreKind('score', score, images), against };
}

function kindsOf({ score, against }: Kinds): ScoreKind[] {
  return against === null ? [score] : [score, against];
}

function checkImages(kinds: Kinds, { batch }: RankRequest, { data }: RunConfig): void {
  for (const kind of kindsOf(kinds)) {
    const { images } = kind;
    if (images > data.validationImages) {
      throw new GreedynasError(
        'usage',
        `${formatScoreKind(kind)}: ${images} images, allowed: at most ${data.validationImages}, which this run holds out (data.validationImages)`,
      );
    }
    if (images % batch !== 0) {
      throw new GreedynasError(
        'usage',
        `${formatScoreKind(kind)}: ${images} images, allowed: a multiple of --batch (${batch}), so that all batches are of one size`,
      );
    }
  }
}

type Table = Awaited<ReturnType<typeof readTable>>;

async function readTable(file: string, space: Space, notice: (line: string) => void) {
  const table = await readMacroTable(file);
  const operations = (of: Space): string => of.layers.map((layer) => layer.operations.map(operationToken)).join('; ');
  if (operations(space) !== operations(table.space)) {
    throw new GreedynasError(
      'usage',
      `--benchmark nas-bench-macro: it has ${table.space.layers.length} layers of ${table.space.layers[0]!.operations.map(operationToken).join(', ')}, the run's space (${space.name}) has others`,
    );
  }
  if (JSON.stringify(space) !== JSON.stringify(table.space)) {
    notice(
      "the run's space differs from the benchmark's in width, strides, resolution or classes: its networks are not those of the table",
    );
  }
  return { file, ...table };
}

interface Ranking {
  readonly request: RankRequest;
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly space: Space;
  readonly kinds: Kinds;
  readonly table: Table | null;
}

async function rankInFolder(ranking: Ranking): Promise<RankOutcome> {
  const { request, folder, config, space, kinds } = ranking;
  const { clock, notice } = request.surroundings;
  const began = clock();
  const checkpoint = await newestCheckpoint(folder, notice);
  await checkTrainedWith(folder.name, checkpoint.directory, config, parseConfig, freeWhenScored);
  const { calibrationImages, calibrationBatch } = config.search;
  const place = await chooseRankFolder(folder, request.name, {
    checkpoint: await identifyCheckpoint(checkpoint),
    images: Math.max(...kindsOf(kinds).map(({ images }) => images)),
    batch: request.batch,
    calibrationImages,
    calibrationBatch,
  });
  const paths = sampleDistinct(space, request.networks, createStream(request.seed, 'rank/networks'));
  const log = await openScoreLog(place.file('scores.jsonl'), space, place.settings.images / request.batch);
  let scored: Scored | null;
  try {
    if (log.removed > 0) notice(`${place.file('scores.jsonl')}: removed ${log.removed} lines that a crash left torn`);
    scored = await scoreAll(ranking, { checkpoint, place, log, paths });
    if (scored === null) {
      const { length: total } = paths;
      const done = paths.filter((path) => statisticsOf(kinds).every((each) => log.find(path, each) !== null)).length;
      return { end: 'signal', run: folder.name, scored: done, total };
    }
  } finally {
    log.close();
  }
  const result = summarise(ranking, { checkpoint, place, paths, scored, seconds: clock() - began });
  await writeDurably(place.file('rank.json'), `${JSON.stringify(result, null, 1)}\n`);
  return { end: 'complete', result };
}

function statisticsOf(kinds: Kinds): Statistics[] {
  return [...new Set(kindsOf(kinds).map(({ statistics }) => statistics))];
}

interface Scored {
  readonly find: (path: Path, statistics: Statistics) => NetworkScores;
  readonly count: number;
  readonly images: number;
}

/** Scores what the log lacks; null if the user wants to stop. */
async function scoreAll(
  { request, folder, config, space, kinds }: Ranking,
  at: { checkpoint: Checkpoint; place: RankFolder; log: ScoreLog; paths: readonly Path[] },
): Promise<Scored | null> {
  const { surroundings, batch } = request;
  const { place, log, paths } = at;
  const wanted = paths.flatMap((path) => statisticsOf(kinds).map((statistics) => ({ path, statistics })));
  const missing = wanted.filter(({ path, statistics }) => log.find(path, statistics) === null);
  const find = (path: Path, statistics: Statistics): NetworkScores => log.find(path, statistics)!;
  const { images } = place.settings;
  if (missing.length === 0) return { find, count: 0, images: 0 };
  if (missing.length < wanted.length) {
    surroundings.notice(`${wanted.length - missing.length} of ${wanted.length} scores are in ${place.path} already`);
  }
  const data = await surroundings.loadData(dataRequest(config));
  await checkTrainedOn(folder.name, at.checkpoint.directory, identifyData(data));
  await pause();
  if (surroundings.interrupted()) return null;
  const supernet = await surroundings.createSupernet(withBatch(config, batch), space, data);
  try {
    supernet.restore(at.checkpoint.weightsPrefix);
    const stack = takeStack(data.validation, images, config.seed);
    const { calibrationImages } = config.search;
    for (const statistics of statisticsOf(kinds)) {
      supernet.loadStack(statistics === 'batch' ? 'ranking' : 'validation', stack);
      if (statistics === 'recalibrated') {
        supernet.loadStack('calibration', takeStack(data.train, calibrationImages, config.seed));
      }
    }
    for (const [index, { path, statistics }] of missing.entries()) {
      await pause();
      if (surroundings.interrupted()) return null;
      if (statistics === 'recalibrated') supernet.recalibrate(path);
      const scores = statistics === 'batch' ? supernet.rank(path) : supernet.evaluate(path);
      log.write(byBatch(path, statistics, scores, batch));
      surroundings.onProgress?.({ scored: wanted.length - missing.length + index + 1, total: wanted.length });
    }
  } finally {
    supernet.close();
  }
  return { find, count: missing.length, images: missing.length * images };
}

/** The config with the ranking's batch in place of that of training and search. */
function withBatch(config: RunConfig, batch: number): RunConfig {
  const { sampling, search } = config;
  return {
    ...config,
    sampling: { ...sampling, ranking: { ...sampling.ranking, batch } },
    search: { ...search, validationBatch: batch },
  };
}

function summarise(
  { request, folder, space, kinds, table }: Ranking,
  done: { checkpoint: Checkpoint; place: RankFolder; paths: readonly Path[]; scored: Scored; seconds: number },
): RankResult {
  const { seed, batch } = request;
  const { checkpoint, place, paths, scored } = done;
  const scoresOf = (kind: ScoreKind): number[] =>
    paths.map((path) => scoreOf(scored.find(path, kind.statistics), kind, batch));
  const scores = scoresOf(kinds.score);
  const predicted = lastIfDiverged(scores);
  const truth = truthOf(space, paths, table, kinds.against, scoresOf);
  const stream = createStream(seed, 'rank/bootstrap');
  const comparison = compareOrders({ predicted, other: truth.flops, truth: truth.values }, stream);
  const seeds = truth.runs === null ? null : seedCeiling(truth.runs, stream);
  const ranked = paths.map((path, index): RankedNetwork => {
    const score = scores[index]!;
    const shown = kinds.score.measure === 'loss' ? -score : score;
    return {
      path: formatGenotype(space, path),
      score: Number.isFinite(shown) ? shown : null,
      truth: truth.values[index]!,
      flops: truth.flops[index]!,
    };
  });
  const byPrediction = largest(predicted, paths.length);
  const byTruth = largest(truth.values, paths.length);
  const [first, best] = [byPrediction[0]!, byTruth[0]!];
  return {
    run: folder.name,
    space: space.name,
    checkpoint: checkpoint.directory,
    step: checkpoint.step,
    directory: place.path,
    score: formatScoreKind(kinds.score),
    against: truth.name,
    table: truth.table,
    seed,
    networks: paths.length,
    distinct: String(distinctCount(space)),
    diverged: scores.filter(Number.isNaN).length,
    scored: scored.count,
    evaluatedImages: scored.images,
    seconds: done.seconds,
    topShare,
    supernet: comparison.predicted,
    flops: comparison.other,
    gain: comparison.gain,
    seeds,
    best: {
      predicted: { ...ranked[first]!, trueRank: byTruth.indexOf(first) + 1 },
      true: { ...ranked[best]!, predictedRank: byPrediction.indexOf(best) + 1 },
      table:
        truth.best === null
          ? null
          : {
              path: formatGenotype(space, truth.best.path),
              truth: truth.best.value,
              regret: truth.best.value - truth.values[first]!,
            },
    },
    ranked,
  };
}

/** A diverged network is worse than all others. */
function lastIfDiverged(scores: readonly number[]): number[] {
  const finite = scores.filter(Number.isFinite);
  const worst = finite.length === 0 ? 0 : finite.reduce((least, score) => Math.min(least, score)) - 1;
  return scores.map((score) => (Number.isFinite(score) ? score : worst));
}

function truthOf(
  space: Space,
  paths: readonly Path[],
  table: Table | null,
  against: ScoreKind | null,
  scoresOf: (kind: ScoreKind) => number[],
): Truth {
  if (table !== null) {
    const entries = paths.map((path) => table.entry(path));
    return {
      name: 'nas-bench-macro',
      table: table.file,
      values: entries.map(({ accuracy }) => accuracy),
      runs: [0, 1, 2].map((run) => entries.map(({ accuracies }) => accuracies[run]!)),
      flops: entries.map(({ flops }) => flops),
      best: { path: table.best.path, value: table.best.accuracy },
    };
  }
  if (against === null) throw new Error('a ranking has neither a table nor another score to be compared with');
  return {
    name: formatScoreKind(against),
    table: null,
    values: lastIfDiverged(scoresOf(against)),
    runs: null,
    flops: paths.map((path) => pathFlops(space, path)),
    best: null,
  };
}
