/** Loads the native addon once per process, with the environment that TensorFlow reads set before. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { GreedynasError } from '../errors.ts';
import type { Binding } from './binding.ts';
import { addonPath, packageDirectory } from './layout.ts';

/** TensorFlow reads these once, when the addon loads: one process has one set of them. */
export interface EngineOptions {
  /** Threads inside one operation, and operations side by side; 0 takes all cores. */
  readonly threads: number;
  /** oneDNN's convolutions: faster from about 64x64 px up, slower on tiny tensors. */
  readonly onednn: boolean;
  /** Refuses operations whose result depends on the order of execution (on a GPU). */
  readonly deterministic: boolean;
  /** Takes GPU memory as it is needed instead of all at once. Default true. */
  readonly gpuMemoryGrowth?: boolean;
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
  if (!Number.isInteger(options.threads) || options.threads < 0) {
    throw new GreedynasError(
      'usage',
      `engine.threads: ${options.threads} is not allowed; give 0 (all cores) or a positive integer`,
    );
  }
  const threads = String(options.threads === 0 ? availableParallelism() : options.threads);
  return {
    TF_CPP_MIN_LOG_LEVEL: user['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
    TF_FORCE_GPU_ALLOW_GROWTH: String(options.gpuMemoryGrowth ?? true),
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: threads,
    TF_ENABLE_ONEDNN_OPTS: options.onednn ? '1' : '0',
    TF_DETERMINISTIC_OPS: options.deterministic ? '1' : '0',
  };
}

/**
 * The addon's functions. A second call returns the same ones; a second call with other options is a `usage` error that
 * names the first difference. Throws `io` where the addon is missing or does not load.
 */
export function loadAddon(options: EngineOptions): Binding {
  const wanted: Required<EngineOptions> = { ...options, gpuMemoryGrowth: options.gpuMemoryGrowth ?? true };
  if (loaded) {
    refuseDifference(loaded.options, wanted);
    return loaded.binding;
  }
  const environment = engineEnvironment(wanted);
  const file = addonPath(packageDirectory());
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

function refuseDifference(first: Required<EngineOptions>, second: Required<EngineOptions>): void {
  const names = ['threads', 'onednn', 'deterministic', 'gpuMemoryGrowth'] as const;
  const different = names.filter((name) => first[name] !== second[name]);
  if (different.length === 0) return;
  const list = different.map((name) => `${name} is ${first[name]}, asked for ${second[name]}`).join('; ');
  throw new GreedynasError(
    'usage',
    `TensorFlow is already loaded with other engine options: ${list}. They are fixed for a process; start another one.`,
  );
}
