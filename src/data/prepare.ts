/**
 * Turns images by class into TFRecord shards with an index: `greedynas prepare`.
 *
 * The order of a split is a seeded permutation, cut into shards of equal numbers of images; a shard is written beside its place, flushed and renamed, with a
 * part of the index (`.preparing/`), so that a stopped preparation goes on at the first shard that is not there. Bytes are
 * a function of source, options and sharp's version alone, however many images are converted side by side.
 */
import { createHash } from 'node:crypto';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { GreedynasError } from '../errors.ts';
import { createStream, permutation } from '../random/stream.ts';
import { createFolder, explained, flush, readIfThere, temporaryPrefix, writeDurably } from '../storage/durable.ts';
import { type ConversionKind, type ConversionOptions, convertImage, UnusableImage } from './convert-image.ts';
import { dealByClass } from './dataset.ts';
import { encodeExample } from './example.ts';
import { emptyIndex, encodeIndex, type ImageIndex, readIndex } from './image-index.ts';
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
import { type FileSource, openSource } from './source-files.ts';
import { type LabelledFile, readLayout, type SourceLayout } from './source-layout.ts';
import { frameRecord, recordFrameBytes } from './tfrecord.ts';

export interface PrepareOptions extends ConversionOptions {
  /** Training images of each class that go into a split of their own, for ranking and search. */
  readonly heldOutPerClass: number;
  /** Decides which ones, and the order of the records. */
  readonly seed: number;
  /** Shards of the training split, the others in proportion; null: as many as make about 128 MB of the source each. */
  readonly shards: number | null;
  /** What an image that cannot be used does. */
  readonly onCorrupt: 'fail' | 'skip';
  /** A list of the classes of a flat `val/`, as a path in the source; null: looked for. */
  readonly validationList: string | null;
}

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

const bytesPerShard = 128e6;
/** Records are gathered: a call to the system for each would take as long as all else that is done here to a small image. */
const bytesPerWrite = 1 << 20;

/** What a shard came to: its images in their order, and what was met on the way. */
interface ShardReport {
  readonly unchanged: number;
  readonly converted: Partial<Record<ConversionKind, number>>;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

interface Job {
  readonly split: SplitName;
  readonly shard: number;
  readonly shards: number;
  readonly images: readonly LabelledFile[];
}

/**
 * Prepares `source` (a folder or a tar archive) in the folder `directory`, or goes on with it.
 *
 * @throws GreedynasError `usage` for a source without images by class, or a folder that holds something else; `io` for
 * what cannot be read or written, and with `onCorrupt: 'fail'` for the first image that cannot be used
 */
export async function prepareImages(
  source: string,
  directory: string,
  options: PrepareOptions,
  watch: PrepareWatch,
): Promise<PrepareResult> {
  const files = await openSource(source);
  // One image a thread, several images side by side: sharp's own threads within an image would only wait for each other.
  const threads = sharp.concurrency();
  sharp.concurrency(1);
  // No image comes twice; keeping what was done costs a twentieth of the time (measured).
  const cache = sharp.cache();
  sharp.cache(false);
  try {
    const layout = await readLayout(files, options.validationList);
    const splits = divide(layout, options);
    const fingerprint = fingerprintOf(layout, splits, options);
    const counts = splitNames.flatMap((name) => (splits[name].length > 0 ? [`${splits[name].length} ${name}`] : []));
    watch.notice(`${source}: ${layout.description}; ${layout.classes.length} classes; images: ${counts.join(', ')}`);
    const before = await takeUp(directory, fingerprint);
    if (before !== null) return { end: 'complete', directory, done: 0, before: imagesOf(before), description: before };
    return await writeShards(files, directory, layout, splits, options, fingerprint, watch);
  } finally {
    sharp.concurrency(threads);
    sharp.cache({ memory: cache.memory.max, files: cache.files.max, items: cache.items.max });
    await files.close();
  }
}

type Splits = Readonly<Record<SplitName, readonly LabelledFile[]>>;

function divide(layout: SourceLayout, { heldOutPerClass, seed }: PrepareOptions): Splits {
  const { train, test, classes } = layout;
  if (heldOutPerClass === 0) return { train, heldout: [], test };
  const labels = Int32Array.from(train, ({ label }) => label);
  const perClass = new Array<number>(classes.length).fill(0);
  for (const label of labels) perClass[label]! += 1;
  const fewest = Math.min(...perClass);
  if (heldOutPerClass >= fewest) {
    const poorest = classes[perClass.indexOf(fewest)]!.folder;
    throw new GreedynasError(
      'usage',
      `--hold-out ${heldOutPerClass}: class ${poorest} has ${fewest} training images, allowed: 0 to ${fewest - 1}`,
    );
  }
  const held = new Set(dealByClass(labels, heldOutPerClass * classes.length, createStream(seed, 'prepare/heldout')));
  return {
    train: train.filter((_, index) => !held.has(index)),
    heldout: train.filter((_, index) => held.has(index)),
    test,
  };
}

function fingerprintOf(layout: SourceLayout, splits: Splits, options: PrepareOptions): string {
  const { shorterSide, quality, heldOutPerClass, seed, shards } = options;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([1, { shorterSide, quality, heldOutPerClass, seed, shards }, layout.classes]));
  for (const name of splitNames) {
    for (const { file, label } of splits[name]) hash.update(`\n${name} ${label} ${file.size} ${file.path}`);
  }
  return hash.digest('hex');
}

