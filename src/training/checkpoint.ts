/**
 * Checkpoints that are whole or invisible: written beside, flushed, a manifest with sizes and SHA-256 last, then renamed
 * into place. Loading checks the manifest and falls back to the checkpoint before, saying why.
 */
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { explained, explainIo, temporaryPrefix, writeDurably } from '../storage/durable.ts';
import { freeBytes, isDiskFull, noRoom, requireRoom } from '../storage/room.ts';
import {
  DamagedFolder,
  type FolderKind,
  NewerFolder,
  readSealedJson,
  verifySealedFolder,
  writeSealedFolder,
} from '../storage/sealed-folder.ts';
import { noPace, type WallTime } from './ledger.ts';

/** Raised when a file changes its meaning; a newer format than this is refused, not guessed at. */
export const checkpointFormat = 2;

const count = z.number().int().nonnegative();

const currentSchema = z.strictObject({
  format: z.literal(checkpointFormat),
  /** Optimiser steps done. The data order is a pure function of (seed, step), so this is the data cursor as well. */
  step: count,
  ledger: z.strictObject({ optimised: count, evaluated: count }),
  /** Sums over the steps since the last line of metrics.jsonl. */
  window: z.strictObject({ steps: count, images: count, loss: z.number(), correct: count, fromPool: count }),
  /** Steps that changed nothing, as their loss or a gradient was not finite: of the whole run, and since the last good step. */
  skipped: z.strictObject({ total: count, inRow: count }),
  /** What racing has done; only there where paths race. */
  racing: z.strictObject({ rounds: count, spared: count, audited: count, agreed: count }).optional(),
  /** Whatever the sampler needs to go on: queue, pool, snapshot of the pool, random stream. */
  sampler: z.unknown(),
});

/** States of older formats become the current one. */
const stateSchema = z.preprocess((value) => {
  const old = z.looseObject({ format: z.literal(1) }).safeParse(value);
  // Format 1 knew no skipped steps.
  return old.success ? { ...old.data, format: checkpointFormat, skipped: { total: 0, inRow: 0 } } : value;
}, currentSchema);

/** Everything of a run but the weights. Equal runs have equal states: no clock is in it. */
export type TrainingState = Readonly<z.infer<typeof stateSchema>>;

const measured = z.strictObject({ images: count, seconds: z.number() });

/** Format 1 knew three phases and no pace. */
const secondsSchema = z.strictObject({
  start: z.number().default(0),
  data: z.number().default(0),
  train: z.number(),
  rank: z.number(),
  audit: z.number().default(0),
  save: z.number(),
  pace: z.strictObject({ train: measured, rank: measured }).default(noPace),
});

/** What the state of any kind of training has. */
export interface SteppedState {
  readonly step: number;
}

export interface Checkpoint<State extends SteppedState = TrainingState> {
  readonly directory: string;
  readonly step: number;
  /** What `Supernet.restore` takes. */
  readonly weightsPrefix: string;
  readonly state: State;
  /** Wall seconds of the run so far; kept apart because equal runs differ in it. */
  readonly seconds: WallTime;
}

export interface SkippedCheckpoint {
  readonly directory: string;
  readonly step: number;
  readonly reason: string;
}

export interface FoundCheckpoint<State extends SteppedState = TrainingState> {
  /** The newest whole checkpoint, or null where the run has none at all. */
  readonly checkpoint: Checkpoint<State> | null;
  /** Newer ones that are damaged, newest first. */
  readonly skipped: readonly SkippedCheckpoint[];
}

const weightsName = 'weights';
const stateFile = 'state.json';
const secondsFile = 'seconds.json';
const latestFile = 'latest';

const checkpointFolder: FolderKind = {
  kind: 'checkpoint',
  format: checkpointFormat,
  required: [`${weightsName}.index`, stateFile, secondsFile],
};

