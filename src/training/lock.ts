/**
 * One process a run folder: a lock that names its holder, and that outlives no crash.
 *
 * Node has no flock, and a lock file that is deleted and made anew lets two processes that both found it stale both
 * win. So locks are numbered files: whoever creates `lock.(n+1)`, n being the highest number there and its holder gone,
 * holds the run, and then looks again, because only the highest number counts. Exclusive creation lets one process win.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { explained, systemCode, temporaryPrefix } from '../storage/durable.ts';

const holderSchema = z.object({
  pid: z.number().int(),
  host: z.string(),
  /** When the process began, as the kernel counts it; tells a holder from a later process with its number. */
  born: z.string(),
});

export type LockHolder = z.infer<typeof holderSchema>;

export interface RunLock {
  readonly path: string;
  /** What was found of a process that died without releasing the lock. */
  readonly takenOverFrom: LockHolder | null;
  release(): Promise<void>;
}

/** Boot and start time of a process on Linux; empty where the system does not tell. */
function birthOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces: count fields after it. Start time is field 22.
    const started = fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${started}`;
  } catch {
    return '';
  }
}

function isAlive(holder: LockHolder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') {
      return false;
    }
  }
  const birth = birthOf(holder.pid);
  return holder.born === '' || birth === '' || holder.born === birth;
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

function inUse(directory: string, path: string, holder: LockHolder | null): GreedynasError {
  if (holder === null) {
    return new GreedynasError(
      'locked',
      `${directory} is in use, but ${path} does not say by whom: delete that file if no other process uses the run`,
    );
  }
  const elsewhere = holder.host === hostname() ? '' : '; if that process is gone, delete the file';
  return new GreedynasError(
    'locked',
    `${directory} is in use by process ${holder.pid} on ${holder.host} (${path})${elsewhere}: wait for it, or use another --run`,
  );
}

/**
 * Takes the lock of a run folder, which must exist.
 * @throws GreedynasError `locked` if a living process, or one on another host, holds it: its number and host are named.
 */
export async function acquireLock(directory: string): Promise<RunLock> {
  return explained('lock', directory, async () => {
    const mine: LockHolder = { pid: process.pid, host: hostname(), born: birthOf(process.pid) };
    const beside = join(directory, `${temporaryPrefix}lock-${randomUUID()}`);
    await writeFile(beside, `${JSON.stringify(mine)}\n`, { flush: true });
    try {
      return await claim(directory, beside);
    } finally {
      await rm(beside, { force: true });
    }
  });
}

async function claim(directory: string, beside: string): Promise<RunLock> {
  for (;;) {
    const [highest = 0, ...older] = await lockNumbers(directory);
    let takenOverFrom: LockHolder | null = null;
    if (highest > 0) {
      const path = join(directory, `lock.${highest}`);
      const holder = await readHolder(path);
      if (holder === 'gone') {
        continue;
      }
      if (holder === null || holder.host !== hostname() || isAlive(holder)) {
        throw inUse(directory, path, holder);
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
