/** Fetches wheels with pip and takes the native libraries and the C headers out of them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GreedynasError } from '../errors.ts';
import { parseWheelName, python, type Wheel } from './version.ts';

/** Of 1.3 GB the addon needs these: two libraries and the headers that the C API includes. */
const tensorflowParts = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];

/** Everything of the nvidia wheels that runs: their headers, static libraries and Python files stay out. */
const cudaParts = ['nvidia/'];
const cudaLeftOut = ['/include/', '.a', '.py'];

/** Unpacks the named parts of one archive; a wheel is a zip, and Python reads it without any package. */
const unpackScript = `
import os, sys, zipfile
archive, folder, parts, left_out = sys.argv[1], sys.argv[2], sys.argv[3].split(','), sys.argv[4].split(',')
with zipfile.ZipFile(archive) as wheel:
    for entry in wheel.infolist():
        name = entry.filename
        if not any(name.startswith(part) for part in parts):
            continue
        if any(part in name if part.endswith('/') else name.endswith(part) for part in left_out):
            continue
        path = wheel.extract(entry, folder)
        if entry.external_attr >> 16 & 0o111 and not entry.is_dir():
            os.chmod(path, 0o755)
`;

/** SHA-256 of a file, as hexadecimal digits. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** What the fetching and unpacking of wheels needs from outside. */
export interface Tools {
  /** The Python that runs pip. */
  readonly python: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Stops the running program when it aborts. */
  readonly signal: AbortSignal;
}

/** What pip is called with for one wheel, and the requirement that it reads: exactly this file or an error. */
export function pipArguments(
  wheel: Wheel,
  requirements: string,
  folder: string,
  terminal: boolean,
): { args: string[]; requirement: string } {
  const { project, version, abi, platform } = parseWheelName(wheel.file);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
  // pip's own cache would keep a second copy of gigabytes that ours already holds.
  args.push('--no-cache-dir', '--require-hashes', '--requirement', requirements, '--dest', folder);
  args.push('--python-version', python, '--implementation', 'cp', '--abi', abi, '--platform', platform);
  if (!terminal) args.push('--quiet');
  return { args, requirement: `${project}==${version} --hash=sha256:${wheel.sha256}\n` };
}

/**
 * Brings a wheel into `downloads` and returns its path; one that is already there and whole is kept, so an interrupted
 * set-up goes on with the wheel that it lacks. `scratch` is this process' own folder on the same disk. Throws `io` when
 * pip fails or the file is another one than was pinned.
 */
export async function fetchWheel(wheel: Wheel, downloads: string, scratch: string, tools: Tools): Promise<string> {
  const target = join(downloads, wheel.file);
  if (existsSync(target)) {
    if (!(await wheelDamage(target, wheel))) return target;
    await rm(target, { force: true });
  }
  const folder = join(scratch, 'download');
  await mkdir(folder, { recursive: true });
  await mkdir(downloads, { recursive: true });
  const requirements = join(scratch, 'requirements.txt');
  const { args, requirement } = pipArguments(wheel, requirements, folder, process.stderr.isTTY ?? false);
  await writeFile(requirements, requirement);
  const status = await run(tools.python, args, tools);
  const file = join(folder, wheel.file);
  if (status !== 0 || !existsSync(file)) {
    throw new GreedynasError(
      'io',
      `pip could not download ${wheel.file} (its output is above). Check the network and pip's own settings ` +
        `(\`python3 -m pip config list\`), then run \`make setup\` again: it goes on where it stopped.`,
    );
  }
  const damage = await wheelDamage(file, wheel);
  if (damage) throw new GreedynasError('io', `${damage}. Run \`make setup\` again.`);
  await rename(file, target);
  return target;
}

async function wheelDamage(file: string, wheel: Wheel): Promise<string | null> {
  const { size } = await stat(file);
  if (size !== wheel.bytes) return `${wheel.file} has ${size} bytes, expected ${wheel.bytes}`;
  const hash = await hashFile(file);
  return hash === wheel.sha256 ? null : `${wheel.file} has SHA-256 ${hash}, expected ${wheel.sha256}`;
}

/** Unpacks what is needed of a wheel into `folder`, laid out as in Python's site-packages. */
export async function unpackWheel(archive: string, folder: string, tools: Tools): Promise<void> {
  const isCuda = basename(archive).startsWith('nvidia_');
  const [parts, leftOut] = isCuda ? [cudaParts, cudaLeftOut] : [tensorflowParts, ['.py']];
  const args = ['-c', unpackScript, archive, folder, parts.join(','), leftOut.join(',')];
  if ((await run(tools.python, args, tools)) === 0) return;
  throw new GreedynasError('io', `${archive} could not be unpacked into ${folder} (Python's output is above).`);
}

/** Runs a program with its output on our standard error, so that standard output stays clean for `--json`. */
function run(program: string, args: readonly string[], { environment, signal }: Tools): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 2, 2], signal });
    let failure: Error | null = null;
    // A program that was stopped still writes for a moment: only `close` means that its files can be cleared away.
    child.on('error', (error) => {
      failure = error;
      if (child.pid === undefined) reject(error);
    });
    child.on('close', (status) => (failure ? reject(failure) : resolve(status)));
  });
}
