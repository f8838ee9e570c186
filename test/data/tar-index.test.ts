import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { indexTar } from '../../src/data/tar-index.ts';
import { rejection } from '../training/temporary.ts';
import { type TarEntry, tar } from './sheet-package.ts';

const file = (name: string, text: string): TarEntry => ({ name, bytes: Buffer.from(text) });

describe('indexTar', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greedynas-tar-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const index = async (entries: readonly TarEntry[]) => {
    const archive = join(folder, 'images.tar');
    const bytes = tar([...entries]);
    await writeFile(archive, bytes);
    const { files, refused } = await indexTar(archive);
    const texts = files.map(({ path, start, size }) => [
      path,
      Buffer.from(bytes).toString('utf8', start, start + size),
    ]);
    return { texts, refused };
  };

  it('finds files, those of archives within it too, by where their bytes lie', async () => {
    const inner = tar([file('one.jpg', 'first'), file('two.jpg', '')]);
    const { texts, refused } = await index([
      { name: 'train', bytes: Buffer.alloc(0), type: '5' },
      file('./train/a.jpg', 'a picture'),
      { name: 'train/n01.tar', bytes: inner },
      file('last.jpg', 'end'),
    ]);
    expect(texts).to.deep.equal([
      ['train/a.jpg', 'a picture'],
      ['train/n01/one.jpg', 'first'],
      ['train/n01/two.jpg', ''],
      ['last.jpg', 'end'],
    ]);
    expect(refused).to.deep.equal([]);
  });

  it('takes long names from GNU and POSIX extensions, each for the next entry alone', async () => {
    const long = `train/${'long-'.repeat(40)}.jpg`;
    const line = ` path=${long}\n`;
    const length = line.length + String(line.length + 3).length;
    const { texts } = await index([
      { name: '././@LongLink', bytes: Buffer.from(`${long}\0`), type: 'L' },
      file('cut', '1'),
      file('short.jpg', '2'),
      { name: 'PaxHeader', bytes: Buffer.from(`${length}${line}`), type: 'x' },
      file('cut', '3'),
    ]);
    expect(texts).to.deep.equal([
      [long, '1'],
      ['short.jpg', '2'],
      [long, '3'],
    ]);
  });

  it('lists links, devices and names that lead out, and reads nothing through them', async () => {
    const nothing = Buffer.alloc(0);
    const { texts, refused } = await index([
      { name: 'link', bytes: nothing, type: '2' },
      { name: 'hard', bytes: nothing, type: '1' },
      { name: 'device', bytes: nothing, type: '3' },
      { name: 'odd', bytes: nothing, type: 'Z' },
      file('../out.jpg', 'x'),
      file('/root.jpg', 'x'),
      file('a/../../b.jpg', 'x'),
      file('fine..jpg', 'x'),
    ]);
    expect(texts).to.deep.equal([['fine..jpg', 'x']]);
    expect(refused.map(({ path, reason }) => `${path}: ${reason}`)).to.deep.equal([
      'link: a symbolic link',
      'hard: a hard link',
      'device: a device',
      'odd: an entry of the unknown kind "Z"',
      '../out.jpg: a name that leads out of the archive',
      '/root.jpg: a name that leads out of the archive',
      'a/../../b.jpg: a name that leads out of the archive',
    ]);
  });

  it('looks four archives deep, no deeper', async () => {
    const nest = (depth: number): Buffer =>
      depth === 0 ? Buffer.from('end') : tar([{ name: depth === 1 ? 'a.jpg' : 'in.tar', bytes: nest(depth - 1) }]);
    const { texts, refused } = await index([{ name: 'in.tar', bytes: nest(4) }]);
    expect(texts).to.deep.equal([['in/in/in/in/a.jpg', 'end']]);
    expect(refused).to.deep.equal([]);
    const deeper = await index([{ name: 'in.tar', bytes: nest(300) }]);
    expect(deeper.texts).to.deep.equal([]);
    expect(deeper.refused).to.deep.equal([{ path: 'in/in/in/in/in.tar', reason: 'an archive within 4 others' }]);
  });

  it('says where an archive is damaged or ends early, and that one is compressed', async () => {
    const bytes = Buffer.from(tar([file('a.jpg', 'a picture'), file('b.jpg', 'another')]));
    const fail = async (name: string, contents: Uint8Array) => {
      await writeFile(join(folder, name), contents);
      const error = await rejection(indexTar(join(folder, name)));
      expect(error.code).to.equal('io');
      return error.message;
    };
    const damaged = Buffer.from(bytes);
    damaged[1024 + 130]! ^= 1;
    expect(await fail('damaged.tar', damaged)).to.match(/damaged\.tar cannot be read as a tar archive: .*1024/);
    expect(await fail('cut.tar', bytes.subarray(0, 1024 + 515))).to.match(/goes on beyond the end/);
    expect(await fail('cut2.tar', bytes.subarray(0, 1024 + 100))).to.match(/ends early, at byte 1124/);
    expect(await fail('images.tar.gz', gzipSync(bytes))).to.include('decompress it first');
  });

  it('finds files behind one of 9 GB', async () => {
    const archive = join(folder, 'large.tar');
    const size = 9 * 2 ** 30;
    // More than the header's octal digits can say. Sparse: a few blocks on the disk.
    const header = Buffer.from(tar([{ name: 'huge.bin', bytes: Buffer.alloc(0) }])).subarray(0, 512);
    header.fill(0, 124, 136);
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const handle = await open(archive, 'w');
    await handle.write(header, 0, 512, 0);
    const rest = Buffer.from(tar([file('far.jpg', 'far away')]));
    await handle.write(rest, 0, rest.length, 512 + size);
    await handle.close();
    const { files } = await indexTar(archive);
    expect(files).to.deep.equal([
      { path: 'huge.bin', start: 512, size },
      { path: 'far.jpg', start: 1024 + size, size: 8 },
    ]);
  });
});
