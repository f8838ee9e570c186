/** One shard of a preparation: its records written beside its place, and its part of the index. */
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { explained, flush, readIfThere, writeDurably } from '../storage/durable.ts';
import type { ConversionKind } from './convert-image.ts';
import { emptyIndex, encodeIndex, firstRows } from './image-index.ts';
import type { RecordBatch, RefusedImage } from './image-records.ts';
import { type SplitName, shardName, workFolder } from './prepared-folder.ts';
import type { RecordPool } from './record-pool.ts';
import type { LabelledFile } from './source-layout.ts';
import { recordFrameBytes } from './tfrecord.ts';

/** A batch is what one thread works on, and one call to the system writes: so many images, or fewer of so many bytes. */
const batchImages = 64;
const batchBytes = 1 << 20;

/** What a shard came to: its images in their order, and what was met on the way. */
export interface ShardReport {
  readonly unchanged: number;
  readonly converted: Partial<Record<ConversionKind, number>>;
  readonly skipped: readonly RefusedImage[];
}

export interface ShardJob {
  readonly split: SplitName;
  readonly shard: number;
  readonly shards: number;
  readonly images: readonly LabelledFile[];
}

/** What all shards of a preparation share. */
export interface Preparation {
  /** The source's name, for messages. */
  readonly source: string;
  readonly directory: string;
  readonly pool: RecordPool;
  /** What an image that cannot be used does. */
  readonly onCorrupt: 'fail' | 'skip';
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
  { source, directory, pool, onCorrupt, interrupted }: Preparation,
  job: ShardJob,
  onImages: (number: number) => void,
): Promise<ShardReport | null> {
  const { images, shard, split, shards } = job;
  const place = join(directory, shardName(split, shard, shards));
  const beside = join(directory, workFolder, `${shardName(split, shard, shards)}.part`);
  const index = emptyIndex(images.length);
  const skipped: RefusedImage[] = [];
  const converted: Partial<Record<ConversionKind, number>> = {};
  let unchanged = 0;
  let offset = 0;
  let written = 0;
  const output = await explained('write', beside, () => open(beside, 'w'));
  try {
    const batches = batchesOf(images);
    const queue: Promise<RecordBatch>[] = [];
    let next = 0;
    while (next < batches.length || queue.length > 0) {
      while (next < batches.length && queue.length < pool.width) {
        const making = pool.make(batches[next++]!);
        // Awaited in its turn; until then a failure must not count as unhandled.
        making.catch(() => {});
        queue.push(making);
      }
      if (interrupted()) return null;
      const batch = await queue.shift()!;
      for (const image of batch.images) {
        if ('reason' in image) {
          if (onCorrupt === 'fail') {
            throw new GreedynasError(
              'io',
              `${join(source, image.path)} cannot be used: ${image.reason}; mend or remove it and run the command again, or leave such images out with --on-corrupt skip`,
            );
          }
          skipped.push(image);
          continue;
        }
        for (const kind of image.kinds) converted[kind] = (converted[kind] ?? 0) + 1;
        if (image.unchanged) unchanged += 1;
        index.offset[written] = offset;
        index.length[written] = image.bytes - recordFrameBytes;
        index.crc[written] = image.crc;
        index.label[written] = image.label;
        index.shard[written] = shard;
        index.width[written] = image.width;
        index.height[written] = image.height;
        written += 1;
        offset += image.bytes;
      }
      // Goes on at the end of the file.
      await explained('write', beside, () => output.writeFile(batch.records));
      onImages(batch.images.length);
    }
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

function batchesOf(images: readonly LabelledFile[]): LabelledFile[][] {
  const batches: LabelledFile[][] = [];
  let bytes = 0;
  for (const image of images) {
    const last = batches.at(-1);
    if (last === undefined || last.length === batchImages || bytes + image.file.size > batchBytes) {
      batches.push([image]);
      bytes = image.file.size;
    } else {
      last.push(image);
      bytes += image.file.size;
    }
  }
  return batches;
}
