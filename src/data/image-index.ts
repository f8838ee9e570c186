/**
 * The index of a split of prepared images: where each record lies and what it holds, for random access without reading the shards.
 *
 * A file of columns: the line `greedynas image index 1 <count>`, blanks up to byte 64, then for all records the offset
 * (float64), length of the data, masked CRC-32C of the data, label (uint32 each), shard, width, height (uint16 each), and at
 * the end the masked CRC-32C of all before it. Little-endian. 26 bytes an image: 33 MB for ImageNet.
 */
import { readFile } from 'node:fs/promises';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import { maskedCrc32c } from './crc32c.ts';

/** Columns with one entry a record. */
export interface ImageIndex {
  readonly count: number;
  /** Byte of the shard at which the record begins. */
  readonly offset: Float64Array;
  /** Bytes of the record's data, without its frame. */
  readonly length: Uint32Array;
  /** As it stands at the record's end. */
  readonly crc: Uint32Array;
  readonly label: Uint32Array;
  /** Number of the shard file, from 0. */
  readonly shard: Uint16Array;
  readonly width: Uint16Array;
  readonly height: Uint16Array;
}

const headBytes = 64;
const bytesEach = 8 + 3 * 4 + 3 * 2;

/** An index of zeros, to be filled. */
export function emptyIndex(count: number): ImageIndex {
  return columnsOf(new ArrayBuffer(headBytes + count * bytesEach), count);
}

function columnsOf(buffer: ArrayBuffer, count: number): ImageIndex {
  let place = headBytes;
  const next = (bytes: number): number => {
    const first = place;
    place += count * bytes;
    return first;
  };
  // Widest first, so that every column is aligned.
  return {
    count,
    offset: new Float64Array(buffer, next(8), count),
    length: new Uint32Array(buffer, next(4), count),
    crc: new Uint32Array(buffer, next(4), count),
    label: new Uint32Array(buffer, next(4), count),
    shard: new Uint16Array(buffer, next(2), count),
    width: new Uint16Array(buffer, next(2), count),
    height: new Uint16Array(buffer, next(2), count),
  };
}

/** The first `count` rows. */
export function firstRows(index: ImageIndex, count: number): ImageIndex {
  return count === index.count ? index : filledFrom([index], count);
}

/** The rows of several indices, one after the other. */
export function joinIndices(parts: readonly ImageIndex[]): ImageIndex {
  return filledFrom(
    parts,
    parts.reduce((sum, { count }) => sum + count, 0),
  );
}

const columns = ['offset', 'length', 'crc', 'label', 'shard', 'width', 'height'] as const;

function filledFrom(parts: readonly ImageIndex[], count: number): ImageIndex {
  const index = emptyIndex(count);
  let row = 0;
  for (const part of parts) {
    const taken = Math.min(part.count, count - row);
    for (const column of columns) index[column].set(part[column].subarray(0, taken), row);
    row += taken;
  }
  return index;
}

/** The bytes of the index' file. */
export function encodeIndex(index: ImageIndex): Uint8Array {
  const columns = Buffer.from(index.offset.buffer);
  const bytes = Buffer.alloc(columns.length + 4);
  columns.copy(bytes);
  bytes.fill(' ', 0, headBytes).write(`greedynas image index 1 ${index.count}\n`);
  bytes.writeUInt32LE(maskedCrc32c(bytes.subarray(0, columns.length)), columns.length);
  return bytes;
}

/** @throws GreedynasError `io` if the file is not there or damaged */
export async function readIndex(file: string): Promise<ImageIndex> {
  const bytes = await explained('read', file, () => readFile(file));
  const head = /^greedynas image index 1 (\d{1,10})\n/.exec(bytes.toString('latin1', 0, headBytes));
  const count = Number(head?.[1] ?? -1);
  const size = headBytes + count * bytesEach;
  const whole = head !== null && bytes.length === size + 4;
  if (!whole || bytes.readUInt32LE(size) !== maskedCrc32c(bytes.subarray(0, size))) {
    throw new GreedynasError('io', `${file} is damaged, or no index of images; prepare the data set again`);
  }
  // A copy of its own, as a small file's bytes lie unaligned in a shared pool.
  return columnsOf(new Uint8Array(bytes).buffer, count);
}
