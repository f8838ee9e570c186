/**
 * Folders that are whole or invisible: filled beside their place, flushed, described by a manifest with sizes and SHA-256
 * that is written last, then renamed. Checkpoints and subnets are such folders.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { flush, systemCode } from './durable.ts';
import { writeWholeFolder } from './whole-folder.ts';

const manifestName = 'manifest.json';
/** No JSON file of ours comes near this; what is larger is not read. */
const largestJson = 64 * 2 ** 20;

const manifestSchema = z.strictObject({
  format: z.int().min(1),
  kind: z.string(),
  files: z.record(z.string(), z.strictObject({ bytes: z.int().min(0), sha256: z.string() })),
});

/** What kind of folder it is, and the version of its files' meaning. */
export interface FolderKind {
  readonly kind: string;
  /** Raised when a file changes its meaning; folders of a newer format are refused, not guessed at. */
  readonly format: number;
  /** Files without which the folder is of no use. */
  readonly required: readonly string[];
}

/** Thrown for a folder that cannot be used; the message says which file and why, without naming the folder. */
export class DamagedFolder extends Error {}

/** Thrown for a folder of a newer format than this program knows. */
export class NewerFolder extends Error {}

/**
 * Writes a folder in one step: a reader, or a crash at any moment, sees the old one, none, or the whole new one.
 *
 * @param fill puts the files into the folder it is given; no subfolders
 * @throws GreedynasError `io` if anything cannot be written (the parent folder must be there); nothing is left behind
 */
export async function writeSealedFolder(
  directory: string,
  { kind, format }: FolderKind,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await writeWholeFolder(directory, kind, async (temporary) => {
    await fill(temporary);
    const manifest = { format, kind, files: await describeFiles(temporary) };
    await writeFile(join(temporary, manifestName), seal(manifest));
  });
}

/**
 * Checks every file of a folder against its manifest.
 *
 * @throws DamagedFolder if a file is missing, changed or not listed as it should be; NewerFolder for a newer format; the
 * system's own error where nothing is known of the files, as without permission
 */
export async function verifySealedFolder(directory: string, { kind, format, required }: FolderKind): Promise<void> {
  const value = openSeal(await readJson(directory, manifestName));
  // Formats count for one kind alone.
  const other = z.object({ kind: z.string() }).safeParse(value);
  if (other.success && other.data.kind !== kind)
    throw new DamagedFolder(`it holds a ${other.data.kind}, not a ${kind}`);
  const found = z.object({ format: z.number() }).safeParse(value);
  if (found.success && found.data.format > format) {
    throw new NewerFolder(
      `it was written by a newer greedynas (${kind} format ${found.data.format}, this one reads up to ${format})`,
    );
  }
  const manifest = parseOrDamaged(manifestSchema, value, manifestName);
  for (const name of required) {
    if (!Object.hasOwn(manifest.files, name)) throw new DamagedFolder(`${manifestName} does not list ${name}`);
  }
  for (const [name, expected] of Object.entries(manifest.files)) {
    if (/[/\\]/.test(name)) throw new DamagedFolder(`${manifestName} lists "${name}", which is no plain file name`);
    await verifyFile(directory, name, expected);
  }
}

/** A JSON file of a folder, checked. @throws DamagedFolder naming the file, the key and what is wrong */
export async function readSealedJson<T>(directory: string, name: string, schema: z.ZodType<T>): Promise<T> {
  return parseOrDamaged(schema, await readJson(directory, name), name);
}

/** Failures that say nothing of the files: whoever takes them for damage falls back from a whole checkpoint. */
const noDamage: readonly (string | undefined)[] = [
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ESTALE',
  'ETIMEDOUT',
];

/** What a failure to read a file of a folder means. */
function unreadable(name: string, error: unknown): unknown {
  const code = systemCode(error);
  if (noDamage.includes(code)) return error;
  return new DamagedFolder(code === 'ENOENT' ? `${name} is missing` : `${name} cannot be read: ${error}`);
}

async function verifyFile(directory: string, name: string, expected: { bytes: number; sha256: string }): Promise<void> {
  const path = join(directory, name);
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (!found.isFile()) throw new DamagedFolder(`${name} is no file`);
  if (found.size !== expected.bytes) throw new DamagedFolder(`${name} has ${found.size} bytes, not ${expected.bytes}`);
  const hash = await hashFile(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (hash !== expected.sha256) {
    throw new DamagedFolder(`${name} has another SHA-256 than when it was saved`);
  }
}

async function describeFiles(directory: string): Promise<z.infer<typeof manifestSchema>['files']> {
  const files: z.infer<typeof manifestSchema>['files'] = {};
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name);
    await flush(path);
    files[name] = { bytes: (await stat(path)).size, sha256: await hashFile(path) };
  }
  return files;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(part);
  return hash.digest('hex');
}

/** The manifest with its own hash, `sha256`, over the JSON of the rest: whatever format the rest has, damage shows. */
function seal(manifest: object): string {
  return `${JSON.stringify({ ...manifest, sha256: hashText(JSON.stringify(manifest)) }, null, 2)}\n`;
}

function openSeal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('sha256' in value)) {
    throw new DamagedFolder(`${manifestName} has no SHA-256 of itself`);
  }
  const { sha256, ...manifest } = value;
  if (sha256 !== hashText(JSON.stringify(manifest))) {
    throw new DamagedFolder(`${manifestName} has another SHA-256 than when it was saved`);
  }
  return manifest;
}

function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function readJson(directory: string, name: string): Promise<unknown> {
  const path = join(directory, name);
  try {
    const { size } = await stat(path);
    if (size > largestJson) throw new DamagedFolder(`${name} has ${size} bytes, more than any such file`);
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof DamagedFolder) throw error;
    if (error instanceof SyntaxError) throw new DamagedFolder(`${name} is not JSON`);
    throw unreadable(name, error);
  }
}

function parseOrDamaged<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new DamagedFolder(`${name} is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message}`);
  }
  return result.data;
}
