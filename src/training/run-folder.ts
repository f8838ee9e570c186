/** The folder of a run, `checkpoints/<run>/`: its name, its lock, its config, and where things lie in it. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import {
  createFolder,
  explained,
  explainIo,
  readIfThere,
  systemCode,
  temporaryPrefix,
  writeDurably,
} from '../storage/durable.ts';
import { acquireLock, type LockHolder } from '../storage/lock.ts';
import { listSteps, stepFolder } from './checkpoint.ts';
import { type ConfigChange, trainedWithFile } from './config-change.ts';

export const configFile = 'config.yaml';
const runFile = 'run.json';
export const poolFile = 'pool.json';
export const costFile = 'cost.json';

/** A run folder that this process alone may write to. */
export interface RunFolder {
  readonly name: string;
  readonly directory: string;
  readonly path: (file: string) => string;
  /** The process whose lock was taken over because it died. */
  readonly takenOverFrom: LockHolder | null;
  readonly release: () => Promise<void>;
}

/**
 * The folder of the run `name` below `root` (`checkpoints`).
 * @throws GreedynasError `usage` for a name that could leave `root` or hide in it
 */
export function runDirectory(root: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new GreedynasError(
      'usage',
      `--run ${JSON.stringify(name.slice(0, 80))} is no run name: 1 to 64 letters, digits, ".", "_" and "-", the first a letter or digit`,
    );
  }
  return join(root, name);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') {
      return false;
    }
    throw explainIo(error, 'read', path);
  }
}

/** Whether a run has begun: its config is written last when it is made. */
export async function runExists(root: string, name: string): Promise<boolean> {
  return isThere(join(runDirectory(root, name), configFile));
}

/** The names of all runs below `root`, the one that was worked on last first. */
export async function listRuns(root: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(root);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return [];
    }
    throw explainIo(error, 'list', root);
  }
  const runs: { name: string; modified: number }[] = [];
  for (const name of names) {
    // `latest` changes at each checkpoint, the config when the run begins.
    for (const file of ['latest', configFile]) {
      const found = await stat(join(root, name, file)).catch(() => null);
      if (found !== null) {
        runs.push({ name, modified: found.mtimeMs });
        break;
      }
    }
  }
  return runs.sort((a, b) => b.modified - a.modified || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
}

/**
 * A run whose config is gone, but not its checkpoints: a new one in the same folder would mix with it.
 * @throws GreedynasError `io` naming a checkpoint that has the config
 */
async function refuseHeadless(root: string, name: string): Promise<void> {
  const directory = runDirectory(root, name);
  const [newest] = await listSteps(directory).catch(() => []);
  if (newest === undefined) return;
  throw new GreedynasError(
    'io',
    `${join(directory, configFile)} is missing, but the folder has checkpoints: put it back (${join(directory, stepFolder(newest), trainedWithFile)} should be the same), or use another --run`,
  );
}

/**
 * The name of an existing run: `name` itself, or the newest run where it is undefined.
 * @throws GreedynasError `usage` if there is none; the message lists those there are; `io` if the run has lost its config
 */
export async function findRun(root: string, name: string | undefined): Promise<string> {
  if (name !== undefined && (await runExists(root, name))) {
    return name;
  }
  if (name !== undefined) await refuseHeadless(root, name);
  const runs = await listRuns(root);
  const newest = runs[0];
  if (name === undefined && newest !== undefined) {
    return newest;
  }
  const there = runs.length === 0 ? 'there are no runs yet' : `there are: ${runs.slice(0, 10).join(', ')}`;
  throw new GreedynasError(
    'usage',
    `${name === undefined ? 'no run' : `no run "${name}"`} in ${root} (${there}): start one with "greedynas train-supernet${name === undefined ? '' : ` --run ${name}`}"`,
  );
}

/** Removes what a crash left; only the holder of the lock may. */
async function removeUnfinished(directory: string): Promise<void> {
  const files = await explained('list', directory, () =>
    readdir(directory).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') {
        return [];
      }
      throw error;
    }),
  );
  for (const file of files.filter((name) => name.startsWith(temporaryPrefix))) {
    const path = join(directory, file);
    await explained('remove', path, () => rm(path, { recursive: true, force: true }));
  }
}

