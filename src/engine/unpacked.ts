/** Brings one TensorFlow into the cache: download, unpack beside, check, and move into place in one step. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { requireNativeTensorflow } from './build.ts';
import { tensorflowDirectory } from './layout.ts';
import { isAlive, withLock } from './lock.ts';
import { findDamage, writeManifest } from './manifest.ts';
import { requireGlibc, requirePython, requireSpace } from './requirements.ts';
import { tensorflowVersion, type Variant, type Wheel, wheelsFor } from './version.ts';
import { fetchWheel, unpackWheel } from './wheels.ts';

export interface UnpackOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Hash every unpacked file, even those whose time and size did not change. */
  readonly verify: boolean;
  readonly signal: AbortSignal;
  /** Takes one line of progress. */
  readonly say: (line: string) => void;
}

/** Unpacked libraries take at most this many times the bytes of their wheels (TensorFlow itself: 3.1 and 2.2, measured). */
const unpackedRatio: Readonly<Record<Variant, number>> = { cpu: 3.2, cuda: 2.3 };

/**
 * The folder of the undamaged TensorFlow of this variant, downloaded and unpacked if need be. Throws `io` where no build
 * exists, tools or disk space are missing, or the download fails.
 */
export async function ensureTensorflow(variant: Variant, cache: string, options: UnpackOptions): Promise<string> {
  const directory = tensorflowDirectory(cache, variant);
  if (existsSync(directory) && !(await findDamage(directory, options.verify))) return directory;
  const wheels = requireWheels(variant, process.platform, process.arch);
  requireGlibc();
  await mkdir(cache, { recursive: true });
  const waiting = (holder: string) => options.say(`waiting for another set-up (${holder})`);
  await withLock(`${directory}.lock`, () => fill(directory, variant, wheels, cache, options), waiting);
  return directory;
}

async function fill(
  directory: string,
  variant: Variant,
  wheels: readonly Wheel[],
  cache: string,
  { environment, verify, signal, say }: UnpackOptions,
): Promise<void> {
  if (existsSync(directory)) {
    const damage = await findDamage(directory, verify);
    if (!damage) return;
    say(`unpacking again: ${damage}`);
  }
  const tools = { python: requirePython(environment), environment, signal };
  await removeLeftOvers(cache);
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  await requireSpace(cache, bytes * (1 + unpackedRatio[variant]), `TensorFlow (${variant})`);
  const scratch = await mkdtemp(join(cache, `.unfinished-${hostname()}-${process.pid}-`));
  try {
    const tree = join(scratch, 'tree');
    const downloads = join(cache, 'downloads');
    say(`TensorFlow ${tensorflowVersion} (${variant}): ${megabytes(bytes)} to download into ${cache}`);
    const archives: string[] = [];
    for (const [index, wheel] of wheels.entries()) {
      say(`wheel ${index + 1} of ${wheels.length}: ${wheel.file} (${megabytes(wheel.bytes)})`);
      archives.push(await fetchWheel(wheel, downloads, scratch, tools));
    }
    say('unpacking and hashing');
    for (const archive of archives) await unpackWheel(archive, tree, tools);
    requireNativeTensorflow(tree);
    const sources = wheels.map(({ file, sha256 }) => ({ file, sha256 }));
    await writeManifest(tree, { tensorflow: tensorflowVersion, variant, wheels: sources });
    await putInPlace(tree, directory, join(scratch, 'damaged'));
    for (const archive of archives) await rm(archive, { force: true });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Renames `tree` to `directory`; what is damaged there goes to `aside`. If another set-up was faster, its result stays. */
async function putInPlace(tree: string, directory: string, aside: string): Promise<void> {
  if (existsSync(directory)) await rename(directory, aside);
  try {
    await rename(tree, directory);
  } catch (cause) {
    const damage = await findDamage(directory, false);
    if (damage) throw new GreedynasError('io', `${tree} could not be moved to ${directory}: ${damage}`, { cause });
  }
}

/** The wheels for a platform as Node names it ("linux", "x64"). Throws `io` where there are none. */
export function requireWheels(variant: Variant, platform: string, architecture: string): readonly Wheel[] {
  const machines: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
  const wheels = platform === 'linux' ? wheelsFor(variant, machines[architecture] ?? architecture) : null;
  if (wheels) return wheels;
  throw new GreedynasError(
    'io',
    `There is no TensorFlow ${tensorflowVersion} (${variant}) for ${platform} ${architecture}: its wheels serve Linux on ` +
      'x64 (cpu, cuda) and arm64 (cpu). Set GREEDYNAS_VARIANT=cpu, or name your own with GREEDYNAS_TENSORFLOW=<folder>.',
  );
}

/** Removes what killed set-ups of this machine left; of other machines that share the cache nothing can be known. */
async function removeLeftOvers(cache: string): Promise<void> {
  const prefix = `.unfinished-${hostname()}-`;
  for (const name of await readdir(cache)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (!Number.isNaN(pid) && !isAlive(pid)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
