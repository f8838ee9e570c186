/** The folders of a run's searches, checkpoints/<run>/search/<name>/: their names, and which one to go on with. */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { formatFlops } from '../space/cost.ts';
import { formatLatency } from '../space/latency.ts';
import {
  createFolder,
  explained,
  flush,
  readIfThere,
  systemCode,
  temporaryPrefix,
  writeDurably,
} from '../storage/durable.ts';
import type { RunFolder } from '../training/run-folder.ts';
import type { Limits } from './limits.ts';
import { parseSavedSearch, type SavedSearch, stateFile } from './saved-search.ts';

export interface SearchFolder {
  readonly name: string;
  /** The folder, which may not be there yet. */
  readonly path: string;
  readonly file: (name: string) => string;
}

/** What finding a search needs of its run; no lock. */
type SearchedRun = Pick<RunFolder, 'name' | 'path'>;

function searchFolder(run: SearchedRun, name: string): SearchFolder {
  const path = run.path(join('search', name));
  return { name, path, file: (file) => join(path, file) };
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new GreedynasError(
    'usage',
    `--name ${JSON.stringify(name.slice(0, 80))}: 1 to 64 letters, digits, ".", "_" and "-", the first a letter or digit`,
  );
}

async function listSearches(run: SearchedRun): Promise<string[]> {
  const root = run.path('search');
  return explained('list', root, async () => {
    try {
      return await readdir(root);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

/**
 * A folder that is not there yet. `wanted` null: named after the limits, with a number if that is taken.
 * @throws GreedynasError `usage` for a name that is taken, or could leave the run's folder
 */
export async function chooseSearchFolder(run: RunFolder, wanted: string | null, limits: Limits): Promise<SearchFolder> {
  const taken = await listSearches(run);
  if (wanted !== null) {
    checkName(wanted);
    const folder = searchFolder(run, wanted);
    if (!taken.includes(wanted)) return folder;
    throw new GreedynasError(
      'usage',
      `${folder.path} exists already: choose another --name, or go on with that search by --resume`,
    );
  }
  const base = nameOf(limits);
  let name = base;
  for (let number = 2; taken.includes(name); number++) name = `${base}-${number}`;
  return searchFolder(run, name);
}

/** 330M, 330M-5Mparams-80ms, all. */
function nameOf({ flops, params, latency }: Limits): string {
  const parts = [
    ...(flops === undefined ? [] : [formatFlops(flops)]),
    ...(params === undefined ? [] : [`${formatFlops(params)}params`]),
    ...(latency === undefined ? [] : [formatLatency(latency)]),
  ];
  return parts.length === 0 ? 'all' : parts.join('-');
}

/** Makes the folder of a new search together with its first state: a crash leaves both or neither. */
export async function createSearchFolder({ name, path }: SearchFolder, state: string): Promise<void> {
  const root = join(path, '..');
  // The holder of the run's lock removes such a folder when it takes the run up.
  const beside = join(root, `${temporaryPrefix}${name}`);
  await createFolder(root);
  await explained('create the folder', path, async () => {
    await mkdir(beside);
    try {
      await writeDurably(join(beside, stateFile), state);
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      throw error;
    }
    await flush(root);
  });
}

/** Removes files that a crash left half written. */
export async function removeUnfinishedFiles({ path }: SearchFolder): Promise<void> {
  const files = await explained('list', path, () => readdir(path));
  for (const file of files.filter((name) => name.startsWith(temporaryPrefix))) {
    const unfinished = join(path, file);
    await explained('remove', unfinished, () => rm(unfinished, { force: true }));
  }
}

/**
 * The search `wanted` of a run and its state. Null: of the searches that have not ended the one worked on last, or where
 * all have ended the last of these; an older one whose state is damaged is passed over, and `notice` says so.
 * @throws GreedynasError `usage` if there is none; `io` if its state is damaged, or with null that of a later one, which
 * may have been meant
 */
export async function findSearch(
  run: RunFolder,
  wanted: string | null,
  notice: (line: string) => void,
): Promise<{ readonly place: SearchFolder; readonly saved: SavedSearch }> {
  if (wanted !== null) checkName(wanted);
  const searches = await newestFirst(run);
  const asked = wanted === null ? searches : searches.filter(({ name }) => name === wanted);
  const { whole, damaged } = await readSavedSearches(asked);
  const found = whole.find(({ saved }) => saved.phase !== 'finished') ?? whole[0];
  if (found !== undefined) {
    const later = damaged.find(({ place }) => asked.indexOf(place) < asked.indexOf(found.place));
    if (later !== undefined) {
      const { message } = later.error;
      throw new GreedynasError('io', `${message}; or say with --name which other search to go on with`);
    }
    for (const { error } of damaged) notice(passedOver(error));
    return found;
  }
  if (damaged.length > 0) throw damaged[0]!.error;
  const names = searches.map(({ name }) => name);
  const there = names.length === 0 ? 'it has none' : `there are: ${names.slice(0, 10).join(', ')}`;
  throw new GreedynasError(
    'usage',
    `run "${run.name}" has no search${wanted === null ? '' : ` "${wanted}"`} to resume (${there}): start one with --flops`,
  );
}

/** The searches that have begun, the one worked on last first. */
async function newestFirst(run: SearchedRun): Promise<SearchFolder[]> {
  const searches: { place: SearchFolder; modified: number }[] = [];
  for (const name of await listSearches(run)) {
    const place = searchFolder(run, name);
    const state = await stat(place.file(stateFile)).catch(() => null);
    if (state !== null) searches.push({ place, modified: state.mtimeMs });
  }
  searches.sort((a, b) => b.modified - a.modified || (a.place.name < b.place.name ? -1 : 1));
  return searches.map(({ place }) => place);
}

interface FinishedSearch {
  readonly place: SearchFolder;
  readonly saved: SavedSearch;
  /** Names of the run's other searches that have ended. */
  readonly others: readonly string[];
}

/**
 * The search `wanted` of a run, which must have ended; null: the one that ended last. One whose state is damaged is passed
 * over, and `notice` says so.
 * @throws GreedynasError `usage` if there is none; `io` if its state is damaged, or with null that of every search
 */
export async function findFinishedSearch(
  run: SearchedRun,
  wanted: string | null,
  notice: (line: string) => void,
): Promise<FinishedSearch> {
  if (wanted !== null) checkName(wanted);
  const searches = await newestFirst(run);
  if (wanted !== null) {
    const place = searches.find(({ name }) => name === wanted);
    if (place !== undefined && (await readSavedSearch(place)).phase !== 'finished') {
      throw new GreedynasError(
        'usage',
        `search "${wanted}" of run "${run.name}" has not ended: go on with "greedynas search --resume --run ${run.name} --name ${wanted}"`,
      );
    }
  }
  const { whole, damaged } = await readSavedSearches(searches);
  const ended = whole.filter(({ saved }) => saved.phase === 'finished');
  const found = wanted === null ? ended[0] : ended.find(({ place }) => place.name === wanted);
  const names = ended.map(({ place }) => place.name);
  if (found !== undefined) {
    for (const { error } of damaged) notice(passedOver(error));
    return { ...found, others: names.filter((name) => name !== found.place.name) };
  }
  if (wanted === null && whole.length === 0 && damaged.length > 0) throw damaged[0]!.error;
  const there = names.length === 0 ? 'none has ended' : `there are: ${names.slice(0, 10).join(', ')}`;
  throw new GreedynasError(
    'usage',
    `run "${run.name}" has no finished search${wanted === null ? '' : ` "${wanted}"`} (${there}): start one with "greedynas search --run ${run.name}" and a limit`,
  );
}

interface ReadSearches {
  readonly whole: { readonly place: SearchFolder; readonly saved: SavedSearch }[];
  /** Why the others cannot be read; the messages name the files. */
  readonly damaged: { readonly place: SearchFolder; readonly error: GreedynasError }[];
}

async function readSavedSearches(places: readonly SearchFolder[]): Promise<ReadSearches> {
  const found: ReadSearches = { whole: [], damaged: [] };
  for (const place of places) {
    try {
      found.whole.push({ place, saved: await readSavedSearch(place) });
    } catch (error) {
      if (!(error instanceof GreedynasError)) throw error;
      found.damaged.push({ place, error });
    }
  }
  return found;
}

function passedOver({ message }: GreedynasError): string {
  return `passed over a search: ${message}`;
}

async function readSavedSearch(place: SearchFolder): Promise<SavedSearch> {
  const path = place.file(stateFile);
  return parseSavedSearch((await readIfThere(path)) ?? '', path);
}
