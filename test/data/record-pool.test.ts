import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openRecordPool } from '../../src/data/record-pool.ts';
import { GreedynasError } from '../../src/errors.ts';
import { rejection } from '../training/temporary.ts';
import { photograph } from './photograph.ts';

describe('openRecordPool', () => {
  let root: string;
  const options = { shorterSide: 32, quality: 90, classes: [{ folder: 'a', text: 'an apple' }] };
  const labelled = (path: string, size: number) => ({ file: { path, size, start: 0 }, label: 0 });
  const batches: ReturnType<typeof labelled>[][] = [];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-pool-'));
    for (let batch = 0; batch < 7; batch++) {
      const images = [];
      for (let image = 0; image < 3; image++) {
        // Some are smaller than they are to be, and kept; each batch has one that cannot be used.
        const bytes =
          image === 1 ? Buffer.from('no image') : await photograph(10 * batch + image, { width: 25 + 9 * batch });
        const path = `${batch}-${image}.jpg`;
        await writeFile(join(root, path), bytes);
        images.push(labelled(path, bytes.length));
      }
      batches.push(images);
    }
  });
  after(() => rm(root, { recursive: true, force: true }));

  const made = async (threads: number) => {
    const pool = await openRecordPool(root, options, threads);
    try {
      return await Promise.all(batches.map((batch) => pool.make(batch)));
    } finally {
      await pool.close();
    }
  };

  it('makes the same records in threads as without, in their order, and says which image cannot be used', async () => {
    const here = await made(0);
    const there = await made(2);
    expect(there.length).to.equal(here.length);
    for (const [index, { images, records }] of here.entries()) {
      expect(there[index]!.images).to.deep.equal(images);
      expect(Buffer.compare(there[index]!.records, records)).to.equal(0);
      expect(images[1])
        .to.have.keys('path', 'reason')
        .and.include({ path: `${index}-1.jpg` });
      const bytes = images.reduce((sum, image) => sum + ('bytes' in image ? image.bytes : 0), 0);
      expect(bytes).to.equal(records.length).and.to.be.greaterThan(0);
    }
  });

  for (const threads of [0, 2]) {
    it(`fails with the name of a file that is not there, and goes on (${threads} threads)`, async () => {
      const pool = await openRecordPool(root, options, threads);
      try {
        const error = await rejection(pool.make([labelled('gone.jpg', 10)]));
        expect(error).to.be.instanceOf(GreedynasError).and.include({ code: 'io' });
        expect(error.message).to.contain(join(root, 'gone.jpg'));
        expect((await pool.make(batches[0]!)).images).to.have.length(3);
      } finally {
        await pool.close();
      }
    });

    it(`fails for a source that is not there (${threads} threads)`, async () => {
      const error = await rejection(
        openRecordPool(join(root, 'gone'), options, threads).then(async (pool) => {
          try {
            return await pool.make(batches[0]!);
          } finally {
            await pool.close();
          }
        }),
      );
      expect(error).to.be.instanceOf(GreedynasError).and.include({ code: 'usage' });
    });
  }
});
