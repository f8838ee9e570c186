import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { drawContactSheet, inspectFolder } from '../../src/data/inspect.ts';
import { prepareImages } from '../../src/data/prepare.ts';
import { inspectionSummary } from '../../src/report/inspection-summary.ts';

describe('inspectFolder', () => {
  let root: string;
  let prepared: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-inspect-'));
    prepared = join(root, 'prepared');
    for (const [folder, background, images] of [
      ['red', '#ff0000', 3],
      ['black', '#000000', 1],
    ] as const) {
      await mkdir(join(root, 'tree', folder), { recursive: true });
      for (let image = 0; image < images; image++) {
        const create = { width: 20 + image, height: 30, channels: 3, background } as const;
        await writeFile(join(root, 'tree', folder, `${image}.png`), await sharp({ create }).png().toBuffer());
      }
    }
    await prepareImages(
      join(root, 'tree'),
      prepared,
      {
        shorterSide: null,
        quality: 100,
        heldOutPerClass: 0,
        seed: 1,
        shards: 1,
        onCorrupt: 'fail',
        validationList: null,
      },
      { notice: () => {}, interrupted: () => false },
    );
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('counts images by class, and finds sizes and colours, of a tree and of a prepared folder', async () => {
    for (const directory of [join(root, 'tree'), prepared]) {
      const found = await inspectFolder(directory);
      expect(found.classes.map(({ folder, train }) => [folder, train])).to.deep.equal([
        ['black', 1],
        ['red', 3],
      ]);
      expect(found.shorterSide).to.deep.equal([20, 21, 22]);
      expect(found.longerSide).to.deep.equal([30, 30, 30]);
      // Three of four images are red: p = 3/4, whose deviation is sqrt(p (1 − p)).
      expect(found.mean[0]).to.be.closeTo(0.75, 0.01);
      expect(found.std[0]).to.be.closeTo(Math.sqrt(3) / 4, 0.01);
      expect(found.mean[1]).to.be.below(0.01);
      expect(found.broken).to.deep.equal([]);
      expect(inspectionSummary(found, null)).to.include('4 images of 2 classes').and.include('none is broken');
    }
  });

  it('names broken records and goes on', async () => {
    const shard = join(prepared, 'train-00000-of-00001.tfrecord');
    const bytes = await readFile(shard);
    try {
      const damaged = Buffer.from(bytes);
      damaged[100]! ^= 1;
      await writeFile(shard, damaged);
      const found = await inspectFolder(prepared);
      expect(found.broken).to.have.length(1);
      expect(found.broken[0]?.path).to.equal(`${shard}, record at byte 0`);
      expect(found.broken[0]?.reason).to.include('the CRC of its data is wrong');
      expect(inspectionSummary(found, null)).to.include('1 broken:');
    } finally {
      await writeFile(shard, bytes);
    }
  });

  it('draws a sheet of crops', async () => {
    const crop = { area: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
    const png = await drawContactSheet(prepared, { seed: 1, crop, flip: true });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).to.deep.equal([782, 586]);
    const redOf = (tile: number) => data[(40 * info.width + tile * 98 + 40) * info.channels]!;
    const tiles = [0, 1, 2, 3].map(redOf).sort((a, b) => a - b);
    expect(tiles[0]).to.be.below(10);
    expect(tiles[1]).to.be.above(240);
  });
});
