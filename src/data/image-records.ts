/** A batch of a source's images made into framed records: what `prepare` spends its time on. */
import { setImmediate } from 'node:timers/promises';
import { type ConversionKind, type ConversionOptions, convertImage, UnusableImage } from './convert-image.ts';
import { encodeExample } from './example.ts';
import type { FileReader } from './source-files.ts';
import type { ClassName, LabelledFile } from './source-layout.ts';
import { frameRecord } from './tfrecord.ts';

export interface RecordOptions extends ConversionOptions {
  readonly classes: readonly ClassName[];
}

export interface ImageRecord {
  /** Of the framed record, in bytes. */
  readonly bytes: number;
  /** The CRC that the frame ends with. */
  readonly crc: number;
  readonly label: number;
  readonly width: number;
  readonly height: number;
  readonly kinds: readonly ConversionKind[];
  /** Whether the file's own bytes are stored. */
  readonly unchanged: boolean;
}

/** An image that cannot be used. */
export interface RefusedImage {
  readonly path: string;
  readonly reason: string;
}

export interface RecordBatch {
  /** One for each image, in their order. */
  readonly images: readonly (ImageRecord | RefusedImage)[];
  /** The framed records, one after the other. */
  readonly records: Uint8Array<ArrayBuffer>;
}

/** Images of a batch that are in hand at once, so that libuv's threads work on those that sharp makes. */
const lanes = 4;

/** @throws GreedynasError `io` for a file that cannot be read */
export async function makeRecords(
  reader: FileReader,
  images: readonly LabelledFile[],
  options: RecordOptions,
): Promise<RecordBatch> {
  const made: ({ readonly record: Buffer; readonly about: ImageRecord } | RefusedImage)[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < images.length) {
      const place = next++;
      made[place] = await makeRecord(reader, images[place]!, options);
      // Most images are made without a pause, and what is done with their pixels is let go of in one.
      await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  // Not Buffer.concat: its small results share memory, which cannot be handed to another thread.
  const records = new Uint8Array(made.reduce((sum, one) => sum + ('record' in one ? one.record.length : 0), 0));
  let end = 0;
  for (const one of made) {
    if (!('record' in one)) continue;
    records.set(one.record, end);
    end += one.record.length;
  }
  return { images: made.map((one) => ('about' in one ? one.about : one)), records };
}

async function makeRecord(
  reader: FileReader,
  { file, label }: LabelledFile,
  options: RecordOptions,
): Promise<{ readonly record: Buffer; readonly about: ImageRecord } | RefusedImage> {
  try {
    const { jpeg, kinds, unchanged, ...size } = await convertImage(await reader.read(file), options);
    const { folder, text } = options.classes[label]!;
    const filename = file.path.split('/').at(-1)!;
    const record = frameRecord(encodeExample({ encoded: jpeg, ...size, label, synset: folder, text, filename }));
    const { width, height } = size;
    const crc = record.readUInt32LE(record.length - 4);
    return { record, about: { bytes: record.length, crc, label, width, height, kinds, unchanged } };
  } catch (error) {
    if (error instanceof UnusableImage) return { path: file.path, reason: error.message };
    throw error;
  }
}
