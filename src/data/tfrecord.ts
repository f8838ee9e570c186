/**
 * TFRecord files: a record is its length (uint64), the length's CRC, the data, the data's CRC, all little-endian
 * (tensorflow/core/lib/io/record_writer.h).
 *
 * Own code instead of npm's `tfrecord`, whose reader leaks its file handle, stops at 4 GB, does not say where a record is
 * damaged, and has no random access. Its `Example` builder serves and is used (`example.ts`).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import { maskedCrc32c } from './crc32c.ts';

/** Bytes before a record's data: its length and the length's CRC. */
export const recordHeaderBytes = 12;
/** Bytes of a record beyond its data. */
export const recordFrameBytes = recordHeaderBytes + 4;

/** A length that no image's record has; a header that passes its CRC and says more is refused before memory is taken for it. */
export const longestRecord = 2 ** 30;
/** A length that is not believed before the file is known to have it. */
const usualRecord = 2 ** 20;

/** The data as it stands in a file. */
export function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + recordFrameBytes);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, recordHeaderBytes);
  record.writeUInt32LE(maskedCrc32c(data), recordHeaderBytes + data.length);
  return record;
}

export interface TfRecord {
  /** Its place in the file, from 0. */
  readonly number: number;
  /** The byte that it begins at. */
  readonly offset: number;
  readonly data: Buffer;
}

/**
 * The record that begins at byte `offset` of an open file.
 *
 * @param number only names it in a message
 * @returns null at the end of the file
 * @throws GreedynasError `io` naming file, record and byte if it is cut off or either CRC is wrong
 */
export async function readRecord(
  handle: FileHandle,
  file: string,
  offset: number,
  number: number,
): Promise<TfRecord | null> {
  const damaged = (what: string): GreedynasError =>
    new GreedynasError(
      'io',
      `${file}: record ${number} at byte ${offset} is damaged: ${what}; copy the file again, or prepare the data set again`,
    );
  const header = await readBytes(handle, file, offset, recordHeaderBytes);
  if (header.length === 0) return null;
  if (header.length < recordHeaderBytes) throw damaged(`the file ends within its header, after ${header.length} bytes`);
  if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8))) throw damaged('the CRC of its length is wrong');
  const length = Number(header.readBigUInt64LE(0));
  if (length > longestRecord) throw damaged(`it claims ${length} bytes, more than ${longestRecord}`);
  if (length > usualRecord) {
    const { size } = await explained('read', file, () => handle.stat());
    const there = Math.max(0, size - offset - recordHeaderBytes);
    if (there < length + 4) throw damaged(`the file ends within it: ${there} of ${length + 4} bytes are there`);
  }
  const rest = await readBytes(handle, file, offset + recordHeaderBytes, length + 4);
  if (rest.length < length + 4)
    throw damaged(`the file ends within it: ${rest.length} of ${length + 4} bytes are there`);
  const data = rest.subarray(0, length);
  if (rest.readUInt32LE(length) !== maskedCrc32c(data)) throw damaged('the CRC of its data is wrong');
  return { number, offset, data };
}

/** All records of a file in order, each checked. @throws as {@link readRecord} */
export async function* readRecords(file: string): AsyncGenerator<TfRecord, void, undefined> {
  const handle = await explained('open', file, () => open(file, 'r'));
  try {
    let offset = 0;
    for (let number = 0; ; number++) {
      const record = await readRecord(handle, file, offset, number);
      if (record === null) return;
      yield record;
      offset += record.data.length + recordFrameBytes;
    }
  } finally {
    await handle.close();
  }
}

async function readBytes(handle: FileHandle, file: string, position: number, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await explained('read', file, () =>
      handle.read(bytes, filled, count - filled, position + filled),
    );
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
