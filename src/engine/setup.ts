/** `make setup`: puts TensorFlow's native libraries into the user's cache and builds the tfjs addon against them. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GreedynasError } from '../errors.ts';
import {
  buildKey,
  compileAddon,
  compilerArguments,
  findNativeTensorflow,
  type NativeTensorflow,
  requireNativeTensorflow,
} from './build.ts';
import {
  type AddonRecord,
  addonPath,
  addonRecordPath,
  cacheDirectory,
  packageDirectory,
  readAddonRecord,
} from './layout.ts';
import { withLock } from './lock.ts';
import { findDamage } from './manifest.ts';
import { hasGpu, requireCompiler, requireNodeHeaders } from './requirements.ts';
import { ensureTensorflow, type UnpackOptions } from './unpacked.ts';
import { tensorflowVersion, type Variant } from './version.ts';

/** Everything that the set-up reads from outside, so that tests can give it a world of their own. */
export interface SetupOptions extends UnpackOptions {
  /** The npm package that gets the addon. */
  readonly packageFolder: string;
  readonly nodeBinary: string;
}

/** Makes the addon loadable; does nothing when it is. Throws `io` naming what is missing and how to get it. */
export async function setUp(options: SetupOptions): Promise<void> {
  const { environment, say } = options;
  const own = environment.GREEDYNAS_TENSORFLOW;
  const installed = await findInstalled(options, own ? resolve(own) : null);
  if (installed) {
    say(`${installed} is ready`);
    return;
  }
  if (own) {
    await build('own', resolve(own), options);
    return;
  }
  const variant = chooseVariant(environment);
  const cache = cacheDirectory(environment);
  const directory = await ensureTensorflow(variant, cache, options);
  try {
    await build(variant, directory, options);
  } catch (error) {
    // The quick check trusts sizes and times, so look again with hashes before blaming anything else.
    if (!(await findDamage(directory, true))) throw error;
    await ensureTensorflow(variant, cache, { ...options, verify: true });
    await build(variant, directory, options);
  }
}

/** Builds the addon against the TensorFlow in `directory`, or takes it from the cache, and installs it if it loads. */
async function build(variant: AddonRecord['variant'], directory: string, options: SetupOptions): Promise<void> {
  const { environment, packageFolder, say } = options;
  const tensorflow = requireNativeTensorflow(directory);
  const key = buildKey(packageFolder, tensorflow, process.versions.modules);
  const cached = join(cacheDirectory(environment), 'addons', `${key}.node`);
  if (!existsSync(cached)) {
    await mkdir(dirname(cached), { recursive: true });
    const waiting = (holder: string) => say(`waiting for another set-up (${holder})`);
    await withLock(`${cached}.lock`, () => compileInto(cached, tensorflow, options), waiting);
  }
  const loads = tryAddon(cached, options);
  if ('error' in loads) {
    await rm(cached, { force: true });
    throw new GreedynasError('io', `The addon was built against ${directory} but does not load: ${loads.error}`);
  }
  await install(cached, packageFolder, { tensorflow: loads.version, variant, directory, key });
  say(`TensorFlow ${loads.version} (${variant}) is ready`);
}

