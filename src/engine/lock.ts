/** A lock file for the cache, so that of two set-ups at once one works and the other waits. */
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder touches its lock this often; one that was not touched for `staleMilliseconds` is left over. */
const heartbeatMilliseconds = 2_000;
const staleMilliseconds = 30_000;

/**
 * Runs `work` while holding the lock file. It saves work and guards nothing: whoever puts results into the cache does so
 * by rename, so a lock that is wrongly taken over costs time only. `waiting` is called once with the holder's process id.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, waiting: (holder: string) => void): Promise<T> {
  let told = false;
  while (!(await acquire(file))) {
    if (await isLeftOver(file)) {
      await rm(file, { force: true });
      continue;
    }
    if (!told) waiting(await holder(file));
    told = true;
    await sleep(300);
  }
  const heart = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => {});
  }, heartbeatMilliseconds);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    await rm(file, { force: true });
  }
}

async function acquire(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(`${hostname()} ${process.pid}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isLeftOver(file: string): Promise<boolean> {
  try {
    const [host, pid] = (await holder(file)).split(' ');
    if (host === hostname() && pid && !isAlive(Number(pid))) return true;
    const { mtimeMs } = await stat(file);
    return Date.now() - mtimeMs > staleMilliseconds;
  } catch {
    return false; // It went away just now.
  }
}

async function holder(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}

/** Whether a process with this id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