async function lockFolder(directory: string, name: string): Promise<RunFolder> {
  const lock = await acquireLock(directory, 'use another --run');
  try {
    for (const folder of [directory, join(directory, 'subnets'), join(directory, 'search')]) {
      await removeUnfinished(folder);
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    name,
    directory,
    path: (file) => join(directory, file),
    takenOverFrom: lock.takenOverFrom,
    release: lock.release,
  };
}

/**
 * Makes the folder of a new run and locks it. It counts as begun once {@link writeConfig} has been called.
 * @throws GreedynasError `usage` if the run exists, `io` if the folder cannot be made or has checkpoints but no config, `locked` if another process makes it
 */
export async function createRun(root: string, name: string): Promise<RunFolder> {
  const directory = runDirectory(root, name);
  await createFolder(root);
  try {
    await mkdir(directory);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !(await stat(directory)).isDirectory()) {
      throw explainIo(error, 'create the run folder', directory);
    }
  }
  const folder = await lockFolder(directory, name);
  try {
    if (await runExists(root, name)) {
      throw new GreedynasError(
        'usage',
        `run "${name}" exists already (${directory}): continue it with --resume, or choose another --run`,
      );
    }
    await refuseHeadless(root, name);
  } catch (error) {
    await folder.release();
    throw error;
  }
  return folder;
}

/**
 * Locks the folder of a run that has begun.
 * @throws GreedynasError `usage` if there is no such run, `locked` if another process uses it
 */
export async function openRun(root: string, name: string): Promise<RunFolder> {
  await findRun(root, name);
  return lockFolder(runDirectory(root, name), name);
}

/** Writes the resolved config, which makes the run exist. */
export async function writeConfig(folder: RunFolder, yaml: string): Promise<void> {
  await writeDurably(folder.path(configFile), yaml);
}

/** What one process did to a run: when and where it ran, on what. */
export interface RunSession {
  readonly started: string;
  readonly step: number;
  readonly host: string;
  readonly pid: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly engine: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Keys of the config that this session went on with another value of. */
  readonly changed?: readonly ConfigChange[];
}

/** How a session ended: at the length of the training, by the stop rule, or by a signal. Missing where it was killed. */
export interface SessionEnd {
  readonly step: number;
  readonly by: 'length' | 'stop-rule' | 'signal';
  /** π at the check that ended the training; null unless the stop rule did. */
  readonly pi: number | null;
}

/** Writes run.json: the seed, and every session of the run, this one last. An unreadable older file is replaced. */
export async function recordSession(folder: RunFolder, seed: number, session: RunSession): Promise<void> {
  await writeSessions(folder, seed, [...(await readSessions(folder)).sessions, session]);
}

/** Adds to run.json how the last session, which {@link recordSession} wrote, has ended. */
export async function recordEnd(folder: RunFolder, end: SessionEnd): Promise<void> {
  const { seed, sessions } = await readSessions(folder);
  const last: unknown = sessions.at(-1);
  if (typeof last !== 'object' || last === null) return;
  await writeSessions(folder, seed, [...sessions.slice(0, -1), { ...last, end }]);
}

/** It only tells people about the past: a damaged one must not stop the run, and counts as empty. */
async function readSessions(folder: RunFolder): Promise<{ seed: unknown; sessions: unknown[] }> {
  try {
    const run: unknown = JSON.parse((await readIfThere(folder.path(runFile))) ?? '');
    if (typeof run === 'object' && run !== null && 'sessions' in run && Array.isArray(run.sessions)) {
      return { seed: 'seed' in run ? run.seed : null, sessions: run.sessions };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { seed: null, sessions: [] };
}

async function writeSessions(folder: RunFolder, seed: unknown, sessions: readonly unknown[]): Promise<void> {
  const run = { name: folder.name, seed, sessions };
  await writeDurably(folder.path(runFile), `${JSON.stringify(run, null, 2)}\n`);
}
