/** The folders of a run's rankings, checkpoints/<run>/rank/<name>/: what each was begun with, and which one to go on with. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { parseJson } from '../sampling/saved-state.ts';
import { createFolder, explained, readIfThere, systemCode, writeDurably } from '../storage/durable.ts';
import { configChanges } from '../training/config-change.ts';
import type { RunFolder } from '../training/run-folder.ts';

/** What decides a network's scores. The networks and how they are compared are no part of it: scores serve any of these. */
const settingsSchema = z.strictObject({
  checkpoint: z.strictObject({ step: z.int().min(0), sha256: z.string() }),
  /** Held-out images that every network is scored on, in batches of `batch`, which divides them. */
  images: z.int().min(1),
  batch: z.int().min(1),
  /** Training images that set the statistics of recalibrated scores, and how many go through the network at once. */
  calibrationImages: z.int().min(1),
  calibrationBatch: z.int().min(1),
});

export type RankSettings = Readonly<z.infer<typeof settingsSchema>>;

export interface RankFolder {
  readonly name: string;
  readonly path: string;
  readonly file: (name: string) => string;
  readonly settings: RankSettings;
}

const settingsFile = 'settings.json';

/**
 * The folder to score in: `wanted`, begun now if it is not there; null: one whose scores serve, else a new one named after
 * step and images.
 * @throws GreedynasError `usage` for a name that is none, or whose folder was begun with other settings; `io` if that is damaged
 */
export async function chooseRankFolder(
  run: RunFolder,
  wanted: string | null,
  settings: RankSettings,
): Promise<RankFolder> {
  if (wanted !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(wanted)) {
    throw new GreedynasError(
      'usage',
      `--name ${JSON.stringify(wanted.slice(0, 80))}: 1 to 64 letters, digits, ".", "_" and "-", the first a letter or digit`,
    );
  }
  const there = await listFolders(run);
  if (wanted !== null) {
    const found = there.find(({ name }) => name === wanted);
    if (found === undefined) return createRankFolder(run, wanted, settings);
    if (serves(found.settings, settings)) return found;
    const changes = configChanges(found.settings, settings).map(
      ({ key, before, after }) => `\n  ${key}: ${JSON.stringify(before)} there, ${JSON.stringify(after)} now`,
    );
    throw new GreedynasError(
      'usage',
      `${found.path} was begun with something else:${changes.join('')}\nIts scores cannot be gone on with: take the change back, or choose another --name.`,
    );
  }
  const serving = there.find((folder) => serves(folder.settings, settings));
  if (serving !== undefined) return serving;
  const base = `step-${settings.checkpoint.step}-${settings.images}`;
  let name = base;
  for (let number = 2; there.some((folder) => folder.name === name); number++) name = `${base}-${number}`;
  return createRankFolder(run, name, settings);
}

/** Whether scores of a ranking with settings `there` hold those that `wanted` asks for: on as many images or more. */
function serves(there: RankSettings, wanted: RankSettings): boolean {
  if (there.images < wanted.images) return false;
  return configChanges(there, { ...wanted, images: there.images }).length === 0;
}

function rankFolder(run: RunFolder, name: string, settings: RankSettings): RankFolder {
  const path = run.path(join('rank', name));
  return { name, path, file: (file) => join(path, file), settings };
}

async function createRankFolder(run: RunFolder, name: string, settings: RankSettings): Promise<RankFolder> {
  const folder = rankFolder(run, name, settings);
  await createFolder(folder.path);
  await writeDurably(folder.file(settingsFile), `${JSON.stringify(settings, null, 1)}\n`);
  return folder;
}

/** In the order of their names. A folder without settings, which a crash left before anything was scored, is none. */
async function listFolders(run: RunFolder): Promise<RankFolder[]> {
  const root = run.path('rank');
  const names = await explained('list', root, async () => {
    try {
      return await readdir(root);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
  const folders: RankFolder[] = [];
  for (const name of names.sort()) {
    const file = run.path(join('rank', name, settingsFile));
    const text = await readIfThere(file);
    if (text === null) continue;
    const settings = settingsSchema.safeParse(parseJson(text, file));
    if (!settings.success) {
      const [issue] = settings.error.issues;
      throw new GreedynasError(
        'io',
        `${file}: wrong at "${issue?.path.join('.')}": ${issue?.message}; remove the folder to score anew`,
      );
    }
    folders.push(rankFolder(run, name, settings.data));
  }
  return folders;
}
