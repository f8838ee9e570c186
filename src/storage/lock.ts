/**
 * One process a folder: a lock that names its holder, and that outlives no crash.
 *
 * Node has no flock, and a lock file that is deleted and made anew lets two processes that both found it stale both
 * win. So locks are numbered files: whoever creates `lock.(n+1)`, n being the highest number there and its holder gone,
 * holds the folder, and then looks again, because only the highest number counts. Exclusive creation lets one process win.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { explained, systemCode, temporaryPrefix } from './durable.ts';

const holderSchema = z.object({
  pid: z.number().int(),
  host: z.string(),
  /**
   * When the process began, as the kernel counts it, and where its number is its own: boot, ticks since then, and the
   * namespace of process numbers. Tells a holder from a later process with its number, and from one in another container.
   */
  born: z.string(),
});

export type LockHolder = z.infer<typeof holderSchema>;

export interface FolderLock {
  readonly path: string;
  /** What was found of a process that died without releasing the lock. */
  readonly takenOverFrom: LockHolder | null;
  release(): Promise<void>;
}

/** Boot, start time and namespace of a process that is seen from here; 'dead' of one whose parent has not noticed yet. */
function birthOf(pid: number): string | 'dead' {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces: count fields after it. The state is field 3, the start time field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'dead';
    // All that are seen from here have their number in this namespace.
    return `${boot} ${fields[19]} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Whether a holder on this host lives; null where that cannot be seen from here. */
function isAlive(holder: LockHolder): boolean | null {
  const [boot, , namespace] = holder.born.split(' ');
  const [ownBoot, , ownNamespace] = birthOf(process.pid).split(' ');
  // Containers that share a host name and a folder do not see each other's processes.
  if (boot === ownBoot && namespace !== undefined && namespace !== ownNamespace) return null;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') {
      return false;
    }
  }
  const birth = birthOf(holder.pid);
  if (birth === 'dead') return false;
  // Locks of earlier versions do not tell the namespace.
  return holder.born === '' || birth === '' || `${birth} `.startsWith(`${holder.born} `);
}

async function lockNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names
    .map((name) => /^lock\.(\d{1,9})$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

/** The holder a lock file names; null if it went away meanwhile or says nothing sensible. */
async function readHolder(path: string): Promise<LockHolder | null | 'gone'> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'gone' : null;
  }
}

function inUse(path: string, holder: LockHolder | null, seen: boolean, instead: string): GreedynasError {
  const directory = dirname(path);
  if (holder === null) {
    return new GreedynasError(
      'locked',
      `${directory} is in use, but ${path} does not say by whom: delete that file if no other process uses the folder`,
    );
  }
  const elsewhere = seen
    ? ''
    : holder.host === hostname()
      ? ' in another container; if that process is gone, delete the file'
      : '; if that process is gone, delete the file';
  return new GreedynasError(
    'locked',
    `${directory} is in use by process ${holder.pid} on ${holder.host} (${path})${elsewhere}: wait for it, or ${instead}`,
  );
}

/**
 * Takes the lock of a folder, which must exist.
 *
 * @param instead what one can do but wait, for the message
 * @throws GreedynasError `locked` if a living process, or one on another host, holds it: its number and host are named.
 */
export async function acquireLock(directory: string, instead: string): Promise<FolderLock> {
  return explained('lock', directory, async () => {
    const mine: LockHolder = { pid: process.pid, host: hostname(), born: birthOf(process.pid) };
    const beside = join(directory, `${temporaryPrefix}lock-${randomUUID()}`);
    const write = () => writeFile(beside, `${JSON.stringify(mine)}\n`, { flush: true });
    await write();
    try {
      return await claim(directory, instead, beside, write);
    } finally {
      await rm(beside, { force: true });
    }
  });
}

async function claim(
  directory: string,
  instead: string,
  beside: string,
  write: () => Promise<void>,
): Promise<FolderLock> {
  for (;;) {
    const [highest = 0, ...older] = await lockNumbers(directory);
    let takenOverFrom: LockHolder | null = null;
    if (highest > 0) {
      const path = join(directory, `lock.${highest}`);
      const holder = await readHolder(path);
      if (holder === 'gone') {
        continue;
      }
      const alive = holder === null || holder.host !== hostname() ? null : isAlive(holder);
      if (holder === null || alive !== false) {
        throw inUse(path, holder, alive === true, instead);
      }
      takenOverFrom = holder;
    }
    const path = join(directory, `lock.${highest + 1}`);
    try {
      // A link, not a new file: the lock appears together with its content.
      await link(beside, path);
    } catch (error) {
      if (systemCode(error) === 'EEXIST') {
        continue;
      }
      if (systemCode(error) === 'ENOENT') {
        // Whoever has just won the lock sweeps up what looks half-written.
        await write();
        continue;
      }
      throw error;
    }
    if ((await lockNumbers(directory))[0] !== highest + 1) {
      // Someone took a higher number while this process was slow.
      await rm(path, { force: true });
      continue;
    }
    for (const number of highest > 0 ? [highest, ...older] : older) {
      await rm(join(directory, `lock.${number}`), { force: true });
    }
    return { path, takenOverFrom, release: () => release(path) };
  }
}

async function release(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw error;
    }
  }
}
