/** Brings one TensorFlow into the cache: download, unpack beside, check, and move into place in one step. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { findNativeTensorflow } from './build.ts';
import { tensorflowDirectory } from './layout.ts';
import { withLock } from './lock.ts';
import { findDamage, writeManifest } from './manifest.ts';
import { requirePython, requireSpace } from './requirements.ts';
import { tensorflowVersion, type Variant, type Wheel, wheelsFor } from './version.ts';
import { fetchWheel, unpackWheel } from './wheels.ts';

export interface UnpackOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly verify: boolean;
  readonly say: (line: string) => void;
}

/** Bytes on disk while setting up: the unpacked files and the largest wheel beside them. */
const neededBytes: Readonly<Record<Variant, number>> = { cpu: 1.3e9, cuda: 9e9 };

/** Left-over working folders of set-ups that were killed are deleted after this time. */
const leftOverMilliseconds = 24 * 3600 * 1000;

/**
 * The folder of the undamaged TensorFlow of this variant, downloaded and unpacked if need be. Throws `io` where no build
 * exists, tools or disk space are missing, or the download fails.
 */
export async function ensureTensorflow(variant: Variant, cache: string, options: UnpackOptions): Promise<string> {
  const directory = tensorflowDirectory(cache, variant);
  if (existsSync(directory) && !(await findDamage(directory, options.verify))) return directory;
  const wheels = requireWheels(variant);
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
  { environment, verify, say }: UnpackOptions,
): Promise<void> {
  if (existsSync(directory)) {
    const damage = await findDamage(directory, verify);
    if (!damage) return;
    say(`unpacking again: ${damage}`);
  }
  const python = requirePython(environment);
  await requireSpace(cache, neededBytes[variant], `TensorFlow (${variant})`);
  await removeLeftOvers(cache);
  const scratch = await mkdtemp(join(cache, '.unfinished-'));
  try {
    const tree = join(scratch, 'tree');
    const downloads = join(cache, 'downloads');
    for (const [index, wheel] of wheels.entries()) {
      say(`wheel ${index + 1} of ${wheels.length}: ${wheel.file}`);
      const archive = await fetchWheel(wheel, python, downloads, scratch, environment);
      say(`unpacking ${basename(archive)}`);
      await unpackWheel(archive, tree, python, environment);
    }
    findNativeTensorflow(tree);
    await writeManifest(tree, { tensorflow: tensorflowVersion, variant, wheels: [...wheels] });
    await putInPlace(tree, directory, join(scratch, 'damaged'));
    for (const { file } of wheels) await rm(join(downloads, file), { force: true });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Renames `tree` to `directory`; what is damaged there goes to `aside`. If another set-up was faster, its result stays. */
async function putInPlace(tree: string, directory: string, aside: string): Promise<void> {
  if (existsSync(directory)) await rename(directory, aside).catch(() => {});
  try {
    await rename(tree, directory);
  } catch (cause) {
    const damage = await findDamage(directory, false);
    if (damage) throw new GreedynasError('io', `${tree} could not be moved to ${directory}: ${damage}`, { cause });
  }
}

function requireWheels(variant: Variant): readonly Wheel[] {
  const machines: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
  const machine = machines[process.arch] ?? process.arch;
  const wheels = process.platform === 'linux' ? wheelsFor(variant, machine) : null;
  if (wheels) return wheels;
  throw new GreedynasError(
    'io',
    `There is no TensorFlow ${tensorflowVersion} wheel (${variant}) for ${process.platform} on ${machine}: Linux on x86_64 ` +
      '(cpu, cuda) and aarch64 (cpu) are served. Name your own TensorFlow with GREEDYNAS_TENSORFLOW=<folder>.',
  );
}

async function removeLeftOvers(cache: string): Promise<void> {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('.unfinished-'))) {
    const folder = join(cache, name);
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > leftOverMilliseconds) await rm(folder, { recursive: true, force: true });
  }
}
