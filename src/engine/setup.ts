/** `make setup`: puts TensorFlow's native libraries into the user's cache and builds the tfjs addon against them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GreedynasError } from '../errors.ts';
import { buildKey, compileAddon, findNativeTensorflow } from './build.ts';
import {
  type AddonRecord,
  addonPath,
  addonRecordPath,
  cacheDirectory,
  packageDirectory,
  readAddonRecord,
} from './layout.ts';
import { findDamage } from './manifest.ts';
import { hasGpu, requireCompiler, requireNodeHeaders } from './requirements.ts';
import { ensureTensorflow } from './unpacked.ts';
import { tensorflowVersion, type Variant } from './version.ts';

/** Everything that the set-up reads from outside, so that tests can give it a world of their own. */
export interface SetupOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly packageFolder: string;
  readonly nodeBinary: string;
  /** Hash every unpacked file, even those whose time and size did not change. */
  readonly verify: boolean;
  /** Takes one line of progress. */
  readonly say: (line: string) => void;
}

/** Makes the addon loadable; does nothing when it is. Throws `io` naming what is missing and how to get it. */
export async function setUp(options: SetupOptions): Promise<void> {
  const { environment, packageFolder, say } = options;
  const own = environment.GREEDYNAS_TENSORFLOW;
  const installed = await findInstalled(options, own ? resolve(own) : null);
  if (installed) {
    say(`${installed} is ready`);
    return;
  }
  const variant = own ? 'own' : chooseVariant(environment);
  const cache = cacheDirectory(environment);
  const directory = variant === 'own' ? resolve(own ?? '') : await ensureTensorflow(variant, cache, options);
  const tensorflow = findNativeTensorflow(directory);
  const key = buildKey(packageFolder, tensorflow, process.versions.modules);
  const cached = join(cache, 'addons', `${key}.node`);
  if (!existsSync(cached)) {
    const compiler = requireCompiler(environment);
    const headers = requireNodeHeaders(options.nodeBinary);
    await mkdir(dirname(cached), { recursive: true });
    const unfinished = `${cached}.${process.pid}`;
    say(`building the addon with ${compiler} (about 10 s)`);
    try {
      compileAddon(compiler, packageFolder, tensorflow, headers, unfinished, environment);
      await rename(unfinished, cached);
    } finally {
      await rm(unfinished, { force: true });
    }
  }
  const loads = tryAddon(cached, options);
  if ('error' in loads) {
    await rm(cached, { force: true });
    throw new GreedynasError('io', `The addon was built against ${directory} but does not load: ${loads.error}`);
  }
  await install(cached, packageFolder, { tensorflow: loads.version, variant, directory, key });
  say(`TensorFlow ${loads.version} (${variant}) is ready`);
}

/** Describes the installed addon if it is the wanted one and loads, else `null`. */
async function findInstalled(options: SetupOptions, own: string | null): Promise<string | null> {
  const { environment, packageFolder } = options;
  const file = addonPath(packageFolder);
  if (!existsSync(file)) return null;
  const record = readAddonRecord(packageFolder);
  if (own && record?.directory !== own) return null;
  if (record && !(await isWanted(record, options))) return null;
  const loads = tryAddon(file, options);
  if ('error' in loads) return null;
  if (!record) return `TensorFlow ${loads.version} (the stock addon of tfjs-node)`;
  if (record.variant !== 'own' && record.variant === 'cpu' && hasGpu(environment)) return null;
  return `TensorFlow ${loads.version} (${record.variant})`;
}

async function isWanted(record: AddonRecord, { packageFolder, verify, environment }: SetupOptions): Promise<boolean> {
  if (!existsSync(record.directory)) return false;
  if (record.variant !== 'own') {
    if (record.tensorflow !== tensorflowVersion) return false;
    const forced = forcedVariant(environment);
    if (forced && forced !== record.variant) return false;
    if (await findDamage(record.directory, verify)) return false;
  }
  return buildKey(packageFolder, findNativeTensorflow(record.directory), process.versions.modules) === record.key;
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

async function main(args: readonly string[]): Promise<void> {
  const say = (line: string) => void process.stderr.write(`setup: ${line}\n`);
  const packageFolder = packageDirectory();
  const verify = args.includes('--verify');
  await setUp({ environment: process.env, packageFolder, nodeBinary: process.execPath, verify, say });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    if (!(error instanceof GreedynasError)) throw error;
    process.stderr.write(`setup: ${error.message}\n`);
    process.exitCode = error.exitCode;
  });
}
