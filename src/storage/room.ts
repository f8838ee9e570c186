/** Whether a disk has room for what is to be written, and how that is said with the bytes that are needed. */
import { statfs } from 'node:fs/promises';
import { GreedynasError } from '../errors.ts';
import { explained } from './durable.ts';

/**
 * Looks before writing: a file that is cut off by a full disk costs more than a call of statfs.
 *
 * @param what is to be written, for the message: "a checkpoint"
 * @throws GreedynasError `io` naming the folder, the bytes that are needed and those that are free
 */
export async function requireRoom(directory: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(directory);
  if (free !== null && free < bytes) throw noRoom(directory, bytes, what, free);
}

/** The error of a disk that is full. @param free bytes that are; null: not known */
export function noRoom(
  directory: string,
  bytes: number,
  what: string,
  free: number | null,
  cause?: unknown,
): GreedynasError {
  const left = free === null ? '' : `, ${free} are free`;
  return new GreedynasError(
    'io',
    `the disk of ${directory} is full: ${what} needs ${bytes} bytes${left}. What was saved before is whole; make room, then resume`,
    { cause },
  );
}

/** Bytes that this user may write to the disk of a folder; null where the file system does not tell. */
export async function freeBytes(directory: string): Promise<number | null> {
  const { bavail, bsize, blocks } = await explained('look at the disk of', directory, () => statfs(directory));
  return blocks === 0 ? null : bavail * bsize;
}

/** Whether an error, or what caused it, comes from a full disk or a used up quota; TensorFlow says so in words only. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  return /No space left on device|Disk quota exceeded/.test(error.message) || isDiskFull(error.cause);
}
