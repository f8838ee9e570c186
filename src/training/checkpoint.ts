/**
 * Checkpoints that are whole or invisible: written beside, flushed, a manifest with sizes and SHA-256 last, then renamed
 * into place. Loading checks the manifest and falls back to the checkpoint before, saying why.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { explained, explainIo, flush, systemCode, temporaryPrefix, writeDurably } from './durable.ts';
import type { PhaseSeconds } from './ledger.ts';

/** Raised when a file changes its meaning; a newer format than this is refused, not guessed at. */
export const checkpointFormat = 1;

const count = z.number().int().nonnegative();

const stateSchema = z.strictObject({
  format: z.literal(checkpointFormat),
  /** Optimiser steps done. The data order is a pure function of (seed, step), so this is the data cursor as well. */
  step: count,
  ledger: z.strictObject({ optimised: count, evaluated: count }),
  /** Sums over the steps since the last line of metrics.jsonl. */
  window: z.strictObject({ steps: count, images: count, loss: z.number(), correct: count, fromPool: count }),
  /** Whatever the sampler needs to go on: queue, pool, snapshot of the pool, random stream. */
  sampler: z.unknown(),
});

/** Everything of a run but the weights. Equal runs have equal states: no clock is in it. */
export type TrainingState = Readonly<z.infer<typeof stateSchema>>;

const manifestSchema = z.strictObject({
  format: z.literal(checkpointFormat),
  step: count,
  files: z.record(z.string(), z.strictObject({ bytes: count, sha256: z.string() })),
});

type Manifest = z.infer<typeof manifestSchema>;

const secondsSchema = z.strictObject({ train: z.number(), rank: z.number(), save: z.number() });

export interface Checkpoint {
  readonly directory: string;
  readonly step: number;
  /** What `Supernet.restore` takes. */
  readonly weightsPrefix: string;
  readonly state: TrainingState;
  /** Wall seconds of the run so far; kept apart because equal runs differ in it. */
  readonly seconds: PhaseSeconds;
}

export interface SkippedCheckpoint {
  readonly directory: string;
  readonly step: number;
  readonly reason: string;
}

export interface FoundCheckpoint {
  /** The newest whole checkpoint, or null where the run has none at all. */
  readonly checkpoint: Checkpoint | null;
  /** Newer ones that are damaged, newest first. */
  readonly skipped: readonly SkippedCheckpoint[];
}

const weightsName = 'weights';
const stateFile = 'state.json';
const secondsFile = 'seconds.json';
const manifestFile = 'manifest.json';
const latestFile = 'latest';
/** A state of a thousand-entry pool is about 200 kB; what is far beyond is not ours. */
const largestJson = 64 * 2 ** 20;

/** Thrown inside this file for a checkpoint that cannot be used; its message is the reason given to the user. */
class Damaged extends Error {}

function stepFolder(step: number): string {
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

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(part);
  }
  return hash.digest('hex');
}

function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The manifest with its own hash, `sha256`, over the JSON of the rest: whatever format the rest has, damage shows. */
function sealManifest(manifest: object): string {
  return `${JSON.stringify({ ...manifest, sha256: hashText(JSON.stringify(manifest)) }, null, 2)}\n`;
}

function openSeal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('sha256' in value)) {
    throw new Damaged(`${manifestFile} has no SHA-256 of itself`);
  }
  const { sha256, ...manifest } = value;
  if (sha256 !== hashText(JSON.stringify(manifest))) {
    throw new Damaged(`${manifestFile} has another SHA-256 than when it was saved`);
  }
  return manifest;
}

async function describeFiles(directory: string, step: number): Promise<Manifest> {
  const files: Manifest['files'] = {};
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name);
    await flush(path);
    files[name] = { bytes: (await stat(path)).size, sha256: await hashFile(path) };
  }
  return { format: checkpointFormat, step, files };
}

export interface SaveRequest {
  readonly runDirectory: string;
  readonly state: TrainingState;
  readonly seconds: PhaseSeconds;
  /** Writes the weights as `<prefix>.index` and `<prefix>.data-…`; `Supernet.save`. */
  readonly saveWeights: (prefix: string) => void;
  /** Further text files of the checkpoint, by name. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Checkpoints to keep, this one included; at least 1. */
  readonly keep: number;
}

/**
 * Writes a checkpoint and lets go of old ones.
 * @returns the checkpoint's folder
 * @throws GreedynasError `io` if anything cannot be written; older checkpoints are then untouched
 */
