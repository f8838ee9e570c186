/** Searches a run by name: settles its config and limit, locks its folder, searches in it or goes on with a search. */
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { GreedynasError } from '../errors.ts';
import { parseFlops } from '../space/cost.ts';
import { buildSpace } from '../space/presets.ts';
import { configFile, findRun, openRun, type RunFolder, runDirectory } from '../training/run-folder.ts';
import { checkLimits } from './limits.ts';
import { chooseSearchFolder, findSearch } from './search-folder.ts';
import { type SearchOutcome, type SearchSurroundings, searchSupernet } from './supernet-search.ts';

export interface RunSearchRequest {
  /** The folder of all runs. */
  readonly root: string;
  /** Undefined: the run that was worked on last. */
  readonly run: string | undefined;
  /** As given: 330M, 0.33G, 330000000. Undefined only to resume. */
  readonly flops: string | undefined;
  /** Null: a new search is named after its limit; the search to resume is the one worked on last. */
  readonly name: string | null;
  /** `search.key=value` each. A search that is resumed has those that it was begun with. */
  readonly overrides: readonly string[];
  readonly resume: boolean;
  readonly surroundings: SearchSurroundings;
}

/**
 * @throws GreedynasError as searchSupernet does; `usage` for an override of anything but search and engine settings, and
 * where there is no search to resume
 */
export async function searchRun(request: RunSearchRequest): Promise<SearchOutcome> {
  const { root, overrides } = request;
  if (request.flops === undefined && !request.resume) {
    throw new GreedynasError('usage', 'Missing required argument: flops. Only --resume goes without it');
  }
  const limits = request.flops === undefined ? {} : { flops: parseFlops(request.flops) };
  for (const override of overrides) {
    if (!/^(search|engine)\./.test(override)) {
      throw new GreedynasError(
        'usage',
        `--set ${override}: a search may change keys of search and engine only; the rest is settled by the run`,
      );
    }
  }
  const { name: searchName, surroundings } = request;
  const run = await findRun(root, request.run);
  const settle = (all: readonly string[]) =>
    loadConfig({ file: join(runDirectory(root, run), configFile), overrides: [...all] });
  if (request.resume) {
    return locked(root, run, async (folder) => {
      const { place, saved } = await findSearch(folder, searchName);
      const config = settle([...saved.overrides, ...overrides]);
      const begun = { overrides: saved.overrides, limits: request.flops === undefined ? saved.limits : limits, saved };
      return searchSupernet({ folder, place, config, ...begun }, surroundings);
    });
  }
  // Mistakes are told at once, whoever has the run locked.
  const config = settle(overrides);
  checkLimits(buildSpace(config.space), limits);
  return locked(root, run, async (folder) => {
    const place = await chooseSearchFolder(folder, searchName, limits);
    return searchSupernet({ folder, place, config, limits, overrides, saved: null }, surroundings);
  });
}

async function locked<T>(root: string, run: string, work: (folder: RunFolder) => Promise<T>): Promise<T> {
  const folder = await openRun(root, run);
  try {
    return await work(folder);
  } finally {
    await folder.release();
  }
}
