/** Says which image it was that the loader in the graph could not read: TensorFlow's message names a node, not a file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { GreedynasError } from '../errors.ts';
import type { PlannedImages } from '../supernet/supernet.ts';
import { maskedCrc32c } from './crc32c.ts';
import type { ImageFiles } from './dataset.ts';
import { longestRecord, recordFrameBytes, recordHeaderBytes } from './tfrecord.ts';

/**
 * The error of a training step's batch, with the record that is damaged as far as its CRCs show it. Errors that are no input
 * or output errors pass unchanged.
 */
export function explainUnreadable(error: unknown, set: ImageFiles, plan: PlannedImages, step: number): unknown {
  if (!(error instanceof GreedynasError) || error.code !== 'io') return error;
  const names = Buffer.from(plan.names);
  const rows = Array.from(plan.labels, (_, row) => {
    const first = plan.file[2 * row]!;
    return { file: names.toString('utf8', first, first + plan.file[2 * row + 1]!), offset: Number(plan.offset[row]!) };
  });
  const damaged =
    set.stored.container === 'files' ? undefined : rows.find(({ file, offset }) => isRecordDamaged(file, offset));
  const where =
    damaged === undefined
      ? `one of the ${rows.length} images of step ${step}, the first of them in ${rows[0]?.file}`
      : `${damaged.file}, record at byte ${damaged.offset}`;
  return new GreedynasError(
    'io',
    `${where}: ${error.message}. Look for damage with "greedynas data inspect <folder>", then mend the file or prepare the data set again; --resume goes on.`,
    { cause: error },
  );
}

/** Whether a record cannot be read or one of its CRCs is wrong. Sums up synchronously, as the training loop asks for batches. */
export function isRecordDamaged(file: string, offset: number): boolean {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return true;
  }
  try {
    const header = Buffer.alloc(recordHeaderBytes);
    if (readSync(handle, header, 0, header.length, offset) < header.length) return true;
    if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8))) return true;
    const length = Number(header.readBigUInt64LE(0));
    if (length > longestRecord || length > fstatSync(handle).size) return true;
    const rest = Buffer.alloc(length + recordFrameBytes - recordHeaderBytes);
    if (readSync(handle, rest, 0, rest.length, offset + recordHeaderBytes) < rest.length) return true;
    return rest.readUInt32LE(length) !== maskedCrc32c(rest.subarray(0, length));
  } finally {
    closeSync(handle);
  }
}
