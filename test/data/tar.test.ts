import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { ArchiveError, readTarGz } from '../../src/data/tar.ts';
import { type TarEntry, tar } from './sheet-package.ts';

async function read(archive: Uint8Array, wanted: string[]): Promise<{ name: string; bytes: Buffer }[]> {
  const files: { name: string; bytes: Buffer }[] = [];
  for await (const file of readTarGz(archive, wanted)) files.push(file);
  return files;
}

async function failure(archive: Uint8Array, wanted: string[]): Promise<string> {
  const error = await read(archive, wanted).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ArchiveError);
  return (error as ArchiveError).message;
}

const pack = (entries: TarEntry[]) => gzipSync(tar(entries));
const one = { name: 'package/one', bytes: Buffer.from('first') };
const big = { name: 'package/big', bytes: Buffer.alloc(3_000_000, 7) };

describe('readTarGz', () => {
  it('gives the wanted files and passes over all else', async () => {
    const folder = { name: 'package', bytes: Buffer.alloc(0), type: '5' };
    const extended = { name: 'package/one', bytes: Buffer.from('12 comment=\n'), type: 'x' };
    const archive = pack([folder, extended, one, big, { name: 'package/other', bytes: Buffer.from('no') }]);
    expect(await read(archive, ['package/big', 'package/one'])).to.deep.equal([one, big]);
  });

  it('reads files of any size', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(1600), { maxLength: 6 }), async (sizes) => {
        const entries = sizes.map((size, index) => ({
          name: `package/${index}`,
          bytes: Buffer.alloc(size, index + 1),
        }));
        const names = entries.map((entry) => entry.name);
        expect(await read(pack(entries), names)).to.deep.equal(entries);
      }),
      { numRuns: 40 },
    ));

  it('reads what npm packs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'greedynas-tar-'));
    try {
      await writeFile(join(folder, 'package.json'), '{"name":"packed-here","version":"1.0.0"}');
      await writeFile(join(folder, 'labels.json'), '[1,2,3]');
      execFileSync('npm', ['pack', '--offline', '--ignore-scripts'], { cwd: folder, stdio: 'ignore' });
      const files = await read(await readFile(join(folder, 'packed-here-1.0.0.tgz')), ['package/labels.json']);
      expect(files.map((file) => file.bytes.toString())).to.deep.equal(['[1,2,3]']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('finds a missing and a doubled file', async () => {
    expect(await failure(pack([one]), ['package/one', 'package/two'])).to.equal('package/two not in the archive');
    expect(await failure(pack([one, one]), ['package/one'])).to.equal('package/one is in the archive twice');
  });

  it('finds a damaged header', async () => {
    const plain = tar([one]);
    plain[3]! ^= 1;
    expect(await failure(gzipSync(plain), ['package/one'])).to.equal('byte 0: wrong checksum of a tar header');
    expect(await failure(gzipSync(Buffer.alloc(2048, 65)), [])).to.match(/not an octal number/);
  });

  it('gathers no file that is larger than any of ours', async () => {
    const plain = tar([one]);
    plain.fill(0, 148, 156);
    plain.write('77777777777 ', 124);
    plain.fill(' ', 148, 156);
    const sum = plain.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    plain.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(await failure(gzipSync(plain), ['package/one'])).to.equal(
      'package/one has 8589934591 bytes, more than 268435456',
    );
  });

  it('finds an early end, inside and outside of gzip', async () => {
    expect(await failure(gzipSync(tar([one, big]).subarray(0, 5000)), ['package/big'])).to.match(
      /ends early, at unpacked byte 5000/,
    );
    const archive = pack([one, big]);
    expect(await failure(archive.subarray(0, archive.length - 1000), ['package/big'])).to.match(
      /gzip: unexpected end of file/,
    );
    expect(await failure(new Uint8Array(0), ['package/one'])).to.match(/ends early|unexpected end/);
  });

  it('finds what is no gzip', async () => {
    expect(await failure(Buffer.from('<html>not found</html>'), [])).to.match(/gzip: incorrect header check/);
  });
});
