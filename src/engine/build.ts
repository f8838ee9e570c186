/** Builds the stock tfjs addon against an unpacked TensorFlow: its two C++ files, unchanged, in one compiler call. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { napiVersion } from './layout.ts';

/** A TensorFlow to build against: where its headers are, and the folder and names of its libraries. */
export interface NativeTensorflow {
  readonly include: string;
  readonly libraryFolder: string;
  readonly libraries: readonly string[];
}

/**
 * Finds the libraries in a folder as Python's site-packages has it (`libtensorflow_cc.so.2`), or as the C library's
 * archive has it (`lib/libtensorflow.so.2`); `null` where they are not.
 */
export function findNativeTensorflow(directory: string): NativeTensorflow | null {
  const names = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'].map((name) => [name, 'libtensorflow_framework.so.2']);
  for (const base of [join(directory, 'tensorflow'), directory]) {
    const include = join(base, 'include');
    if (!existsSync(join(include, 'tensorflow', 'c', 'c_api.h'))) continue;
    for (const libraryFolder of [base, join(base, 'lib')]) {
      const libraries = names.find((pair) => pair.every((name) => existsSync(join(libraryFolder, name))));
      if (libraries) return { include, libraryFolder, libraries };
    }
  }
  return null;
}

/** As `findNativeTensorflow`; throws `io` naming what was looked for. */
export function requireNativeTensorflow(directory: string): NativeTensorflow {
  const found = findNativeTensorflow(directory);
  if (found) return found;
  throw new GreedynasError(
    'io',
    `${directory} holds no TensorFlow: expected libtensorflow_cc.so.2 (or lib/libtensorflow.so.2), ` +
      'libtensorflow_framework.so.2 and include/tensorflow/c/c_api.h in it or in its folder tensorflow/.',
  );
}

/** The compiler's arguments that build the addon in `packageFolder` against `tensorflow` and write it to `output`. */
export function compilerArguments(
  packageFolder: string,
  tensorflow: NativeTensorflow,
  nodeHeaders: string,
  output: string,
): string[] {
  return [
    ...['-O2', '-shared', '-fPIC', '-std=c++17', '-fvisibility=hidden', `-DNAPI_VERSION=${napiVersion}`],
    ...['-I', nodeHeaders, '-I', tensorflow.include],
    ...addonSources(packageFolder).filter((file) => file.endsWith('.cc')),
    ...tensorflow.libraries.map((name) => join(tensorflow.libraryFolder, name)),
    // Not -Wl,-rpath, which would split a folder's name at a comma.
    ...['-Xlinker', '-rpath', '-Xlinker', tensorflow.libraryFolder],
    ...['-o', output],
  ];
}

/** A hash of all that decides the built addon: sources, flags, where TensorFlow lies, Node's ABI. */
export function buildKey(packageFolder: string, tensorflow: NativeTensorflow, nodeAbi: string): string {
  const hash = createHash('sha256');
  for (const file of addonSources(packageFolder)) hash.update(readFileSync(file));
  hash.update(compilerArguments('', tensorflow, '', '').join('\0'));
  return hash.update(`node ${nodeAbi}`).digest('hex').slice(0, 16);
}

/** Compiles; throws `io` with the compiler's own words. */
export async function compileAddon(
  compiler: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(compiler, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'], signal });
  const words: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => words.push(text));
  const [status] = await once(child, 'close');
  if (status === 0) return;
  const first = words.join('').trim().split('\n').slice(0, 12).join('\n');
  throw new GreedynasError('io', `${compiler} could not build the addon:\n${first}`);
}

function addonSources(packageFolder: string): string[] {
  if (packageFolder === '') return [];
  const folder = join(packageFolder, 'binding');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cc') || name.endsWith('.h'))
    .sort()
    .map((name) => join(folder, name));
}
