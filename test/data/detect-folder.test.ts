import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { detectFolder } from '../../src/data/detect-folder.ts';
import { prepareImages } from '../../src/data/prepare.ts';
import { rejection } from '../training/temporary.ts';

describe('detectFolder', () => {
  let root: string;
  const image = async (path: string, width: number, height: number): Promise<void> => {
    const place = join(root, path);
    await mkdir(join(place, '..'), { recursive: true });
    const create = { width, height, channels: 3, background: '#336699' } as const;
    await writeFile(
      place,
      await sharp({ create })
        .toFormat(path.endsWith('png') ? 'png' : 'jpeg')
        .toBuffer(),
    );
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-detect-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('knows train/<class>, <class>, and the layout of Tiny ImageNet, by the first image of each class', async () => {
    await image('split/train/a/1.jpg', 50, 40);
    await image('split/train/b/1.JPEG', 60, 70);
    await image('split/val/a/1.jpg', 10, 10);
    await image('plain/a/1.png', 30, 20);
    await image('tiny/train/n01/images/n01_0.JPEG', 64, 64);
    await mkdir(join(root, 'plain', '.hidden'));
    const unknown = { images: null, heldOut: null };
    expect(await detectFolder(join(root, 'split'))).to.deep.equal({
      description: 'train/<class> folders',
      classes: 2,
      shorterSide: 60,
      ...unknown,
    });
    expect(await detectFolder(join(root, 'plain'))).to.deep.equal({
      description: 'folders of classes',
      classes: 1,
      shorterSide: 20,
      ...unknown,
    });
    expect(await detectFolder(join(root, 'tiny'))).to.include({ classes: 1, shorterSide: 64 });
  });

  it('knows a prepared folder with its counts, and one that is not done yet', async () => {
    for (const name of ['a', 'b']) for (const number of [1, 2, 3]) await image(`tree/${name}/${number}.jpg`, 40, 30);
    const prepare = (out: string, interrupted = false) =>
      prepareImages(
        join(root, 'tree'),
        join(root, out),
        {
          shorterSide: null,
          quality: 90,
          heldOutPerClass: 1,
          seed: 1,
          shards: 1,
          onCorrupt: 'fail',
          validationList: null,
        },
        { notice: () => {}, interrupted: () => interrupted },
      );
    await prepare('done');
    expect(await detectFolder(join(root, 'done'))).to.deep.equal({
      description: 'a prepared data set',
      classes: 2,
      shorterSide: 30,
      images: 4,
      heldOut: 2,
    });
    await prepare('begun', true);
    const error = await rejection(detectFolder(join(root, 'begun')));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('not fully prepared');
  });

  it('finds nothing in a file, in what is not there, and in folders without images', async () => {
    await writeFile(join(root, 'file'), 'x');
    await mkdir(join(root, 'texts', 'a'), { recursive: true });
    await writeFile(join(root, 'texts', 'a', 'notes.txt'), 'x');
    await writeFile(join(root, 'texts', 'a', 'broken.jpg'), 'no JPEG');
    for (const name of ['file', 'nowhere', 'texts']) expect(await detectFolder(join(root, name)), name).to.equal(null);
  });
});
