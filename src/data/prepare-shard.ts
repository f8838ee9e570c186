/** One shard of a preparation: its images converted side by side, written beside its place, and its part of the index. */
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { explained, flush, readIfThere, writeDurably } from '../storage/durable.ts';
import { type ConversionKind, type ConversionOptions, convertImage, UnusableImage } from './convert-image.ts';
import { encodeExample } from './example.ts';
import { emptyIndex, encodeIndex, firstRows } from './image-index.ts';
import { type SplitName, shardName, workFolder } from './prepared-folder.ts';
import type { FileSource } from './source-files.ts';
import type { LabelledFile, SourceLayout } from './source-layout.ts';
import { frameRecord, recordFrameBytes } from './tfrecord.ts';

/** Records are gathered: a call to the system for each would take as long as all else that is done here to a small image. */
const bytesPerWrite = 1 << 20;

/** What a shard came to: its images in their order, and what was met on the way. */
export interface ShardReport {
  readonly unchanged: number;
  readonly converted: Partial<Record<ConversionKind, number>>;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

export interface ShardJob {
  readonly split: SplitName;
  readonly shard: number;
  readonly shards: number;
  readonly images: readonly LabelledFile[];
}

/** What all shards of a preparation share. */
export interface Preparation {
  readonly files: FileSource;
  readonly directory: string;
  readonly layout: SourceLayout;
  readonly options: ConversionOptions & {
    /** What an image that cannot be used does. */
    readonly onCorrupt: 'fail' | 'skip';
  };
  readonly interrupted: () => boolean;
}

const reportName = (job: ShardJob): string => `${shardName(job.split, job.shard, job.shards)}.json`;
/** The file of its part of the index, in the work folder. */
export const partName = (job: ShardJob): string => `${shardName(job.split, job.shard, job.shards)}.index`;

/** The report of a shard that an earlier process finished; its name is given last, so a shard without one is written again. */
export async function finishedShard(directory: string, job: ShardJob): Promise<ShardReport | null> {
  const text = await readIfThere(join(directory, workFolder, reportName(job)));
  // Written durably by this program in its own work folder.
  return text === null ? null : (JSON.parse(text) as ShardReport);
}

/** Writes one shard, its part of the index and its report. Null: interrupted, and nothing of it is kept. */
export async function writeShard(
  { files, directory, layout, options, interrupted }: Preparation,
  job: ShardJob,
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
      if (interrupted()) return null;
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
    await writeFile(join(work, partName(job)), encodeIndex(firstRows(index, written)), { flush: true });
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
  options: ConversionOptions,
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
