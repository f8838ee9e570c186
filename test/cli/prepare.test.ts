import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { photograph } from '../data/photograph.ts';
import { commandLine } from './command-line.ts';

describe('cli/prepare and cli/data', () => {
  const { folder, run } = commandLine();
  let source: string;
  let out: string;

  beforeEach(async () => {
    source = join(folder(), 'photographs');
    out = join(folder(), 'prepared');
    for (const [index, place] of ['train/cat', 'train/dog', 'val/cat', 'val/dog'].entries()) {
      await mkdir(join(source, place), { recursive: true });
      for (const image of [0, 1, 2]) {
        await writeFile(join(source, place, `${image}.jpg`), await photograph(10 * index + image));
      }
    }
  });

  it('prepares, says what came of it and what is next, and does nothing the second time', async () => {
    const { code, stdout, stderr } = await run(`prepare ${source} ${out} --shorter-side 32 --hold-out 1 --shards 2`);
    expect(stderr).to.include('2 classes; images: 4 train, 2 heldout, 6 test').and.include('12 of 12 images');
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^train {3}4 images in 2 shards, 0\.0 MB\nheldout 2 images/)
      .and.to.include(`Prepared in ${out}.\nNext: greedynas train-supernet --data ${out} --run <name>`);
    expect(await readdir(out)).to.include.members(['dataset.json', 'train.index', 'heldout.index', 'test.index']);
    const again = await run(`prepare ${source} ${out} --shorter-side 32 --hold-out 1 --shards 2 --json`);
    expect(again.code).to.equal(0);
    expect(JSON.parse(again.stdout)).to.include({ end: 'complete', done: 0, before: 12 });
  });

  it('names what is wrong with its words and flags, and makes no folder', async () => {
    for (const [words, message] of [
      [`prepare ${source}`, 'prepare takes two words: greedynas prepare SOURCE OUT'],
      [`prepare ${source} ${out} more`, 'prepare takes two words'],
      [
        `prepare ${source} ${out} --shorter-side 7`,
        '--shorter-side 7, allowed: a whole number from 8 to 65535, or keep',
      ],
      [`prepare ${source} ${out} --quality best`, '--quality best, allowed: a whole number from 1 to 100'],
      [`prepare ${source} ${out} --shards 0`, '--shards 0, allowed: a whole number from 1'],
      [`prepare ${source} ${out} --hold-out 3`, '--hold-out 3: class cat has 3 training images, allowed: 0 to 2'],
      [`prepare ${join(folder(), 'gone')} ${out}`, 'nothing is there, allowed: a folder of images by class, or a tar'],
    ] as const) {
      const { code, stdout, stderr } = await run(words);
      expect([code, stdout], words).to.deep.equal([2, '']);
      expect(stderr, words).to.include(message);
    }
    expect(await readdir(folder())).to.not.include('prepared');
  });

  it('stops at an image that is cut off, with its name, or lists it', async () => {
    await truncate(join(source, 'train/dog/1.jpg'), 900);
    const stopped = await run(`prepare ${source} ${out} --shorter-side 32`);
    expect(stopped).to.deep.include({ code: 4, stdout: '' });
    expect(stopped.stderr).to.include(`${join(source, 'train/dog/1.jpg')} cannot be used: VipsJpeg: premature end`);
    const skipped = await run(`prepare ${source} ${out} --shorter-side 32 --on-corrupt skip`);
    expect(skipped.code).to.equal(0);
    expect(skipped.stdout).to.include('1 image could not be used:\n  train/dog/1.jpg: VipsJpeg: premature end');
    expect(JSON.parse((await run(`data inspect ${out} --json`)).stdout)).to.include({ images: 11 });
  });

  it('inspects a tree and a prepared folder alike, and exits with 4 where an image is broken', async () => {
    await run(`prepare ${source} ${out} --shorter-side keep`);
    const sheet = join(folder(), 'sheet.png');
    const tree = JSON.parse((await run(`data inspect ${source} --json`)).stdout);
    const prepared = await run(`data inspect ${out} --json --sheet ${sheet}`);
    expect(prepared.code).to.equal(0);
    const found = JSON.parse(prepared.stdout);
    expect(found.images).to.equal(12);
    expect(found.mean).to.deep.equal(tree.mean);
    expect(found.sheet).to.equal(sheet);
    expect(await readdir(folder())).to.include('sheet.png');
    await truncate(join(source, 'train/dog/1.jpg'), 900);
    const broken = await run(`data inspect ${source}`);
    expect(broken.code).to.equal(4);
    expect(broken.stdout).to.include('train/dog/1.jpg');
    for (const words of ['data inspect', `data look ${source}`]) {
      const { code, stderr } = await run(words);
      expect(code, words).to.equal(2);
      expect(stderr, words).to.include('data takes two words: greedynas data inspect FOLDER');
    }
    expect((await run(`data inspect ${source} --seed -1`)).code).to.equal(2);
  });
});
