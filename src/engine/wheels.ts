/** Fetches wheels with pip and takes the native libraries and the C headers out of them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GreedynasError } from '../errors.ts';
import { parseWheelName, type Wheel } from './version.ts';

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

/** What pip is called with for one wheel, and the requirement that it reads: exactly this file or an error. */
export function pipArguments(
  wheel: Wheel,
  requirements: string,
  folder: string,
): { args: string[]; requirement: string } {
  const { project, version, python, abi, platform } = parseWheelName(wheel.file);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
  args.push('--python-version', python, '--implementation', 'cp', '--abi', abi, '--platform', platform);
  args.push('--require-hashes', '--requirement', requirements, '--dest', folder);
  return { args, requirement: `${project}==${version} --hash=sha256:${wheel.sha256}\n` };
}

/**
 * Brings a wheel into `downloads` and returns its path; one that is already there and has the right hash is kept, so an
 * interrupted set-up goes on with the wheel that it lacks. `scratch` is this process' own folder on the same disk.
 */
export async function fetchWheel(
  wheel: Wheel,
  python: string,
  downloads: string,
  scratch: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const target = join(downloads, wheel.file);
  if (existsSync(target)) {
    if ((await hashFile(target)) === wheel.sha256) return target;
    await rm(target, { force: true });
  }
  const folder = join(scratch, 'download');
  await mkdir(folder, { recursive: true });
  await mkdir(downloads, { recursive: true });
  const requirements = join(scratch, 'requirements.txt');
  const { args, requirement } = pipArguments(wheel, requirements, folder);
  await writeFile(requirements, requirement);
  const status = await run(python, args, environment);
  const file = join(folder, wheel.file);
  if (status !== 0 || !existsSync(file)) {
    throw new GreedynasError(
      'io',
      `pip could not download ${wheel.file} (its output is above). ` +
        "Check the network and pip's own settings (`pip config list`), then run `make setup` again.",
    );
  }
  const hash = await hashFile(file);
  if (hash !== wheel.sha256) {
    await rm(file, { force: true });
    throw new GreedynasError(
      'io',
      `${wheel.file} has SHA-256 ${hash}, expected ${wheel.sha256}. Run \`make setup\` again.`,
    );
  }
  await rename(file, target);
  return target;
}

/** Unpacks what is needed of a wheel into `folder`, laid out as in Python's site-packages. */
export async function unpackWheel(
  archive: string,
  folder: string,
  python: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const isCuda = basename(archive).startsWith('nvidia_');
  const [parts, leftOut] = isCuda ? [cudaParts, cudaLeftOut] : [tensorflowParts, ['.py']];
  const status = await run(
    python,
    ['-c', unpackScript, archive, folder, parts.join(','), leftOut.join(',')],
    environment,
  );
  if (status !== 0)
    throw new GreedynasError('io', `${archive} could not be unpacked into ${folder} (Python's output is above).`);
}

/** Runs a program with its output on our standard error, so that standard output stays clean for `--json`. */
function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('close', (status) => resolve(status));
  });
}
