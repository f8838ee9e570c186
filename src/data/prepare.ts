/**
 * Turns images by class into TFRecord shards with an index: `greedynas prepare`.
 *
 * A shard is written beside its place, flushed and renamed, with a part of the index (`.preparing/`), so that a stopped preparation goes on at the
 * first shard that is not there. Bytes are a function of source, options and the image libraries alone, however many threads make them.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { createFolder, explained, readIfThere, temporaryPrefix, writeDurably } from '../storage/durable.ts';
import { acquireLock, type FolderLock } from '../storage/lock.ts';
import type { ConversionKind } from './convert-image.ts';
import { encodeIndex, joinIndices, readIndex } from './image-index.ts';
import { bytesOf, divide, fingerprintOf, type PrepareOptions, planJobs, type Splits } from './prepare-plan.ts';
import {
  finishedShard,
  type Preparation,
  partName,
  type ShardJob,
  type ShardReport,
  writeShard,
} from './prepare-shard.ts';
import {
  descriptionFile,
  indexName,
  type PreparedDescription,
  readDescription,
  type SplitName,
  shardName,
  splitNames,
  workFolder,
} from './prepared-folder.ts';
import { openRecordPool } from './record-pool.ts';
import { openSource } from './source-files.ts';
import { readLayout, type SourceLayout } from './source-layout.ts';
import { recordFrameBytes } from './tfrecord.ts';

export interface PrepareProgress {
  readonly done: number;
  readonly total: number;
}

export interface PrepareWatch {
  readonly notice: (line: string) => void;
  readonly interrupted: () => boolean;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

export interface PrepareResult {
  readonly end: 'complete' | 'signal';
  readonly directory: string;
  /** Images written or skipped in this process, and those of earlier ones. */
  readonly done: number;
  readonly before: number;
  /** Null where it was stopped. */
  readonly description: PreparedDescription | null;
}

/**
 * Prepares `source` (a folder or a tar archive) in the folder `directory`, or goes on with it.
 *
 * @throws GreedynasError `usage` for a source without images by class, or a folder that holds something else; `io` for
 * what cannot be read or written, and with `onCorrupt: 'fail'` for the first image that cannot be used; `locked` while
 * another process prepares into the folder
 */
export async function prepareImages(
  source: string,
  directory: string,
  options: PrepareOptions,
  watch: PrepareWatch,
): Promise<PrepareResult> {
  const files = await openSource(source);
  try {
    const layout = await readLayout(files, options.validationList);
    const splits = divide(layout, options);
    const fingerprint = fingerprintOf(layout, splits, options);
    const counts = splitNames.flatMap((name) => (splits[name].length > 0 ? [`${splits[name].length} ${name}`] : []));
    watch.notice(`${source}: ${layout.description}; ${layout.classes.length} classes; images: ${counts.join(', ')}`);
    const taken = await takeUp(directory, fingerprint);
    if ('whole' in taken) {
      const { whole } = taken;
      return { end: 'complete', directory, done: 0, before: imagesOf(whole), description: whole };
    }
    try {
      return await writeShards({ source, directory, layout, splits, options, fingerprint }, watch);
    } finally {
      await taken.lock.release();
    }
  } finally {
    await files.close();
  }
}

function imagesOf({ splits }: PreparedDescription): number {
  return splitNames.reduce((sum, name) => sum + (splits[name]?.images ?? 0), 0);
}

/**
 * What is already whole in the folder; else the work folder is there, belongs to this preparation, and is locked for this
 * process.
 */
