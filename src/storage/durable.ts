/** Writing that survives a crash: a file is written beside its place, flushed, renamed over it, and its folder flushed. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GreedynasError } from '../errors.ts';

/** Prefix of everything that is not whole yet; whoever holds the run's lock removes what an earlier crash left. */
export const temporaryPrefix = '.tmp-';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room, then resume',
  EDQUOT: 'your disk quota is used up: make room, then resume',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'something else has that name',
  EIO: 'the disk failed',
  EMFILE: 'this process has too many files open: raise the limit, as with "ulimit -n 4096"',
  ENFILE: 'the system has too many files open',
  EFBIG: 'a file may not become that large: raise the limit, as with "ulimit -f unlimited"',
  ENOMEM: 'no memory is left',
  ESTALE: 'the network file system lost it: mount it again',
  ETIMEDOUT: 'the file system does not answer',
};

/** The system's error code ("ENOENT"), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}

/** Turns a failed file operation into one clear line; errors that are already ours, or are no file errors, pass unchanged. */
export function explainIo(error: unknown, doing: string, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof GreedynasError || code === undefined) {
    return error;
  }
  return new GreedynasError('io', `cannot ${doing} ${path}: ${reasons[code] ?? String(error)} (${code})`, {
    cause: error,
  });
}

/** Does `work` with files at `path`; a failure becomes a {@link GreedynasError} with code `io` that says what failed where. */
export async function explained<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainIo(error, doing, path);
  }
}

/** Flushes a file or folder to the disk. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces the file at `path` in one step: a reader, or a crash at any moment, sees the old text or the new one. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const beside = join(dirname(path), `${temporaryPrefix}${process.pid}-${basename(path)}`);
  await explained('write', path, async () => {
    try {
      const handle = await open(beside, 'w');
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(beside, path);
      await flush(dirname(path));
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  });
}

export async function createFolder(path: string): Promise<void> {
  await explained('create the folder', path, () => mkdir(path, { recursive: true }));
}

/** The text of a file, or null where there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return null;
    }
    throw explainIo(error, 'read', path);
  }
}