export async function saveCheckpoint(request: SaveRequest): Promise<string> {
  const { runDirectory, state, keep } = request;
  const name = stepFolder(state.step);
  const directory = join(runDirectory, name);
  const beside = join(runDirectory, `${temporaryPrefix}${name}`);
  await explained('save the checkpoint', directory, async () => {
    await rm(beside, { recursive: true, force: true });
    try {
      await mkdir(beside);
      writeWeights(request.saveWeights, join(beside, weightsName), directory);
      await writeFile(join(beside, stateFile), `${JSON.stringify(state)}\n`);
      await writeFile(join(beside, secondsFile), `${JSON.stringify(request.seconds)}\n`);
      for (const [file, text] of Object.entries(request.texts ?? {})) {
        await writeFile(join(beside, file), text);
      }
      const manifest = await describeFiles(beside, state.step);
      await writeFile(join(beside, manifestFile), sealManifest(manifest), { flush: true });
      await flush(beside);
      await replaceFolder(beside, directory);
      await flush(runDirectory);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      throw error;
    }
  });
  await writeDurably(join(runDirectory, latestFile), `${name}\n`);
  for (const step of (await listSteps(runDirectory)).slice(Math.max(1, keep))) {
    await removeCheckpoint(runDirectory, step);
  }
  return directory;
}

function writeWeights(saveWeights: SaveRequest['saveWeights'], prefix: string, directory: string): void {
  try {
    saveWeights(prefix);
  } catch (error) {
    throw new GreedynasError(
      'io',
      `cannot save the weights of ${directory}: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
}

/** Renames `from` to `to`; what was at `to` (a damaged checkpoint that training has passed again) goes. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${from}-old`;
  try {
    await rename(to, old);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw error;
    }
  }
  await rename(from, to);
  await rm(old, { recursive: true, force: true });
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

async function readJson(directory: string, name: string): Promise<unknown> {
  const path = join(directory, name);
  try {
    const { size } = await stat(path);
    if (size > largestJson) {
      throw new Damaged(`${name} has ${size} bytes, more than any such file`);
    }
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Damaged) {
      throw error;
    }
    if (error instanceof SyntaxError) {
      throw new Damaged(`${name} is not JSON`);
    }
    throw new Damaged(systemCode(error) === 'ENOENT' ? `${name} is missing` : `${name} cannot be read: ${error}`);
  }
}

function refuseNewerFormat(value: unknown, directory: string): void {
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > checkpointFormat) {
    throw new GreedynasError(
      'io',
      `${directory} was written by a newer greedynas (checkpoint format ${format}, this one reads up to ${checkpointFormat}): update greedynas`,
    );
  }
}

function parseOrDamaged<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new Damaged(`${name} is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message}`);
  }
  return result.data;
}

async function verifyFiles(directory: string, manifest: Manifest): Promise<void> {
  for (const required of [`${weightsName}.index`, stateFile, secondsFile]) {
    if (!Object.hasOwn(manifest.files, required)) {
      throw new Damaged(`${manifestFile} does not list ${required}`);
    }
  }
  for (const [name, expected] of Object.entries(manifest.files)) {
    if (name !== name.replace(/[/\\]/g, '')) {
      throw new Damaged(`${manifestFile} lists "${name}", which is no plain file name`);
    }
    const path = join(directory, name);
    const found = await stat(path).catch((error: unknown) => {
      throw new Damaged(systemCode(error) === 'ENOENT' ? `${name} is missing` : `${name} cannot be read: ${error}`);
    });
    if (found.size !== expected.bytes) {
      throw new Damaged(`${name} has ${found.size} bytes, not ${expected.bytes}`);
    }
    if ((await hashFile(path)) !== expected.sha256) {
      throw new Damaged(`${name} has another SHA-256 than when it was saved`);
    }
  }
}

async function readCheckpoint(directory: string, step: number): Promise<Checkpoint> {
  const manifestJson = openSeal(await readJson(directory, manifestFile));
  refuseNewerFormat(manifestJson, directory);
  const manifest = parseOrDamaged(manifestSchema, manifestJson, manifestFile);
  await verifyFiles(directory, manifest);
  const state = parseOrDamaged(stateSchema, await readJson(directory, stateFile), stateFile);
  if (state.step !== step || manifest.step !== step) {
    throw new Damaged(`it holds step ${state.step}, not ${step}`);
  }
  const seconds = parseOrDamaged(secondsSchema, await readJson(directory, secondsFile), secondsFile);
  return { directory, step, weightsPrefix: join(directory, weightsName), state, seconds };
}

/**
 * The newest whole checkpoint of a run.
 * @throws GreedynasError `io` if there are checkpoints and every one is damaged, or one has a newer format
 */
export async function findCheckpoint(runDirectory: string): Promise<FoundCheckpoint> {
  const skipped: SkippedCheckpoint[] = [];
  for (const step of await listSteps(runDirectory)) {
    const directory = join(runDirectory, stepFolder(step));
    try {
      return { checkpoint: await readCheckpoint(directory, step), skipped };
    } catch (error) {
      if (!(error instanceof Damaged)) {
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
