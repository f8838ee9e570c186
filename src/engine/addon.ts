/** Loads the native addon once per process, with the environment that TensorFlow reads set before, and describes it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import util from 'node:util';
import { GreedynasError } from '../errors.ts';
import type { Binding } from './binding.ts';
import { addonPath, packageDirectory, readAddonRecord } from './layout.ts';
import { findTool } from './requirements.ts';

/** TensorFlow reads these once, when the addon loads: one process has one set of them. */
export interface EngineOptions {
  /** Threads inside one operation, and operations side by side; 0 takes all cores. */
  readonly threads: number;
  /** Threads inside one operation, where they are not `threads`: 1 for a graph that takes a batch in pieces side by side. Default null. */
  readonly operationThreads?: number | null;
  /** oneDNN's kernels on a CPU: faster in the spaces measured, at 32 px as well (docs/results/step-time.md). */
  readonly onednn: boolean;
  /** Refuses operations whose result depends on the order of execution (on a GPU). */
  readonly deterministic: boolean;
  /** Takes GPU memory as it is needed instead of all at once. Default true. */
  readonly gpuMemoryGrowth?: boolean;
}

/** What ran a run, for its record: the same description, seed, config and data give the same bits. */
export interface EngineDescription {
  readonly tensorflow: string;
  /** How the addon came here: built by `make setup` for the CPU or CUDA, or against the user's TensorFlow, or tfjs' own. */
  readonly variant: 'cpu' | 'cuda' | 'own' | 'stock';
  readonly onednn: boolean;
  readonly deterministic: boolean;
  /** The number that 0 stood for. */
  readonly threads: number;
  /** Name and driver of each GPU as nvidia-smi gives them; empty on the CPU. */
  readonly gpu: readonly string[];
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly platform: string;
  /** The variables that TensorFlow read. */
  readonly environment: Readonly<Record<string, string>>;
}

let loaded: { readonly binding: Binding; readonly options: Required<EngineOptions> } | null = null;

/**
 * The environment that TensorFlow reads for these options. Only the log level yields to what the user set, since the
 * rest decides results and is written in the run's record. Throws `usage` for a bad number of threads.
 */
export function engineEnvironment(
  options: EngineOptions,
  user: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const threads = threadCount('threads', options.threads);
  return {
    TF_CPP_MIN_LOG_LEVEL: user.TF_CPP_MIN_LOG_LEVEL ?? '2',
    TF_FORCE_GPU_ALLOW_GROWTH: String(options.gpuMemoryGrowth ?? true),
    TF_NUM_INTRAOP_THREADS: threadCount('operationThreads', options.operationThreads ?? options.threads),
    TF_NUM_INTEROP_THREADS: threads,
    TF_ENABLE_ONEDNN_OPTS: options.onednn ? '1' : '0',
    TF_DETERMINISTIC_OPS: options.deterministic ? '1' : '0',
  };
}

function threadCount(name: keyof EngineOptions, threads: number): string {
  if (!Number.isInteger(threads) || threads < 0) {
    throw new GreedynasError(
      'usage',
      `engine.${name}: ${threads} is not allowed; give 0 (all cores) or a positive integer`,
    );
  }
  return String(threads === 0 ? availableParallelism() : threads);
}

/**
 * The addon's functions. A second call returns the same ones; a second call with other options is a `usage` error that
 * names the first difference. Throws `io` where the addon is missing or does not load.
 */
export function loadAddon(options: EngineOptions, packageFolder = packageDirectory()): Binding {
  const { operationThreads = null, gpuMemoryGrowth = true } = options;
  const wanted: Required<EngineOptions> = { ...options, operationThreads, gpuMemoryGrowth };
  if (loaded) {
    refuseDifference(loaded.options, wanted);
    return loaded.binding;
  }
  const environment = engineEnvironment(wanted);
  const file = addonPath(packageFolder);
  if (!existsSync(file)) {
    throw new GreedynasError('io', `TensorFlow's addon is missing (${file}). Run \`make setup\`.`);
  }
  Object.assign(process.env, environment);
  let binding: Binding;
  try {
    // The package's own index would load the whole of tfjs first (1 s); the addon alone takes 0.2 s.
    binding = createRequire(import.meta.url)(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GreedynasError(
      'io',
      `TensorFlow's addon does not load: ${reason}. Run \`make setup\` to build it again.`,
      { cause },
    );
  }
  loaded = { binding, options: wanted };
  return binding;
}

/** Whose kernels a graph for these options should be written for: oneDNN's where it is on and no GPU takes the work. */
export function fittingKernels(options: EngineOptions, gpu = loadAddon(options).isUsingGpuDevice()): 'onednn' | 'any' {
  return options.onednn && !gpu ? 'onednn' : 'any';
}

function refuseDifference(first: Required<EngineOptions>, second: Required<EngineOptions>): void {
  const names = ['threads', 'onednn', 'deterministic', 'gpuMemoryGrowth', 'operationThreads'] as const;
  const different = names.filter((name) => first[name] !== second[name]);
  if (different.length === 0) return;
  const list = different.map((name) => `${name} is ${first[name]}, asked for ${second[name]}`).join('; ');
  throw new GreedynasError(
    'usage',
    `TensorFlow is already loaded with other engine options: ${list}. They are fixed for a process; start another one.`,
  );
}

/** Describes the loaded engine. Throws `RangeError` before `loadAddon`. */
export function describeEngine(): EngineDescription {
  if (!loaded) throw new RangeError('describeEngine() before loadAddon()');
  const { binding, options } = loaded;
  return {
    tensorflow: binding.TF_Version,
    variant: readAddonRecord(packageDirectory())?.variant ?? 'stock',
    onednn: options.onednn,
    deterministic: options.deterministic,
    threads: options.threads === 0 ? availableParallelism() : options.threads,
    gpu: binding.isUsingGpuDevice() ? listGpus() : [],
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
    platform: `${platform()} ${arch()}`,
    environment: engineEnvironment(options),
  };
}

function listGpus(): string[] {
  const tool = findTool('nvidia-smi', process.env);
  if (!tool) return ['unknown'];
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  return spawnSync(tool, query, { encoding: 'utf8' }).stdout.trim().split('\n');
}

/**
 * tfjs with its TensorFlow backend, on the addon that `loadAddon` loaded; takes a second. tfjs 4.22 calls two functions
 * of Node's `util` that Node 23 took away, so they are put back first.
 *
 * @public for small models in eager mode (predictors); the supernet needs the addon alone
 */
export function loadTensorflowJs(options: EngineOptions): typeof import('@tensorflow/tfjs-node-gpu') {
  loadAddon(options);
  restoreUtil(util);
  return createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu');
}

/** Puts `isNullOrUndefined` and `isArray` back where they are missing. */
export function restoreUtil(target: object): void {
  const removed = {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  };
  for (const [name, implementation] of Object.entries(removed)) {
    if (!(name in target)) Object.assign(target, { [name]: implementation });
  }
}
