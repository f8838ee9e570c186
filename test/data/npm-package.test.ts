import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packedDamage, packedName, packWithNpm } from '../../src/data/npm-package.ts';
import { GreedynasError } from '../../src/errors.ts';

/** `greedynas` packed: the hashes come from `printf greedynas | openssl dgst -sha512 -binary | base64`, and `sha1sum`. */
const bytes = Buffer.from('greedynas');
const pin = {
  name: 'tiny',
  version: '1.0.0',
  bytes: 9,
  integrity: 'sha512-RMiX04qva0bNhw+qQAHA/JLP1m7lQFLcwsOpEl0voCTEqt6fzn56NdtBVUKptold1CU61z8eAyZXKJAXETT5Mg==',
  shasum: '5edf6d00a3ee9b789e7de4377eed4ed46081845f',
};

describe('packedDamage', () => {
  it('accepts the pinned bytes', () => expect(packedDamage(bytes, pin)).to.equal(null));

  it('names what differs', () => {
    expect(packedDamage(bytes.subarray(1), pin)).to.equal('it has 8 bytes instead of 9');
    expect(packedDamage(Buffer.from('greedynaz'), pin)).to.match(/^its hash is sha512-.* instead of sha512-/);
    expect(packedDamage(bytes, { ...pin, shasum: '0' })).to.match(/^its SHA-1 is \w+ instead of 0/);
  });
});

describe('packWithNpm', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greedynas-npm-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** A stand-in for npm: a shell script. */
  const stub = async (script: string): Promise<string> => {
    const file = join(folder, 'npm');
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  };

  const failure = async (npm: string): Promise<string> => {
    const error = await packWithNpm(pin, folder, npm).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(GreedynasError).with.property('code', 'io');
    return (error as GreedynasError).message;
  };

  it('asks for exactly the pinned version, into the folder', async () => {
    const npm = await stub(`echo "$@" > "${folder}/asked"; printf greedynas > "${folder}/tiny-1.0.0.tgz"`);
    await packWithNpm(pin, folder, npm);
    expect(await readFile(join(folder, 'asked'), 'utf8'))
      .to.match(/^pack tiny@1\.0\.0 /)
      .and.include(`--pack-destination=${folder}`);
    expect(packedDamage(await readFile(join(folder, packedName(pin))), pin)).to.equal(null);
  });

  it('says what to do without a network', async () => {
    const npm = await stub(
      `echo 'npm warn Unknown config' >&2; echo 'npm error code ENOTFOUND' >&2; echo 'npm error syscall getaddrinfo' >&2;
      echo 'npm error network request to the registry failed' >&2; exit 1`,
    );
    expect(await failure(npm)).to.equal(
      '`npm pack tiny@1.0.0` failed (ENOTFOUND): network request to the registry failed. ' +
        'Check the network and `npm config get registry`, then try again; ' +
        'or run `npm pack tiny@1.0.0` where there is a network and put tiny-1.0.0.tgz into that folder',
    );
  });

  it('says what to do when the disk is full', async () => {
    const npm = await stub(
      "echo 'npm ERR! code ENOSPC' >&2; echo 'npm ERR! nospc no space left on device' >&2; exit 228",
    );
    expect(await failure(npm)).to.match(/failed \(ENOSPC\): nospc no space left on device\. Free 1 MB/);
  });

  it('survives an npm that gives no reason', async () => {
    expect(await failure(await stub('exit 7'))).to.include('failed (exit 7): npm gave no reason.');
    expect(await failure(await stub('kill -9 $$'))).to.include('it was ended by SIGKILL');
  });

  it('says when there is no npm', async () => {
    expect(await failure(join(folder, 'absent'))).to.match(/cannot start .*absent.*ENOENT.*install npm/);
  });
});
