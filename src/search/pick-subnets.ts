/** Looks at what a search found after it has ended, and cuts chosen candidates out of the weights that it searched. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { parseGenotype } from '../space/genotype.ts';
import { withLatency } from '../space/latency.ts';
import { buildSpace } from '../space/presets.ts';
import { type Checkpoint, checkpointAt } from '../training/checkpoint.ts';
import { findRun, openRun, type RunFolder, runDirectory } from '../training/run-folder.ts';
import { dataRequest } from '../training/run-options.ts';
import { restoreCandidate } from './evaluator.ts';
import { pause } from './find-best.ts';
import { frontIds, pickedIds } from './picks.ts';
import type { SearchResult } from './result.ts';
import { identifyCheckpoint, type SavedSearch } from './saved-search.ts';
import { findFinishedSearch } from './search-folder.ts';
import { readSearch, type SearchSurroundings } from './supernet-search.ts';

interface FinishedSearchRequest {
  /** The folder of all runs. */
  readonly root: string;
  /** Undefined: the run that was worked on last. */
  readonly run: string | undefined;
  /** Of the search; null: the one that ended last. */
  readonly name: string | null;
  /** Takes a line that the user should know of. */
  readonly notice: (line: string) => void;
}

/** What search.json holds, and what one needs to choose from it. */
export interface ListedSearch extends SearchResult {
  readonly name: string;
  /** The run's other finished searches. */
  readonly others: readonly string[];
  /** Places of the front's paths in `candidates`, from 1, the cheapest first. */
  readonly frontIds: readonly number[];
}

/** Reads alone: the run may be at work. @throws GreedynasError `usage` if there is no such search that has ended */
export async function listSearch({ root, run: wanted, name, notice }: FinishedSearchRequest): Promise<ListedSearch> {
  const run = await findRun(root, wanted);
  const directory = runDirectory(root, run);
  const folder = { name: run, path: (file: string) => join(directory, file) };
  const { place, others } = await findFinishedSearch(folder, name, notice);
  const result = await readSearch(place, folder);
  return { ...result, name: place.name, others, frontIds: frontIds(result) };
}

interface PickRequest extends FinishedSearchRequest {
  /** As `pickedIds` takes it. */
  readonly pick: string;
  readonly surroundings: Pick<SearchSurroundings, 'loadData' | 'cutSubnet' | 'interrupted'>;
}

interface PickedSubnet {
  readonly id: number;
  readonly path: string;
  readonly directory: string;
  /** Whether it was there already and was left as it is. */
  readonly before: boolean;
}

export interface PickOutcome {
  readonly run: string;
  readonly name: string;
  /** Those that are there now: fewer than were asked for if a signal came. */
  readonly subnets: readonly PickedSubnet[];
  readonly interrupted: boolean;
}

/**
 * Cuts candidates out as subnets/<search>-<id>/, as the search itself does with its best.
 * @throws GreedynasError `usage` for a pick that means nothing, and where the checkpoint that was searched is gone or
 * another; `locked` while the run is at work
 */
export async function pickSubnets({ root, run, name, notice, pick, surroundings }: PickRequest): Promise<PickOutcome> {
  const folder = await openRun(root, await findRun(root, run));
  try {
    const { place, saved } = await findFinishedSearch(folder, name, notice);
    const result = await readSearch(place, folder);
    const chosen = pickedIds(result, pick).map((id) => {
      const directory = folder.path(join('subnets', `${place.name}-${id}`));
      return { id, found: result.candidates[id - 1]!, directory };
    });
    const subnets: PickedSubnet[] = [];
    const outcome = { run: folder.name, name: place.name, subnets };
    const there = await Promise.all(chosen.map(({ directory }) => isThere(directory)));
    const cut = there.every(Boolean) ? null : await prepare(folder, place.name, saved, surroundings);
    for (const [index, { id, found, directory }] of chosen.entries()) {
      const before = there[index]!;
      if (!before) {
        await pause();
        if (surroundings.interrupted()) return { ...outcome, interrupted: true };
        await cut!(found, directory);
      }
      subnets.push({ id, path: found.path, directory, before });
    }
    return { ...outcome, interrupted: false };
  } finally {
    await folder.release();
  }
}

/** A subnet's folder is renamed into its place when it is whole. */
async function isThere(directory: string): Promise<boolean> {
  return (await stat(directory).catch(() => null)) !== null;
}

async function prepare(
  folder: RunFolder,
  name: string,
  saved: SavedSearch,
  { loadData, cutSubnet }: PickRequest['surroundings'],
): Promise<(found: SearchResult['best'], directory: string) => Promise<void>> {
  const { config } = saved;
  const { step, weightsPrefix } = await searchedCheckpoint(folder, name, saved);
  const space = withLatency(buildSpace(config.space), saved.latency);
  const data = await loadData(dataRequest(config));
  return async ({ path, loss, top1 }, directory) => {
    const candidate = restoreCandidate(space, { path: parseGenotype(space, path), loss, top1 });
    await cutSubnet({ config, space, data, candidate, run: folder.name, step, weightsPrefix, directory });
  };
}

async function searchedCheckpoint(folder: RunFolder, name: string, saved: SavedSearch): Promise<Checkpoint> {
  const { step, sha256 } = saved.checkpoint;
  const checkpoint = await checkpointAt(folder.directory, step);
  if (checkpoint !== null && (await identifyCheckpoint(checkpoint)).sha256 === sha256) return checkpoint;
  throw new GreedynasError(
    'usage',
    `search "${name}" searched the weights of step ${step} of run "${folder.name}", and ${checkpoint === null ? 'that checkpoint is gone (checkpoints.keep says how many stay)' : `${checkpoint.directory} holds others by now`}: its scores say nothing of other weights. Search again with "greedynas search --run ${folder.name}" and a limit`,
  );
}
