/** The saved state of a search, state.json: all that decides what follows, and what it belongs to. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type RunConfig, runConfigSchema } from '../config/schema.ts';
import { GreedynasError } from '../errors.ts';
import { parseJson } from '../sampling/saved-state.ts';
import { explained } from '../storage/durable.ts';
import type { Checkpoint } from '../training/checkpoint.ts';
import { configChanges, trainedWithFile } from '../training/config-change.ts';
import { trainedOnFile } from '../training/trained-on.ts';
import type { Limits } from './limits.ts';
import { limitsSchema } from './result.ts';

export const stateFile = 'state.json';

/** Raised when a key changes its meaning; a newer format than this is refused, not guessed at. */
const stateFormat = 2;

const count = z.int().min(0);

const savedSearchSchema = z.strictObject({
  /** The weights that are searched. */
  checkpoint: z.strictObject({ step: count, sha256: z.string() }),
  limits: limitsSchema,
  /** What `search.latencyTable` said when the search began; null without one. */
  latency: z.strictObject({ fixed: z.number(), layers: z.array(z.array(z.number())) }).nullable(),
  /** `--set` of the command that began it: `key=value` each. */
  overrides: z.array(z.string()),
  config: runConfigSchema,
  /** What is at work: a part that is over is not looked at again. */
  phase: z.enum(['exploration', 'comparison', 'subnets', 'finished']),
  /** Wall time so far. */
  seconds: z.number().min(0),
  /** Of the search method (`Search.state`); null before its first evaluations. */
  exploration: z.unknown(),
  /** Of `createPathComparison`; null before it. */
  comparison: z.unknown(),
  /** Subnets that are cut out. */
  subnets: count,
});

export type SavedSearch = z.infer<typeof savedSearchSchema>;

/** The text of state.json. Its SHA-256 is in it: damage that is still JSON shows too. */
export function formatSavedSearch(search: SavedSearch): string {
  return `${JSON.stringify({ format: stateFormat, sha256: hash(JSON.stringify(search)), search })}\n`;
}

const fileSchema = z.strictObject({ format: z.literal([1, stateFormat]), sha256: z.string(), search: z.unknown() });
const advice = 'start another search with another --name';

/** @throws GreedynasError `io` naming the file if it is damaged or newer than this program */
export function parseSavedSearch(text: string, file: string): SavedSearch {
  const value = parseJson(text, file);
  const newer = z.object({ format: z.number().gt(stateFormat) }).safeParse(value);
  if (newer.success) {
    throw new GreedynasError(
      'io',
      `${file}: has format ${newer.data.format}, this greedynas reads up to ${stateFormat}; update greedynas`,
    );
  }
  const sealed = fileSchema.safeParse(value);
  if (!sealed.success || hash(JSON.stringify(sealed.data.search)) !== sealed.data.sha256) {
    throw new GreedynasError('io', `${file}: has another SHA-256 than when it was saved, it is damaged; ${advice}`);
  }
  const { format } = sealed.data;
  const search = savedSearchSchema.safeParse(format === 1 ? upgraded(sealed.data.search) : sealed.data.search);
  if (search.success) return search.data;
  const issue = search.error.issues[0];
  throw new GreedynasError('io', `${file}: wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message}; ${advice}`);
}

/** What format 1 held, which knew evolution alone and no latency, in today's words. */
function upgraded(search: unknown): unknown {
  if (typeof search !== 'object' || search === null) return search;
  const { evolution = null, phase, ...rest } = search as Record<string, unknown>;
  return { latency: null, ...rest, phase: phase === 'evolution' ? 'exploration' : phase, exploration: evolution };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const manifestSchema = z.object({ files: z.record(z.string(), z.object({ sha256: z.string() })) });

/** Tells a checkpoint's content by the hashes that its manifest holds of the files that a search reads. */
export async function identifyCheckpoint({ directory, step }: Checkpoint): Promise<SavedSearch['checkpoint']> {
  const file = join(directory, 'manifest.json');
  const text = await explained('read', file, () => readFile(file, 'utf8'));
  const { files } = manifestSchema.parse(parseJson(text, file));
  // Wall time and how often was logged say nothing about the weights: a run that was trained twice is the same run. Config and images are
  // compared by themselves, and checkpoints of earlier versions lack them.
  const hashes = Object.entries(files)
    .filter(([name]) => !['seconds.json', trainedWithFile, trainedOnFile].includes(name))
    .map(([name, { sha256 }]) => `${name} ${sha256}\n`);
  return { step, sha256: hash(hashes.sort().join('')) };
}

/** Keys of a config that a search does not depend on. */
const changeable = /^(logging|checkpoints)\./;

/**
 * Compares what a search belongs to with what it is to go on with.
 * @returns a line for each permitted change that the user should know of
 * @throws GreedynasError `usage` if anything differs that decides what the search finds; old and new value are shown
 */
export function checkUnchanged(
  name: string,
  saved: Pick<SavedSearch, 'checkpoint' | 'limits' | 'config'>,
  now: { readonly checkpoint: SavedSearch['checkpoint']; readonly limits: Limits; readonly config: RunConfig },
): string[] {
  const { checkpoint, limits, config } = saved;
  const changes = configChanges(
    { checkpoint, limits, ...config },
    { checkpoint: now.checkpoint, limits: now.limits, ...now.config },
  ).filter(
    ({ key }) => !changeable.test(key) && (key !== 'checkpoint.sha256' || checkpoint.step === now.checkpoint.step),
  );
  const lines = changes.map(({ key, before, after }) => {
    return `${key}: ${JSON.stringify(before) ?? '(none)'} in the search, ${JSON.stringify(after) ?? '(none)'} now`;
  });
  const decisive = lines.filter((_, index) => changes[index]!.key !== 'engine.threads');
  if (decisive.length > 0) {
    throw new GreedynasError(
      'usage',
      `search "${name}" was begun with something else:${decisive.map((line) => `\n  ${line}`).join('')}\nA search goes on only with the checkpoint, limits and settings that it was begun with: take the change back, or start another search with another --name.`,
    );
  }
  return lines.map((line) => `${line} (another number of threads may change the last bits of the results)`);
}
