/** Where the engine's files lie: the addon inside its npm package, TensorFlow in a cache shared by all clones of a user. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { tensorflowVersion, type Variant } from './version.ts';

/** The addon's N-API level: the highest that tfjs-node offers, and every Node that we support has it. */
export const napiVersion = 8;

/** Written beside the addon that we built: what it was built from. A stock addon has none. */
export interface AddonRecord {
  readonly tensorflow: string;
  readonly variant: Variant | 'own';
  /** The folder that the addon's run path names. */
  readonly directory: string;
  /** Hash of sources, compiler flags and `directory`. */
  readonly key: string;
}

/** The folder of the npm package that carries the addon's sources. Throws `io` where npm packages are missing. */
export function packageDirectory(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  } catch (cause) {
    throw new GreedynasError(
      'io',
      'The npm package @tensorflow/tfjs-node-gpu is not installed. Run `make setup` (it calls `npm ci --ignore-scripts`).',
      { cause },
    );
  }
}

/** Where tfjs-node looks for its addon (package.json's `binary.module_path`). */
export function addonPath(packageFolder: string): string {
  return join(packageFolder, 'lib', `napi-v${napiVersion}`, 'tfjs_binding.node');
}

export function addonRecordPath(packageFolder: string): string {
  return join(dirname(addonPath(packageFolder)), 'greedynas.json');
}

/** The record of the installed addon, or `null` for none, a stock one, or one that cannot be read. */
export function readAddonRecord(packageFolder: string): AddonRecord | null {
  const file = addonRecordPath(packageFolder);
  if (!existsSync(file)) return null;
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isAddonRecord(record) ? record : null;
  } catch {
    return null;
  }
}

function isAddonRecord(value: unknown): value is AddonRecord {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Record<string, unknown> = { ...value };
  return (
    typeof fields.tensorflow === 'string' &&
    (fields.variant === 'cpu' || fields.variant === 'cuda' || fields.variant === 'own') &&
    typeof fields.directory === 'string' &&
    typeof fields.key === 'string'
  );
}

/** `$XDG_CACHE_HOME/greedynas`, else `~/.cache/greedynas`. A relative XDG_CACHE_HOME is ignored, as its standard asks. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(environment.HOME || homedir(), '.cache'), 'greedynas');
}

/** The folder of one unpacked TensorFlow: `tensorflow/` (and `nvidia/`) as in Python's site-packages, and a manifest. */
export function tensorflowDirectory(cache: string, variant: Variant): string {
  return join(cache, `tensorflow-${tensorflowVersion}-${variant}`);
}