async function takeUp(
  directory: string,
  fingerprint: string,
): Promise<{ readonly whole: PreparedDescription } | { readonly lock: FolderLock }> {
  const other = (what: string): GreedynasError =>
    new GreedynasError(
      'usage',
      `${directory} holds ${what} of another source or other options, or of an earlier version: choose another folder, or remove that one`,
    );
  const work = join(directory, workFolder);
  const readWhole = async (): Promise<PreparedDescription | null> => {
    const whole = await readDescription(directory);
    if (whole === null) return null;
    if (whole.fingerprint !== fingerprint) throw other('a prepared data set');
    await rm(work, { recursive: true, force: true });
    return whole;
  };
  await createFolder(directory);
  const before = await readWhole();
  if (before !== null) return { whole: before };
  const mark = join(work, 'fingerprint');
  const names = await explained('list', directory, () => readdir(directory));
  if ((await readIfThere(mark)) === null) {
    const found = names.filter((name) => name !== workFolder);
    if (found.length > 0) {
      throw new GreedynasError('usage', `${directory} is not empty (${found[0]}), allowed: a new or an empty folder`);
    }
  }
  await createFolder(work);
  const lock = await acquireLock(work, 'prepare into another folder');
  try {
    // Another process may have ended it while this one waited for its turn.
    const meanwhile = await readWhole();
    if (meanwhile !== null) return { whole: meanwhile };
    const begun = await readIfThere(mark);
    if (begun === null) await writeDurably(mark, fingerprint);
    else if (begun !== fingerprint) throw other('a preparation that was stopped');
    // A description that was being written when the process was killed.
    const left = names.filter((name) => name.startsWith(temporaryPrefix));
    for (const name of left) await rm(join(directory, name), { force: true });
    return { lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A preparation whose work folder is taken up. */
interface TakenUp {
  readonly source: string;
  readonly directory: string;
  readonly layout: SourceLayout;
  readonly splits: Splits;
  readonly options: PrepareOptions;
  readonly fingerprint: string;
}

/** One a core; none for so little that it is done (at about 30 MB/s) before they would have started. */
function threadsFor(jobs: readonly ShardJob[]): number {
  const bytes = jobs.reduce((sum, { images }) => sum + bytesOf(images), 0);
  return bytes < 40e6 ? 0 : availableParallelism();
}

async function writeShards(taken: TakenUp, watch: PrepareWatch): Promise<PrepareResult> {
  const { source, directory, layout, options } = taken;
  const jobs = planJobs(taken.splits, options);
  const total = jobs.reduce((sum, { images }) => sum + images.length, 0);
  const reports = new Map<ShardJob, ShardReport>();
  let before = 0;
  for (const job of jobs) {
    const report = await finishedShard(directory, job);
    if (report === null) continue;
    reports.set(job, report);
    before += job.images.length;
  }
  if (before > 0) watch.notice(`going on: ${before} of ${total} images are prepared already`);
  const { shorterSide, quality, onCorrupt } = options;
  const threads = threadsFor(jobs.filter((job) => !reports.has(job)));
  const pool = await openRecordPool(source, { shorterSide, quality, classes: layout.classes }, threads);
  let done = before;
  try {
    const preparation: Preparation = { source, directory, pool, onCorrupt, interrupted: watch.interrupted };
    for (const job of jobs) {
      if (reports.has(job)) continue;
      const report = await writeShard(preparation, job, (images) => {
        done += images;
        watch.onProgress?.({ done, total });
      });
      if (report === null) return { end: 'signal', directory, done: done - before, before, description: null };
      reports.set(job, report);
    }
  } finally {
    await pool.close();
  }
  const described = await describe(taken, jobs, reports);
  return { end: 'complete', directory, done: done - before, before, description: described };
}

/** Joins the parts of the index, writes the description, and removes the work folder: from here on the data set is whole. */
async function describe(
  { directory, layout, options, fingerprint }: TakenUp,
  jobs: readonly ShardJob[],
  reports: ReadonlyMap<ShardJob, ShardReport>,
): Promise<PreparedDescription> {
  const work = join(directory, workFolder);
  const converted: Partial<Record<ConversionKind, number>> = {};
  const splits: Partial<Record<SplitName, PreparedDescription['splits']['train']>> = {};
  for (const split of splitNames) {
    const own = jobs.filter((job) => job.split === split);
    if (own.length === 0) continue;
    const parts = await Promise.all(own.map((job) => readIndex(join(work, partName(job)))));
    const index = joinIndices(parts);
    const path = join(directory, indexName(split));
    await explained('write', path, () => writeFile(path, encodeIndex(index), { flush: true }));
    const shards = own.map((job, shard) => {
      const part = parts[shard]!;
      const last = part.count - 1;
      const bytes = last < 0 ? 0 : part.offset[last]! + part.length[last]! + recordFrameBytes;
      return { file: shardName(split, shard, job.shards), bytes };
    });
    splits[split] = { images: index.count, shards };
  }
  let unchanged = 0;
  const skipped: PreparedDescription['skipped'] = [];
  for (const job of jobs) {
    const report = reports.get(job)!;
    unchanged += report.unchanged;
    skipped.push(...report.skipped);
    for (const [kind, number] of Object.entries(report.converted)) {
      converted[kind as ConversionKind] = (converted[kind as ConversionKind] ?? 0) + number;
    }
  }
  const { train, ...others } = splits;
  if (train === undefined || train.images === 0) {
    throw new GreedynasError('io', `${directory}: not one training image could be used (${skipped[0]?.reason})`);
  }
  const { shorterSide, quality, heldOutPerClass, seed } = options;
  const description: PreparedDescription = {
    format: 1,
    fingerprint,
    layout: layout.description,
    options: { shorterSide, quality, heldOutPerClass, seed },
    classes: layout.classes.map(({ folder, text }) => ({ folder, text })),
    splits: { train, ...others },
    unchanged,
    converted,
    skipped,
    ignored: layout.ignored.map(({ path, reason }) => ({ path, reason })),
  };
  await writeDurably(join(directory, descriptionFile), `${JSON.stringify(description, null, 1)}\n`);
  await rm(work, { recursive: true, force: true });
  return description;
}