async function compileInto(cached: string, tensorflow: NativeTensorflow, options: SetupOptions): Promise<void> {
  if (existsSync(cached)) return;
  const { environment, packageFolder, nodeBinary, signal, say } = options;
  const compiler = requireCompiler(environment);
  const unfinished = `${cached}.${process.pid}`;
  const args = compilerArguments(packageFolder, tensorflow, requireNodeHeaders(nodeBinary), unfinished);
  say(`building the addon with ${compiler} (about 10 s)`);
  try {
    await compileAddon(compiler, args, environment, signal);
    await rename(unfinished, cached);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Describes the installed addon if it is the wanted one and loads, else `null`. A stock addon is kept as it is. */
async function findInstalled(options: SetupOptions, own: string | null): Promise<string | null> {
  const { packageFolder } = options;
  const file = addonPath(packageFolder);
  if (!existsSync(file)) return null;
  const record = readAddonRecord(packageFolder);
  if (own && record?.directory !== own) return null;
  if (record && !(await isWanted(record, options))) return null;
  const loads = tryAddon(file, options);
  if ('error' in loads) return null;
  return `TensorFlow ${loads.version} (${record ? record.variant : 'the stock addon of tfjs-node'})`;
}

async function isWanted(record: AddonRecord, { packageFolder, verify, environment }: SetupOptions): Promise<boolean> {
  const tensorflow = findNativeTensorflow(record.directory);
  if (!tensorflow) return false;
  if (buildKey(packageFolder, tensorflow, process.versions.modules) !== record.key) return false;
  if (record.variant === 'own') return true;
  const forced = forcedVariant(environment);
  // A CUDA build serves a machine without a GPU too; a CPU build does not serve one that has got a GPU since.
  const variantFits = forced ? forced === record.variant : record.variant === 'cuda' || !hasGpu(environment);
  return variantFits && record.tensorflow === tensorflowVersion && !(await findDamage(record.directory, verify));
}

/** Loads an addon in a process of its own, since a broken library may end the process that loads it. */
function tryAddon(file: string, { environment, nodeBinary }: SetupOptions): { version: string } | { error: string } {
  const script = 'process.stdout.write(require(process.argv[1]).TF_Version)';
  const { status, signal, stdout, stderr } = spawnSync(nodeBinary, ['-e', script, file], {
    env: { ...environment, TF_CPP_MIN_LOG_LEVEL: '3', NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
  if (status === 0) return { version: stdout };
  const words = stderr.split('\n').find((line) => line.includes('rror')) ?? stderr.trim();
  return { error: signal ? `it ended the process with ${signal}` : words };
}

/** Puts the addon into the npm package. The record is written before the addon, and the old addon goes first. */
async function install(cached: string, packageFolder: string, record: AddonRecord): Promise<void> {
  const target = addonPath(packageFolder);
  const unfinished = `${target}.${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  await copyFile(cached, unfinished);
  await rm(target, { force: true });
  await writeFile(addonRecordPath(packageFolder), `${JSON.stringify(record, null, 1)}\n`);
  await rename(unfinished, target);
}

/** CUDA where `nvidia-smi` lists a GPU, or where GREEDYNAS_VARIANT asks for it (to set up where there is none yet). */
export function chooseVariant(environment: NodeJS.ProcessEnv): Variant {
  return forcedVariant(environment) ?? (hasGpu(environment) ? 'cuda' : 'cpu');
}

function forcedVariant(environment: NodeJS.ProcessEnv): Variant | null {
  const name = environment.GREEDYNAS_VARIANT;
  if (!name) return null;
  if (name === 'cpu' || name === 'cuda') return name;
  throw new GreedynasError('usage', `GREEDYNAS_VARIANT=${name} is not allowed; give cpu or cuda, or leave it out`);
}

async function main(args: readonly string[]): Promise<number> {
  const controller = new AbortController();
  let signalCode: number | null = null;
  const stop = (code: number) => () => {
    signalCode = code;
    controller.abort();
  };
  process.once('SIGINT', stop(130)).once('SIGTERM', stop(143));
  const say = (line: string) => void process.stderr.write(`setup: ${line}\n`);
  try {
    await setUp({
      environment: process.env,
      packageFolder: packageDirectory(),
      nodeBinary: process.execPath,
      verify: args.includes('--verify'),
      signal: controller.signal,
      say,
    });
    return 0;
  } catch (error) {
    if (signalCode !== null) {
      say('stopped; run `make setup` again to go on');
      return signalCode;
    }
    if (!(error instanceof GreedynasError)) throw error;
    say(error.message);
    return error.exitCode;
  }
}

// import.meta.url names the real file, also where the clone lies behind a symbolic link.
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  process.exitCode = await main(process.argv.slice(2));
}
