/** Searches a run by name: settles its config and limits, locks its folder, searches in it or goes on with a search. */
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import { GreedynasError } from '../errors.ts';
import { parseFlops, parseParams } from '../space/flops.ts';
import { parseLatency, withLatency } from '../space/latency.ts';
import { readLatencyTable } from '../space/latency-table.ts';
import { buildSpace } from '../space/presets.ts';
import type { Latency } from '../space/space.ts';
import { configFile, findRun, openRun, type RunFolder, runDirectory } from '../training/run-folder.ts';
import { checkLimits, type Limits } from './limits.ts';
import { chooseSearchFolder, findSearch } from './search-folder.ts';
import { type SearchOutcome, type SearchSurroundings, searchSupernet } from './supernet-search.ts';

/** Limits as users write them. */
export interface GivenLimits {
  /** 330M, 0.33G, 330000000, or `none`: a search without a limit is asked for, not forgotten. */
  readonly flops?: string | undefined;
  /** 5M, 5000000. */
  readonly params?: string | undefined;
  /** 80ms, 0.08s, 800us. */
  readonly latency?: string | undefined;
}

export interface RunSearchRequest {
  /** The folder of all runs. */
  readonly root: string;
  /** Undefined: the run that was worked on last. */
  readonly run: string | undefined;
  /** As given. All undefined only to resume. */
  readonly limits: GivenLimits;
  /** `search.method`, `search.latencyTable` and `search.latencyDevice`, where the command line has them; before `overrides`. */
  readonly method?: string | undefined;
  readonly latencyTable?: string | undefined;
  readonly latencyDevice?: string | undefined;
  /** Null: a new search is named after its limits; the search to resume is the one worked on last. */
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
  const { root, limits: given } = request;
  const limited = Object.values(given).some((limit) => limit !== undefined);
  if (!limited && !request.resume) {
    throw new GreedynasError(
      'usage',
      'no limit: give --flops, --params or --latency, or --flops none to search without. Only --resume goes without them',
    );
  }
  const limits = parseLimits(given);
  const overrides = [...flagOverrides(request), ...request.overrides];
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
      const { place, saved } = await findSearch(folder, searchName, surroundings.notice);
      const config = settle([...saved.overrides, ...overrides]);
      const { latency } = saved;
      const begun = { overrides: saved.overrides, limits: limited ? limits : saved.limits, latency, saved };
      return searchSupernet({ folder, place, config, ...begun }, surroundings);
    });
  }
  // Mistakes are told at once, whoever has the run locked.
  const config = settle(overrides);
  const latency = await readLatency(config, surroundings.notice);
  checkLimits(withLatency(buildSpace(config.space), latency), limits);
  return locked(root, run, async (folder) => {
    const place = await chooseSearchFolder(folder, searchName, limits);
    return searchSupernet({ folder, place, config, limits, latency, overrides, saved: null }, surroundings);
  });
}

function parseLimits({ flops, params, latency }: GivenLimits): Limits {
  return {
    ...(flops === undefined || flops === 'none' ? {} : { flops: parseFlops(flops) }),
    ...(params === undefined ? {} : { params: parseParams(params) }),
    ...(latency === undefined ? {} : { latency: parseLatency(latency) }),
  };
}

/** Flags of their own as the overrides that they are short for. Quoted, since a value is YAML. */
function flagOverrides({ method, latencyTable, latencyDevice }: RunSearchRequest): string[] {
  return Object.entries({ method, latencyTable, latencyDevice }).flatMap(([key, value]) =>
    value === undefined ? [] : [`search.${key}=${JSON.stringify(value)}`],
  );
}

async function readLatency({ space, search }: RunConfig, notice: (line: string) => void): Promise<Latency | null> {
  if (search.latencyTable === null) return null;
  const { latency, notes } = await readLatencyTable(search.latencyTable, buildSpace(space), search.latencyDevice);
  for (const note of notes) notice(note);
  return latency;
}

async function locked<T>(root: string, run: string, work: (folder: RunFolder) => Promise<T>): Promise<T> {
  const folder = await openRun(root, run);
  try {
    return await work(folder);
  } finally {
    await folder.release();
  }
}