function imagesOf({ splits }: PreparedDescription): number {
  return splitNames.reduce((sum, name) => sum + (splits[name]?.images ?? 0), 0);
}

/** What is already whole in the folder, or null: the work folder is there and belongs to this preparation. */
async function takeUp(directory: string, fingerprint: string): Promise<PreparedDescription | null> {
  const other = (what: string): GreedynasError =>
    new GreedynasError(
      'usage',
      `${directory} holds ${what} of another source or other options: choose another folder, or remove that one`,
    );
  await createFolder(directory);
  const whole = await readDescription(directory);
  if (whole !== null) {
    if (whole.fingerprint !== fingerprint) throw other('a prepared data set');
    await rm(join(directory, workFolder), { recursive: true, force: true });
    return whole;
  }
  const mark = join(directory, workFolder, 'fingerprint');
  const begun = await readIfThere(mark);
  const names = await explained('list', directory, () => readdir(directory));
  if (begun === null) {
    const found = names.filter((name) => name !== workFolder);
    if (found.length > 0) {
      throw new GreedynasError('usage', `${directory} is not empty (${found[0]}), allowed: a new or an empty folder`);
    }
    await createFolder(join(directory, workFolder));
    await writeDurably(mark, fingerprint);
  } else if (begun !== fingerprint) {
    throw other('a preparation that was stopped');
  } else {
    // A description that was being written when the process was killed.
    const left = names.filter((name) => name.startsWith(temporaryPrefix));
    for (const name of left) await rm(join(directory, name), { force: true });
  }
  return null;
}

function planJobs(splits: Splits, { seed, shards }: PrepareOptions): Job[] {
  const bytesOf = (images: readonly LabelledFile[]): number => images.reduce((sum, { file }) => sum + file.size, 0);
  const perShard = shards === null ? bytesPerShard : bytesOf(splits.train) / shards;
  return splitNames.flatMap((split) => {
    const images = splits[split];
    if (images.length === 0) return [];
    const exact = split === 'train' && shards !== null ? shards : Math.round(bytesOf(images) / perShard);
    const number = Math.min(images.length, 99_999, Math.max(1, exact));
    const order = permutation(createStream(seed, `prepare/${split}`), images.length);
    return Array.from({ length: number }, (_, shard) => {
      const first = Math.floor((shard * images.length) / number);
      const end = Math.floor(((shard + 1) * images.length) / number);
      return {
        split,
        shard,
        shards: number,
        images: Array.from(order.subarray(first, end), (index) => images[index]!),
      };
    });
  });
}

async function writeShards(
  files: FileSource,
  directory: string,
  layout: SourceLayout,
  splits: Splits,
  options: PrepareOptions,
  fingerprint: string,
  watch: PrepareWatch,
): Promise<PrepareResult> {
  const jobs = planJobs(splits, options);
  const total = jobs.reduce((sum, { images }) => sum + images.length, 0);
  const reports = new Map<Job, ShardReport>();
  let before = 0;
  for (const job of jobs) {
    const report = await finishedShard(directory, job);
    if (report === null) continue;
    reports.set(job, report);
    before += job.images.length;
  }
  if (before > 0) watch.notice(`going on: ${before} of ${total} images are prepared already`);
  let done = before;
  for (const job of jobs) {
    if (reports.has(job)) continue;
    const report = await writeShard(files, directory, layout, job, options, watch, () => {
      done += 1;
      watch.onProgress?.({ done, total });
    });
    if (report === null) return { end: 'signal', directory, done: done - before, before, description: null };
    reports.set(job, report);
  }
  const described = await describe(directory, layout, jobs, reports, options, fingerprint);
  return { end: 'complete', directory, done: done - before, before, description: described };
}

const reportName = (job: Job): string => `${shardName(job.split, job.shard, job.shards)}.json`;
const partName = (job: Job): string => `${shardName(job.split, job.shard, job.shards)}.index`;

/** The report of a shard that an earlier process finished; its name is given last, so a shard without one is written again. */
async function finishedShard(directory: string, job: Job): Promise<ShardReport | null> {
  const text = await readIfThere(join(directory, workFolder, reportName(job)));
  // Written durably by this program in its own work folder.
  return text === null ? null : (JSON.parse(text) as ShardReport);
}