/** The name of a checkpoint's folder in that of its run. */
export function stepFolder(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** The steps of the checkpoints of a run, newest first, whole or not. Sorted as numbers: step 10 comes after step 9. */
export async function listSteps(runDirectory: string): Promise<number[]> {
  const names = await explained('list', runDirectory, () => readdir(runDirectory));
  return names
    .map((name) => /^step-(\d{8,15})$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

export interface SaveRequest<State extends SteppedState = SteppedState> {
  readonly runDirectory: string;
  /** Plain JSON that the schema given to {@link findCheckpoint} takes. */
  readonly state: State;
  readonly seconds: WallTime;
  /** Writes the weights as `<prefix>.index` and `<prefix>.data-…`; `Supernet.save`. */
  readonly saveWeights: (prefix: string) => void;
  /** Further text files of the checkpoint, by name. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Checkpoints to keep, this one included; at least 1. */
  readonly keep: number;
  /** Those at multiples of so many steps stay as well; null or left out: none do. */
  readonly keepEvery?: number | null;
  /** Bytes that the weights take, to see first whether there is room; left out: not known. */
  readonly weightBytes?: number;
}

/** What a checkpoint holds beside its weights comes to less, but for pools of tens of thousands of paths. */
const roomBesideWeights = 2 ** 16;

/** @throws GreedynasError `io` with the bytes needed and free if a checkpoint with such weights has no room */
export async function requireCheckpointRoom(runDirectory: string, weightBytes: number): Promise<void> {
  await requireRoom(runDirectory, weightBytes + roomBesideWeights, 'a checkpoint');
}

/**
 * Writes a checkpoint and lets go of old ones.
 * @returns the checkpoint's folder
 * @throws GreedynasError `io` if anything cannot be written; older checkpoints are then untouched
 */
export async function saveCheckpoint<State extends SteppedState>(request: SaveRequest<State>): Promise<string> {
  const { runDirectory, state, keep, weightBytes } = request;
  const name = stepFolder(state.step);
  const directory = join(runDirectory, name);
  if (weightBytes !== undefined) {
    await requireCheckpointRoom(runDirectory, weightBytes);
  }
  const fill = async (folder: string): Promise<void> => {
    writeWeights(request.saveWeights, join(folder, weightsName), directory);
    await writeFile(join(folder, stateFile), `${JSON.stringify(state)}\n`);
    await writeFile(join(folder, secondsFile), `${JSON.stringify(request.seconds)}\n`);
    for (const [file, text] of Object.entries(request.texts ?? {})) {
      await writeFile(join(folder, file), text);
    }
  };
  try {
    await writeSealedFolder(directory, checkpointFolder, fill);
  } catch (error) {
    // It may have filled up since, or by a quota that statfs does not know.
    if (!isDiskFull(error)) throw error;
    const free = await freeBytes(runDirectory);
    throw noRoom(runDirectory, (weightBytes ?? 0) + roomBesideWeights, 'a checkpoint', free, error);
  }
  await pointLatest(runDirectory, state.step);
  // Only now: the one just written is whole, so that a good one is there at every moment.
  const { keepEvery } = request;
  for (const step of (await listSteps(runDirectory)).slice(Math.max(1, keep))) {
    if (keepEvery == null || step % keepEvery !== 0) {
      await removeCheckpoint(runDirectory, step);
    }
  }
  return directory;
}

/** Makes the file `latest` name the checkpoint of this step. A crash may have come between a checkpoint and its pointer. */
export async function pointLatest(runDirectory: string, step: number): Promise<void> {
  await writeDurably(join(runDirectory, latestFile), `${stepFolder(step)}\n`);
}

function writeWeights(saveWeights: SaveRequest['saveWeights'], prefix: string, directory: string): void {
  try {
    saveWeights(prefix);
  } catch (error) {
    if (error instanceof GreedynasError && error.code === 'diverged') {
      throw error;
    }
    throw new GreedynasError(
      'io',
      `cannot save the weights of ${directory}: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
}

/** Renamed first, so that a crash within the removal leaves no half checkpoint. */
async function removeCheckpoint(runDirectory: string, step: number): Promise<void> {
  const directory = join(runDirectory, stepFolder(step));
  const going = join(runDirectory, `${temporaryPrefix}${stepFolder(step)}-gone`);
  await explained('remove the old checkpoint', directory, async () => {
    await rename(directory, going);
    await rm(going, { recursive: true, force: true });
  });
}

async function readCheckpoint<State extends SteppedState>(
  directory: string,
  step: number,
  schema: z.ZodType<State>,
): Promise<Checkpoint<State>> {
  await verifySealedFolder(directory, checkpointFolder);
  const state = await readSealedJson(directory, stateFile, schema);
  if (state.step !== step) {
    throw new DamagedFolder(`it holds step ${state.step}, not ${step}`);
  }
  const seconds = await readSealedJson(directory, secondsFile, secondsSchema);
  return { directory, step, weightsPrefix: join(directory, weightsName), state, seconds };
}

/**
 * A supernet's checkpoint of a step; null where the run has none.
 * @throws GreedynasError `io` if it is damaged or has a newer format
 */
export async function checkpointAt(runDirectory: string, step: number): Promise<Checkpoint | null> {
  if (!(await listSteps(runDirectory)).includes(step)) return null;
  const directory = join(runDirectory, stepFolder(step));
  try {
    return await readCheckpoint(directory, step, stateSchema);
  } catch (error) {
    if (error instanceof NewerFolder) {
      throw new GreedynasError('io', `${directory}: ${error.message}; update greedynas`, { cause: error });
    }
    if (error instanceof DamagedFolder) {
      throw new GreedynasError('io', `${directory}: ${error.message}`, { cause: error });
    }
    throw explainIo(error, 'read', directory);
  }
}

/**
 * The newest whole checkpoint of a run.
 * @param schema of its state; a supernet's unless given
 * @throws GreedynasError `io` if there are checkpoints and every one is damaged, or one has a newer format
 */
export async function findCheckpoint(runDirectory: string): Promise<FoundCheckpoint>;
export async function findCheckpoint<State extends SteppedState>(
  runDirectory: string,
  schema: z.ZodType<State>,
): Promise<FoundCheckpoint<State>>;
export async function findCheckpoint(
  runDirectory: string,
  schema: z.ZodType<SteppedState> = stateSchema,
): Promise<FoundCheckpoint<SteppedState>> {
  const skipped: SkippedCheckpoint[] = [];
  for (const step of await listSteps(runDirectory)) {
    const directory = join(runDirectory, stepFolder(step));
    try {
      return { checkpoint: await readCheckpoint(directory, step, schema), skipped };
    } catch (error) {
      if (error instanceof NewerFolder) {
        throw new GreedynasError('io', `${directory}: ${error.message}; update greedynas`, { cause: error });
      }
      if (!(error instanceof DamagedFolder)) {
        throw explainIo(error, 'read', directory);
      }
      skipped.push({ directory, step, reason: error.message });
    }
  }
  if (skipped.length > 0) {
    const reasons = skipped.map(({ directory, reason }) => `\n  ${directory}: ${reason}`).join('');
    throw new GreedynasError('io', `no checkpoint of ${runDirectory} is whole:${reasons}`);
  }
  return { checkpoint: null, skipped };
}

/**
 * Renames damaged checkpoints to `damaged-step-…`: otherwise, newer than what training goes on from, they would count
 * as kept ones and push whole ones out.
 */
export async function setAside(runDirectory: string, skipped: readonly SkippedCheckpoint[]): Promise<void> {
  for (const { directory, step } of skipped) {
    const aside = join(runDirectory, `damaged-${stepFolder(step)}`);
    await explained('set aside', directory, async () => {
      await rm(aside, { recursive: true, force: true });
      await rename(directory, aside);
    });
  }
}
