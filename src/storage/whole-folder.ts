/** Folders that are whole or not there: filled beside their place, flushed, then renamed. */
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explained, flush, systemCode, temporaryPrefix } from './durable.ts';

/**
 * Writes a folder in one step: a reader, or a crash at any moment, sees the old one, none, or the whole new one.
 *
 * @param what what the folder is, for messages
 * @param fill puts files and subfolders into the folder it is given
 * @throws GreedynasError `io` if anything cannot be written (the parent folder must be there); nothing is left behind
 */
export async function writeWholeFolder(
  directory: string,
  what: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(directory);
  const beside = join(parent, `${temporaryPrefix}${basename(directory)}`);
  await explained(`save the ${what}`, directory, async () => {
    await rm(beside, { recursive: true, force: true });
    try {
      await mkdir(beside);
      await fill(beside);
      await flushFolder(beside);
      await replaceFolder(beside, directory);
      await flush(parent);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      throw error;
    }
  });
}

/** Flushes all files and folders below a folder, and the folder. */
async function flushFolder(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await flushFolder(path);
    else await flush(path);
  }
  await flush(directory);
}

/** Renames `from` to `to`; what was at `to` goes. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${from}-old`;
  if (await isThere(to)) {
    // What a crash left aside goes only now: without a folder at `to` it is the last whole one.
    await rm(old, { recursive: true, force: true });
    await rename(to, old);
  }
  await rename(from, to);
  await rm(old, { recursive: true, force: true });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
