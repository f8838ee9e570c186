/** Searches a run by name: settles its config and limit, locks its folder, searches in it. */
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { GreedynasError } from '../errors.ts';
import { parseFlops } from '../space/cost.ts';
import { buildSpace } from '../space/presets.ts';
import { configFile, findRun, openRun, runDirectory } from '../training/run-folder.ts';
import { checkLimits } from './limits.ts';
import type { SearchResult } from './result.ts';
import { type SearchSurroundings, searchSupernet } from './supernet-search.ts';

export interface RunSearchRequest {
  /** The folder of all runs. */
  readonly root: string;
  /** Undefined: the run that was worked on last. */
  readonly run: string | undefined;
  /** As given: 330M, 0.33G, 330000000. */
  readonly flops: string;
  readonly name: string | null;
  /** `search.key=value` each. */
  readonly overrides: readonly string[];
  readonly surroundings: SearchSurroundings;
}

/** @throws GreedynasError as searchSupernet does; `usage` for an override of anything but search and engine settings */
export async function searchRun(
  request: RunSearchRequest,
): Promise<{ readonly directory: string; readonly result: SearchResult } | null> {
  const { root, overrides } = request;
  const limits = { flops: parseFlops(request.flops) };
  for (const override of overrides) {
    if (!/^(search|engine)\./.test(override)) {
      throw new GreedynasError(
        'usage',
        `--set ${override}: a search may change keys of search and engine only; the rest is settled by the run`,
      );
    }
  }
  const name = await findRun(root, request.run);
  const config = loadConfig({ file: join(runDirectory(root, name), configFile), overrides: [...overrides] });
  checkLimits(buildSpace(config.space), limits);
  const folder = await openRun(root, name);
  try {
    return await searchSupernet({ folder, config, limits, name: request.name }, request.surroundings);
  } finally {
    await folder.release();
  }
}