/** Writes one shard, its part of the index and its report. Null: interrupted, and nothing of it is kept. */
async function writeShard(
  files: FileSource,
  directory: string,
  layout: SourceLayout,
  job: Job,
  options: PrepareOptions,
  watch: PrepareWatch,
  onImage: () => void,
): Promise<ShardReport | null> {
  const { images, shard, split, shards } = job;
  const place = join(directory, shardName(split, shard, shards));
  const beside = join(directory, workFolder, `${shardName(split, shard, shards)}.part`);
  const index = emptyIndex(images.length);
  const skipped: { path: string; reason: string }[] = [];
  const converted: Partial<Record<ConversionKind, number>> = {};
  let unchanged = 0;
  let offset = 0;
  let written = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const output = await explained('write', beside, () => open(beside, 'w'));
  /** Goes on at the end of the file. */
  const writePending = async (): Promise<void> => {
    const bytes = Buffer.concat(pending, pendingBytes);
    pending = [];
    pendingBytes = 0;
    await explained('write', beside, () => output.writeFile(bytes));
  };
  try {
    const queue: Promise<ConvertedRecord>[] = [];
    let next = 0;
    // Enough that those behind a large image are not kept waiting; how many are converted at once, libuv's threads limit.
    const width = 4 * availableParallelism();
    while (next < images.length || queue.length > 0) {
      while (next < images.length && queue.length < width) {
        const converting = convertRecord(files, layout, images[next++]!, options);
        // Awaited in its turn; until then a failure must not count as unhandled.
        converting.catch(() => {});
        queue.push(converting);
      }
      if (watch.interrupted()) return null;
      const result = await queue.shift()!;
      onImage();
      if ('reason' in result) {
        if (options.onCorrupt === 'fail') {
          throw new GreedynasError(
            'io',
            `${join(files.name, result.path)} cannot be used: ${result.reason}; mend or remove it and run the command again, or leave such images out with --on-corrupt skip`,
          );
        }
        skipped.push(result);
        continue;
      }
      const { record, stored, label } = result;
      for (const kind of stored.kinds) converted[kind] = (converted[kind] ?? 0) + 1;
      if (stored.unchanged) unchanged += 1;
      index.offset[written] = offset;
      index.length[written] = record.length - recordFrameBytes;
      index.crc[written] = record.readUInt32LE(record.length - 4);
      index.label[written] = label;
      index.shard[written] = shard;
      index.width[written] = stored.width;
      index.height[written] = stored.height;
      written += 1;
      pending.push(record);
      pendingBytes += record.length;
      offset += record.length;
      if (pendingBytes >= bytesPerWrite) await writePending();
    }
    await writePending();
    await explained('write', beside, () => output.sync());
  } finally {
    await output.close();
    if (written + skipped.length < images.length) await rm(beside, { force: true });
  }
  const report = { unchanged, converted, skipped };
  const work = join(directory, workFolder);
  await explained('write', place, async () => {
    await rename(beside, place);
    await writeFile(join(work, partName(job)), encodeIndex(first(index, written)), { flush: true });
    await flush(directory);
  });
  await writeDurably(join(work, reportName(job)), JSON.stringify(report));
  return report;
}

type ConvertedRecord =
  | { readonly record: Buffer; readonly stored: Awaited<ReturnType<typeof convertImage>>; readonly label: number }
  | { readonly path: string; readonly reason: string };

async function convertRecord(
  files: FileSource,
  { classes }: SourceLayout,
  { file, label }: LabelledFile,
  options: PrepareOptions,
): Promise<ConvertedRecord> {
  try {
    const stored = await convertImage(await files.read(file), options);
    const { folder, text } = classes[label]!;
    const { jpeg, width, height, channels } = stored;
    const filename = file.path.split('/').at(-1)!;
    const example = encodeExample({ encoded: jpeg, width, height, channels, label, synset: folder, text, filename });
    return { record: frameRecord(example), stored, label };
  } catch (error) {
    if (error instanceof UnusableImage) return { path: file.path, reason: error.message };
    throw error;
  }
}

/** The first `count` rows of an index. */
function first(index: ImageIndex, count: number): ImageIndex {
  if (count === index.count) return index;
  const shorter = emptyIndex(count);
  copyRows(index, count, shorter, 0);
  return shorter;
}

const columns = ['offset', 'length', 'crc', 'label', 'shard', 'width', 'height'] as const;

function copyRows(from: ImageIndex, count: number, into: ImageIndex, at: number): void {
  for (const column of columns) into[column].set(from[column].subarray(0, count), at);
}

/** Joins the parts of the index, writes the description, and removes the work folder: from here on the data set is whole. */
async function describe(
  directory: string,
  layout: SourceLayout,
  jobs: readonly Job[],
  reports: ReadonlyMap<Job, ShardReport>,
  options: PrepareOptions,
  fingerprint: string,
): Promise<PreparedDescription> {
  const work = join(directory, workFolder);
  const converted: Partial<Record<ConversionKind, number>> = {};
  const splits: Partial<Record<SplitName, PreparedDescription['splits']['train']>> = {};
  for (const split of splitNames) {
    const own = jobs.filter((job) => job.split === split);
    if (own.length === 0) continue;
    const parts = await Promise.all(own.map((job) => readIndex(join(work, partName(job)))));
    const index = emptyIndex(parts.reduce((sum, { count }) => sum + count, 0));
    let rows = 0;
    for (const part of parts) {
      copyRows(part, part.count, index, rows);
      rows += part.count;
    }
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
