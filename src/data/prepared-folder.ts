/** What lies in a folder of prepared images: its description `dataset.json`, written last, and the names of its files. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { readIfThere } from '../storage/durable.ts';
import { conversionKinds } from './convert-image.ts';

export const descriptionFile = 'dataset.json';
/** What an unfinished preparation keeps its state in; gone once `dataset.json` is there. */
export const workFolder = '.preparing';

/** `train` is what weights are learnt from, `heldout` a part of the training images for ranking and search, `test` the rest. */
export const splitNames = ['train', 'heldout', 'test'] as const;
export type SplitName = (typeof splitNames)[number];

const count = z.int().min(0);
const files = z.array(z.strictObject({ path: z.string(), reason: z.string() }));

const splitSchema = z.strictObject({
  images: count,
  shards: z.array(z.strictObject({ file: z.string().regex(/^[a-z]+-\d{5}-of-\d{5}\.tfrecord$/), bytes: count })),
});

export const preparedSchema = z.strictObject({
  format: z.literal(1),
  /** Which options and source files it was made of: equal ones give equal bytes. */
  fingerprint: z.string(),
  layout: z.string(),
  options: z.strictObject({
    shorterSide: z.int().nullable(),
    quality: z.int(),
    heldOutPerClass: count,
    seed: count,
  }),
  /** By class index. */
  classes: z.array(z.strictObject({ folder: z.string(), text: z.string() })).min(1),
  splits: z.strictObject({ train: splitSchema, heldout: splitSchema.optional(), test: splitSchema.optional() }),
  /** Images whose bytes were kept, and those converted, by what made it necessary. */
  unchanged: count,
  converted: z.partialRecord(z.enum(conversionKinds), count),
  /** Images that could not be used. */
  skipped: files,
  /** Files that were not looked at. */
  ignored: files,
});

export type PreparedDescription = z.infer<typeof preparedSchema>;

export function shardName(split: SplitName, shard: number, shards: number): string {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `${split}-${digits(shard)}-of-${digits(shards)}.tfrecord`;
}

export function indexName(split: SplitName): string {
  return `${split}.index`;
}

/** The description of a prepared folder, or null where there is none. @throws GreedynasError `io` if it is damaged */
export async function readDescription(folder: string): Promise<PreparedDescription | null> {
  const path = join(folder, descriptionFile);
  const text = await readIfThere(path);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const parsed = preparedSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new GreedynasError(
    'io',
    `${path} is no description of prepared images (${issue?.path.join('.')}: ${issue?.message}); prepare the data set again`,
  );
}

/** Compares the sizes of a split's shards with the description. @throws GreedynasError `io` naming the first that differs */
export async function checkShards(folder: string, description: PreparedDescription, split: SplitName): Promise<void> {
  for (const { file, bytes } of description.splits[split]?.shards ?? []) {
    const found = await stat(join(folder, file)).catch(() => null);
    if (found?.size === bytes) continue;
    const what = found === null ? 'is missing' : `has ${found.size} bytes instead of ${bytes}`;
    throw new GreedynasError(
      'io',
      `${join(folder, file)} ${what}; copy the folder again, or prepare the data set again`,
    );
  }
}
