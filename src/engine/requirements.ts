/** Finds the tools that the set-up calls, and says for each missing one what it is for and how to get it. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { GreedynasError } from '../errors.ts';

/** The first executable of that name on PATH, or `null`. */
export function findTool(name: string, environment: NodeJS.ProcessEnv): string | null {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Python 3 with pip. Any Python will do: it only downloads and unpacks. Throws `io` with the way to get it. */
export function requirePython(environment: NodeJS.ProcessEnv): string {
  const python = findTool('python3', environment);
  if (!python) {
    throw missing('python3', 'it downloads and unpacks the TensorFlow wheel', 'apt-get install python3 python3-pip');
  }
  if (spawnSync(python, ['-m', 'pip', '--version'], { env: environment }).status !== 0) {
    throw missing(`pip for ${python}`, 'it downloads the TensorFlow wheel', 'apt-get install python3-pip');
  }
  return python;
}

/** The C++ compiler: `$CXX`, else g++, else clang++. Throws `io` with the way to get it. */
export function requireCompiler(environment: NodeJS.ProcessEnv): string {
  const named = environment.CXX;
  const names = named ? [named] : ['g++', 'clang++'];
  for (const name of names) {
    const compiler = name.includes('/') ? name : findTool(name, environment);
    if (compiler && existsSync(compiler)) return compiler;
  }
  throw missing(named ? `the C++ compiler CXX=${named}` : 'g++', 'it builds the addon (10 s)', 'apt-get install g++');
}

/**
 * The folder with `node_api.h`: beside the Node binary, else the system's. The addon speaks N-API only, whose headers
 * fit every Node. Throws `io` with the way to get them.
 */
export function requireNodeHeaders(
  nodeBinary: string,
  systemFolders = ['/usr/include/node', '/usr/local/include/node'],
): string {
  const folders = [join(dirname(nodeBinary), '..', 'include', 'node'), ...systemFolders];
  const found = folders.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found) return found;
  throw missing(
    `Node's headers (node_api.h; looked in ${folders.join(', ')})`,
    'the addon is built against them',
    'apt-get install libnode-dev',
    'Node from nodejs.org, nvm, fnm or volta brings them along',
  );
}

/** Throws `io` where the C library is not glibc 2.27 or later, which the wheels are built for. */
export function requireGlibc(): void {
  const version = glibcVersion();
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  if (major > 2 || (major === 2 && minor >= 27)) return;
  const found = version ? `glibc ${version}` : 'another C library';
  throw new GreedynasError(
    'io',
    `TensorFlow's wheels need glibc 2.27 or later; this system has ${found}. Use a newer distribution (not Alpine), ` +
      'or name your own TensorFlow with GREEDYNAS_TENSORFLOW=<folder>.',
  );
}

function glibcVersion(): string | null {
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('header' in report)) return null;
  const { header } = report;
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return null;
  return String(header.glibcVersionRuntime);
}

/** Throws `io` when the file system of `folder` (which exists) has less free than `bytes`. */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new GreedynasError(
    'io',
    `Not enough disk space for ${what}: ${gigabytes(bytes)} needed, ${gigabytes(free)} free in ${folder}. ` +
      'Free some, or set XDG_CACHE_HOME to a folder on another disk.',
  );
}

/** Whether `nvidia-smi` lists a GPU. */
export function hasGpu(environment: NodeJS.ProcessEnv): boolean {
  const tool = findTool('nvidia-smi', environment);
  if (!tool) return false;
  const { status, stdout } = spawnSync(tool, ['--list-gpus'], { env: environment, encoding: 'utf8', timeout: 30_000 });
  return status === 0 && stdout.includes('GPU ');
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function missing(what: string, purpose: string, command: string, otherwise?: string): GreedynasError {
  const other = otherwise ? ` (${otherwise}.)` : '';
  return new GreedynasError(
    'io',
    `${what} is missing: ${purpose}. On Debian or Ubuntu: sudo ${command}${other} Then run \`make setup\` again.`,
  );
}
