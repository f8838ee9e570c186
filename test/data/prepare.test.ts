import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import tfrecord from 'tfrecord';
import { loadImageFolder } from '../../src/data/image-folder.ts';
import { readIndex } from '../../src/data/image-index.ts';
import { prepareImages } from '../../src/data/prepare.ts';
import type { PrepareOptions } from '../../src/data/prepare-plan.ts';
import { readDescription } from '../../src/data/prepared-folder.ts';
import { readRecords } from '../../src/data/tfrecord.ts';
import { createStream } from '../../src/random/stream.ts';
import { rejection } from '../training/temporary.ts';
import { tar } from './sheet-package.ts';

const options: PrepareOptions = {
  shorterSide: null,
  quality: 90,
  heldOutPerClass: 0,
  seed: 1,
  shards: 3,
  onCorrupt: 'fail',
  validationList: null,
};

describe('prepareImages', () => {
  let root: string;
  let source: string;
  const notices: string[] = [];
  const watch = { notice: (line: string) => void notices.push(line), interrupted: () => false };
  const prepare = (out: string, changes: Partial<PrepareOptions> = {}, more: Partial<typeof watch> = {}) =>
    prepareImages(source, join(root, out), { ...options, ...changes }, { ...watch, ...more });
  const write = async (path: string, bytes: Uint8Array | string) => {
    await mkdir(dirname(join(source, path)), { recursive: true });
    await writeFile(join(source, path), bytes);
  };
  const noise = (seed: number, width: number, height: number, channels: 3 | 4 = 3) => {
    const stream = createStream(seed, 'noise');
    const pixels = Buffer.from(Array.from({ length: width * height * channels }, () => stream.integer(256)));
    return sharp(pixels, { raw: { width, height, channels } });
  };
  const bytesOf = async (out: string) => {
    const names = (await readdir(join(root, out))).sort();
    return Promise.all(names.map(async (name) => [name, (await readFile(join(root, out, name))).toString('hex')]));
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-prepare-'));
    source = join(root, 'source');
    for (const [index, name] of ['b', 'a'].entries()) {
      for (let image = 0; image < 5; image++) {
        const jpeg = await noise(10 * index + image, 12 + image, 10, 3)
          .jpeg()
          .toBuffer();
        await write(`train/${name}/${name}${image}.JPEG`, jpeg);
      }
      await write(
        `val/${name}/v.JPEG`,
        await noise(77 + index, 9, 9)
          .jpeg()
          .toBuffer(),
      );
    }
    await write('words.txt', 'a\tan apple\nb\ta ball\nc\ta cat\n');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('writes each image once, unchanged, with the fields of TensorFlow’s ImageNet shards, and an index that finds it', async () => {
    const { description } = await prepare('out');
    expect(description?.classes).to.deep.equal([
      { folder: 'a', text: 'an apple' },
      { folder: 'b', text: 'a ball' },
    ]);
    expect(description?.unchanged).to.equal(12);
    const index = await readIndex(join(root, 'out', 'train.index'));
    const found = new Map<string, Buffer>();
    let row = 0;
    for (const { file } of description!.splits.train.shards) {
      for await (const { data, offset } of readRecords(join(root, 'out', file))) {
        const { feature } = tfrecord.Example.decode(data).features as unknown as {
          feature: Record<string, { bytesList?: { value: Buffer[] }; int64List?: { value: unknown[] } }>;
        };
        const text = (name: string) => feature[name]?.bytesList?.value[0]?.toString('utf8');
        const number = (name: string) => Number(feature[name]?.int64List?.value[0]);
        expect(text('image/format')).to.equal('JPEG');
        expect(text('image/colorspace')).to.equal('RGB');
        expect(number('image/channels')).to.equal(3);
        expect([index.offset[row], index.length[row]]).to.deep.equal([offset, data.length]);
        expect([index.width[row], index.height[row], index.label[row]]).to.deep.equal([
          number('image/width'),
          number('image/height'),
          number('image/class/label'),
        ]);
        expect(description?.classes[index.label[row]!]).to.deep.equal({
          folder: text('image/class/synset'),
          text: text('image/class/text'),
        });
        found.set(
          `${text('image/class/synset')}/${text('image/filename')}`,
          feature['image/encoded']!.bytesList!.value[0]!,
        );
        row += 1;
      }
    }
    expect(row).to.equal(10);
    for (const [name, jpeg] of found) {
      expect(jpeg.equals(await readFile(join(source, 'train', name))), name).to.equal(true);
    }
    expect(found.size).to.equal(10);
  });

  it('gives the same bytes again, stopped and resumed too, and says what it goes on with', async () => {
    await prepare('one');
    let asked = 0;
    const stopped = await prepare('two', {}, { interrupted: () => ++asked > 2 });
    expect(stopped.end).to.equal('signal');
    expect(await readDescription(join(root, 'two'))).to.equal(null);
    notices.length = 0;
    const rest = await prepare('two');
    expect(rest.before).to.be.above(0).and.below(12);
    expect(notices.join('\n')).to.include(`going on: ${rest.before} of 12 images`);
    expect(await bytesOf('two')).to.deep.equal(await bytesOf('one'));
    expect((await prepare('two')).done).to.equal(0);
  });

  it('makes the same bytes of an archive, and of archives of the classes within one, as of the tree', async () => {
    await prepare('tree');
    const expected = await bytesOf('tree');
    const paths = (await readdir(source, { recursive: true, encoding: 'utf8' })).filter((path) => path.includes('.'));
    const entries = await Promise.all(
      paths.sort().map(async (name) => ({ name, bytes: await readFile(join(source, name)) })),
    );
    /** The entries below a folder, named from there. */
    const below = (folder: string) =>
      entries
        .filter(({ name }) => name.startsWith(`${folder}/`))
        .map(({ name, bytes }) => ({ name: name.slice(folder.length + 1), bytes }));
    const inner = (folder: string) => ({ name: `${folder}.tar`, bytes: tar(below(folder)) });
    const words = entries.filter(({ name }) => name === 'words.txt');
    const archives: Readonly<Record<string, Buffer>> = {
      plain: tar(entries),
      'one folder at its top': tar(entries.map(({ name, bytes }) => ({ name: `my-set/${name}`, bytes }))),
      'classes in archives': tar([inner('train/b'), inner('train/a'), inner('val/a'), inner('val/b'), ...words]),
      'splits in archives': tar([inner('train'), inner('val'), ...words]),
    };
    for (const [name, bytes] of Object.entries(archives)) {
      await writeFile(join(root, 'set.tar'), bytes);
      await prepareImages(join(root, 'set.tar'), join(root, name), options, watch);
      expect(await bytesOf(name), name).to.deep.equal(expected);
    }
  });

  it('reads a flat val folder with its list in an archive, where the user names it', async () => {
    await rm(join(source, 'val'), { recursive: true });
    const entries = await Promise.all(
      ['train/a/a0.JPEG', 'train/b/b0.JPEG'].map(async (name) => ({ name, bytes: await readFile(join(source, name)) })),
    );
    const image = await noise(7, 9, 9).jpeg().toBuffer();
    await writeFile(
      join(root, 'flat.tar'),
      tar([
        ...entries,
        { name: 'val/ILSVRC2012_val_00000001.JPEG', bytes: image },
        { name: 'val/ILSVRC2012_val_00000002.JPEG', bytes: image },
        { name: 'kit/truth.txt', bytes: Buffer.from('b\na\n') },
      ]),
    );
    const read = (out: string, validationList: string | null) =>
      prepareImages(join(root, 'flat.tar'), join(root, out), { ...options, shards: 1, validationList }, watch);
    const { description } = await read('named', 'kit/truth.txt');
    expect(description?.layout).to.include('val/ with kit/truth.txt');
    const { label } = await readIndex(join(root, 'named', 'test.index'));
    expect(Array.from(label).sort()).to.deep.equal([0, 1]);
    const unknown = (await read('unnamed', null)).description;
    expect(unknown?.splits.test).to.equal(undefined);
    expect(unknown?.ignored.map(({ path, reason }) => `${path}: ${reason}`)).to.include(
      'val/ILSVRC2012_val_00000001.JPEG: its class is not known',
    );
  });

  it('refuses a folder that holds something else', async () => {
    await prepare('out');
    expect((await rejection(prepare('out', { quality: 91 }))).message).to.include('another source or other options');
    await mkdir(join(root, 'full'));
    await writeFile(join(root, 'full', 'mine.txt'), '');
    expect((await rejection(prepare('full'))).message).to.include('is not empty (mine.txt)');
  });

  it('reduces the shorter side, and never enlarges', async () => {
    await write('train/a/large.jpg', await noise(5, 60, 40).jpeg().toBuffer());
    await prepare('out', { shorterSide: 20 });
    const { width, height } = await readIndex(join(root, 'out', 'train.index'));
    const sizes = Array.from(width, (each, row) => `${each}x${height[row]}`);
    expect(sizes.filter((size) => size === '30x20')).to.have.length(1);
    expect(sizes.filter((size) => size.endsWith('x10'))).to.have.length(10);
  });

  it('converts what TensorFlow or training cannot take, and counts it', async () => {
    await write('train/a/alpha.png', await noise(1, 8, 8, 4).png().toBuffer());
    await write('train/a/cmyk.jpg', await noise(2, 8, 8).toColourspace('cmyk').jpeg().toBuffer());
    await write('train/a/turned.jpg', await noise(3, 8, 6).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await write('train/a/deep.png', await noise(4, 8, 8).toColourspace('rgb16').png().toBuffer());
    await write('train/a/grey.jpg', await noise(5, 8, 8).toColourspace('b-w').jpeg().toBuffer());
    const { description } = await prepare('out');
    expect(description?.converted).to.deep.equal({ alpha: 1, cmyk: 1, orientation: 1, '16-bit': 1, 'not jpeg': 2 });
    expect(description?.unchanged).to.equal(13);
    const { width, height } = await readIndex(join(root, 'out', 'train.index'));
    const sizes = Array.from(width, (each, row) => `${each}x${height[row]}`);
    // The turned one stands upright now.
    expect(sizes).to.include('6x8');
    const shards = description!.splits.train.shards.map(({ file }) => join(root, 'out', file));
    const channels: number[] = [];
    for (const shard of shards) {
      for await (const { data } of readRecords(shard)) {
        const { feature } = tfrecord.Example.decode(data).features as unknown as {
          feature: Record<string, { bytesList?: { value: Buffer[] } }>;
        };
        const stored = await sharp(feature['image/encoded']!.bytesList!.value[0]!).metadata();
        expect(stored).to.include({ format: 'jpeg', depth: 'uchar', hasAlpha: false });
        channels.push(stored.channels);
      }
    }
    expect(channels.filter((each) => each === 1)).to.have.length(1);
    expect(channels.filter((each) => each === 3)).to.have.length(14);
  });

  describe('with files that cannot be used', () => {
    const damaged: readonly [string, () => Promise<Uint8Array>, RegExp][] = [
      ['empty.jpg', async () => Buffer.alloc(0), /the file is empty/],
      ['text.jpg', async () => Buffer.from('no image'), /unsupported image format/i],
      [
        'drawing.png',
        async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
        /svg is no format/,
      ],
      ['cut.jpg', async () => (await noise(1, 64, 64).jpeg().toBuffer()).subarray(0, 2000), /./],
      ['cut.png', async () => (await noise(1, 64, 64).png().toBuffer()).subarray(0, 2000), /./],
      ['bomb.png', bomb, /pixel/i],
    ];
    for (const [name, bytes, reason] of damaged) {
      it(`names ${name} and stops, or leaves it out and lists it`, async () => {
        await write(`train/b/${name}`, await bytes());
        const { code, message } = await rejection(prepare('out'));
        expect(code).to.equal('io');
        expect(message).to.include(`train/b/${name} cannot be used: `).and.include('--on-corrupt skip');
        const { description } = await prepare('out', { onCorrupt: 'skip' });
        expect(description?.skipped.map(({ path }) => path)).to.deep.equal([`train/b/${name}`]);
        expect(description?.skipped[0]?.reason).to.match(reason);
        expect(description?.splits.train.images).to.equal(10);
      });
    }
  });

  it('lists what it does not look at', async () => {
    await write('train/a/notes.txt', 'x');
    await write('train/loose.jpg', await noise(1, 8, 8).jpeg().toBuffer());
    await write('val/c/other.jpg', await noise(1, 8, 8).jpeg().toBuffer());
    await symlink('/nowhere', join(source, 'train/a/link.jpg'));
    const { description } = await prepare('out');
    expect(description?.ignored.map(({ path, reason }) => `${path}: ${reason}`).sort()).to.deep.equal([
      'train/a/link.jpg: a link that leads to no file',
      'train/a/notes.txt: not named as an image',
      'train/loose.jpg: in no class folder',
      'val/c/other.jpg: its class has no training images',
    ]);
    // Nor are the lists that were read, of names and of the classes of a flat folder.
    await rm(join(source, 'val'), { recursive: true });
    await write('val/one.jpg', await noise(1, 8, 8).jpeg().toBuffer());
    await write('val.txt', 'one.jpg a\n');
    const flat = (await prepare('flat')).description;
    expect(flat?.splits.test?.images).to.equal(1);
    expect(flat?.ignored.map(({ path }) => path)).to.not.include.members(['val.txt']);
  });

  it('sets images of each class apart, which then are the validation images', async () => {
    const { description } = await prepare('out', { heldOutPerClass: 2 });
    expect(description?.splits.heldout?.images).to.equal(4);
    const request = { directory: join(root, 'out'), seed: 1, resolution: 8, classes: 2, resize: null };
    const data = await loadImageFolder({ ...request, validationImages: 4 });
    expect(Array.from(data.validation.labels).sort()).to.deep.equal([0, 0, 1, 1]);
    expect(data.train.count).to.equal(6);
    expect((await data.loadTest()).count).to.equal(2);
    expect(data.classes).to.deep.equal(['an apple', 'a ball']);
    expect((await rejection(loadImageFolder({ ...request, validationImages: 5 }))).message).to.include(
      'allowed: 1 to 4',
    );
    expect((await rejection(loadImageFolder({ ...request, validationImages: 4, classes: 3 }))).message).to.include(
      `${request.directory} has 2 classes, the network tells 3 apart`,
    );
    expect((await rejection(prepare('all', { heldOutPerClass: 5 }))).message).to.include('allowed: 0 to 4');
  });

  it('reads the tree itself as the same data set', async () => {
    await prepare('out');
    const request = { seed: 1, resolution: 8, classes: 2, resize: null, validationImages: 2 };
    const prepared = await loadImageFolder({ ...request, directory: join(root, 'out') });
    const tree = await loadImageFolder({ ...request, directory: source });
    const summary = (data: typeof tree) => [data.train.count, data.validation.count, data.classes];
    expect(summary(tree)).to.deep.equal(summary(prepared));
    expect(tree.validation.labels.length).to.equal(2);
  });

  it('finds damage to the index and to the sizes of shards when the folder is loaded', async () => {
    const { description } = await prepare('out');
    const request = {
      directory: join(root, 'out'),
      seed: 1,
      resolution: 8,
      classes: 2,
      resize: null,
      validationImages: 2,
    };
    const index = join(root, 'out', 'train.index');
    const bytes = await readFile(index);
    for (const place of [3, 70, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[place]! ^= 1;
      await writeFile(index, changed);
      expect((await rejection(loadImageFolder(request))).message, `byte ${place}`).to.include('train.index is damaged');
    }
    await writeFile(index, bytes);
    const shard = join(root, 'out', description!.splits.train.shards[1]!.file);
    await writeFile(shard, (await readFile(shard)).subarray(1));
    expect((await rejection(loadImageFolder(request))).message).to.match(
      /train-00001-of-00003\.tfrecord has \d+ bytes/,
    );
  });
});

/** A PNG of a few bytes that claims 40,000 x 40,000 pixels. */
async function bomb(): Promise<Uint8Array> {
  const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  png.writeUInt32BE(40_000, 16);
  png.writeUInt32BE(40_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

/** PNG's own checksum (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
