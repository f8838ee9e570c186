/** The manifest of an unpacked TensorFlow: every file's size and SHA-256, written last, checked before use. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as z from 'zod';
import { hashFile } from './wheels.ts';

const manifestSchema = z.strictObject({
  tensorflow: z.string(),
  variant: z.enum(['cpu', 'cuda']),
  wheels: z.array(z.strictObject({ file: z.string(), sha256: z.string() })),
  /** `changed` is the file's time of last change in ms when its hash was taken: unchanged means no need to hash again. */
  files: z.array(z.strictObject({ path: z.string(), bytes: z.number(), changed: z.number(), sha256: z.string() })),
});

export type Manifest = z.infer<typeof manifestSchema>;

const manifestName = 'manifest.json';

/** Hashes every file below `directory` and writes the manifest. */
export async function writeManifest(directory: string, head: Omit<Manifest, 'files'>): Promise<void> {
  const files: Manifest['files'] = [];
  for (const file of listFiles(directory)) {
    const { size, mtimeMs } = statSync(file);
    files.push({ path: relative(directory, file), bytes: size, changed: mtimeMs, sha256: await hashFile(file) });
  }
  await writeFile(join(directory, manifestName), `${JSON.stringify({ ...head, files }, null, 1)}\n`);
}

/** The manifest of a folder, or `null` where there is none that can be read. */
export function readManifest(directory: string): Manifest | null {
  const file = join(directory, manifestName);
  if (!existsSync(file)) return null;
  try {
    return manifestSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}

/**
 * What is wrong with an unpacked TensorFlow, or `null` if nothing is. A file whose size and time are those of the
 * manifest counts as good unless `thorough`; any other is hashed (900 MB take about a second).
 */
export async function findDamage(directory: string, thorough: boolean): Promise<string | null> {
  const manifest = readManifest(directory);
  if (!manifest) return `${directory} has no readable ${manifestName}`;
  for (const { path, bytes, changed, sha256 } of manifest.files) {
    const file = join(directory, path);
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) return `${file} is missing`;
    if (found.size !== bytes) return `${file} has ${found.size} bytes, expected ${bytes}`;
    if (!thorough && found.mtimeMs === changed) continue;
    if ((await hashFile(file)) !== sha256) return `${file} has another SHA-256 than its manifest`;
  }
  return null;
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== manifestName)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
