/** What a process leaves on the disk that is killed at a given moment, without a process. */
import type { FileHandle } from 'node:fs/promises';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const changing = ['rename', 'writeFile', 'rm', 'mkdir'] as const;
const changingOfHandle = ['writeFile', 'sync'] as const;

/**
 * Runs `work` until it changes the disk through `node:fs/promises` for the time `moment`, from 0: that change, and whatever comes after,
 * does not happen, and `work` hears nothing more. Of what is written to an open file the first half reaches the disk.
 *
 * @returns false where `work` was done before
 */
export async function killedAt(moment: number, work: () => Promise<unknown>): Promise<boolean> {
  const original = { ...files };
  const handles: FileHandle[] = [];
  let changes = 0;
  let kill = (): void => {};
  const killed = new Promise<'killed'>((resolve) => {
    kill = () => resolve('killed');
  });
  const orDie = <Arguments extends unknown[], Result>(
    change: (...given: Arguments) => Promise<Result>,
    last: (...given: Arguments) => Promise<unknown> = async () => {},
  ) => {
    return async (...given: Arguments): Promise<Result> => {
      const number = changes++;
      if (number < moment) return change(...given);
      if (number === moment) {
        await last(...given);
        kill();
      }
      return new Promise(() => {});
    };
  };
  const patched: Record<string, unknown> = files;
  for (const name of changing) patched[name] = orDie(original[name] as () => Promise<unknown>);
  patched.open = async (...given: Parameters<typeof files.open>): Promise<FileHandle> => {
    const opening = (): Promise<FileHandle> => original.open(...given);
    const handle = await (given[1] === 'w' ? orDie(opening)() : opening());
    handles.push(handle);
    const methods = handle as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
    for (const name of changingOfHandle) {
      const change = methods[name]!.bind(handle);
      const half = (contents: unknown): Promise<unknown> =>
        change((contents as string | Buffer).slice(0, (contents as string).length / 2));
      methods[name] = name === 'writeFile' ? orDie(change, half) : orDie(change);
    }
    return handle;
  };
  syncBuiltinESMExports();
  try {
    return (await Promise.race([work(), killed])) === 'killed';
  } finally {
    Object.assign(files, original);
    syncBuiltinESMExports();
    for (const handle of handles) await handle.close().catch(() => {});
  }
}
