import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { prepareImages } from '../../src/data/prepare.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { killedAt } from './killed-at.ts';

describe('a preparation that is killed', () => {
  let root: string;
  let source: string;
  const prepare = (out: string) =>
    prepareImages(
      source,
      join(root, out),
      {
        shorterSide: 8,
        quality: 90,
        heldOutPerClass: 0,
        seed: 1,
        shards: 1,
        onCorrupt: 'skip',
        validationList: null,
      },
      { notice: () => {}, interrupted: () => false },
    );
  /** All that lies in a folder, hidden files included. */
  const contents = async (out: string) => {
    const names = (await readdir(join(root, out))).sort();
    return Promise.all(names.map(async (name) => [name, (await readFile(join(root, out, name))).toString('hex')]));
  };

  const work = (out: string) => join(root, out, '.preparing');
  const unlock = async (out: string): Promise<void> => {
    if (!existsSync(work(out))) return;
    for (const name of await readdir(work(out))) if (name.startsWith('lock.')) await rm(join(work(out), name));
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-killed-'));
    source = join(root, 'source');
    const stream = createStream(1, 'noise');
    for (const path of ['train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg']) {
      await mkdir(join(source, path, '..'), { recursive: true });
      const pixels = Buffer.from(Array.from({ length: 12 * 10 * 3 }, () => stream.integer(256)));
      await writeFile(
        join(source, path),
        await sharp(pixels, { raw: { width: 12, height: 10, channels: 3 } })
          .jpeg()
          .toBuffer(),
      );
    }
    await writeFile(join(source, 'train/b/2.jpg'), 'no image');
    await prepare('whole');
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('ends with the same bytes, and nothing else in its folder, whenever it was killed', async () => {
    const expected = await contents('whole');
    expect(expected.map(([name]) => name)).to.include.members(['dataset.json', 'test.index', 'train.index']);
    let moment = 0;
    for (; ; moment++) {
      const out = `killed-${moment}`;
      if (await killedAt(moment, () => prepare(out))) {
        // Here the process that was "killed" lives on, so its lock would hold.
        await unlock(out);
        await prepare(out);
        expect(await contents(out), `killed before change ${moment} of the disk`).to.deep.equal(expected);
      } else break;
    }
    // Two shards with their reports and indices, and the description.
    expect(moment).to.be.above(25);
  });

  it('keeps its folder to itself while it runs: a second one is told who works there, and ends as the first does', async () => {
    const [first, second] = await Promise.allSettled([prepare('shared'), prepare('shared')]);
    const refused = [first, second].filter((each) => each.status === 'rejected');
    expect(refused).to.have.length(1);
    expect(refused[0]!.reason).to.be.instanceOf(GreedynasError).and.include({ code: 'locked' });
    expect(refused[0]!.reason.message).to.match(
      /shared\/.preparing is in use by process \d+ .*: wait for it, or prepare into another folder$/,
    );
    expect(await contents('shared')).to.deep.equal(await contents('whole'));
    expect(await prepare('shared')).to.include({ end: 'complete', done: 0 });
  });
});
