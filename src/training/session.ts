/** Starts or resumes a run by name: settles its config, locks its folder, trains in it. */

import { join } from 'node:path';
import { loadConfig, stringifyConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import { type ConfigChange, checkResumable, configChanges } from './config-change.ts';
import { configFile, createRun, findRun, openRun, runDirectory } from './run-folder.ts';
import { runTraining, type SupernetRunResult, type TrainingSurroundings } from './supernet-run.ts';

export interface TrainRequest {
  /** The folder of all runs. */
  readonly root: string;
  readonly name: string;
  readonly resume: boolean;
  /** The config that the user named; null: the run's own on resume, else the default. */
  readonly configFile: string | null;
  readonly defaultConfigFile: string;
  /** `key=value` each. */
  readonly overrides: readonly string[];
  readonly surroundings: TrainingSurroundings;
}

/**
 * @throws GreedynasError `usage` for a bad config, a run that exists (without `resume`) or does not (with it), or a changed
 * config; `locked`, `io` and `diverged` as their names say
 */
export async function trainInFolder(
  request: TrainRequest,
): Promise<SupernetRunResult & { readonly directory: string }> {
  const { root, name, resume, surroundings } = request;
  const overrides = [...request.overrides];
  // The name first: it goes into a path.
  const directory = runDirectory(root, name);
  if (resume) {
    await findRun(root, name);
  }
  const ownConfig = join(directory, configFile);
  const file = request.configFile ?? (resume ? ownConfig : request.defaultConfigFile);
  const config: RunConfig = loadConfig({ file, overrides });
  let changed: readonly ConfigChange[] = [];
  if (resume) {
    const before = loadConfig({ file: ownConfig, overrides: [] });
    for (const warning of checkResumable(name, before, config)) {
      surroundings.notice(`config changed: ${warning}`);
    }
    changed = configChanges(before, config);
  }
  const folder = resume ? await openRun(root, name) : await createRun(root, name);
  try {
    if (folder.takenOverFrom !== null) {
      surroundings.notice(`took the run over from process ${folder.takenOverFrom.pid}, which is gone`);
    }
    const result = await runTraining(folder, config, stringifyConfig(config), resume, {
      ...surroundings,
      async describeSession(described) {
        const session = await surroundings.describeSession(described);
        return changed.length === 0 ? session : { ...session, changed };
      },
    });
    return { ...result, directory: folder.directory };
  } finally {
    await folder.release();
  }
}
