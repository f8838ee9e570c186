import { expect } from 'chai';
import { isCleanJpeg } from '../../src/data/clean-jpeg.ts';
import { createStream } from '../../src/random/stream.ts';
import { damaged, photograph, sharpTakes } from './photograph.ts';

const picture = (seed: number, grey: boolean, progressive: boolean): Promise<Buffer> =>
  photograph(seed, { grey, progressive });

describe('isCleanJpeg', () => {
  for (const grey of [false, true]) {
    for (const progressive of [false, true]) {
      it(`takes a whole ${progressive ? 'progressive' : 'baseline'} ${grey ? 'grey' : 'colour'} JPEG, and none cut off or with a part overwritten`, async () => {
        const jpeg = await picture(1, grey, progressive);
        expect(isCleanJpeg(jpeg)).to.equal(true);
        for (let share = 0; share < 20; share++) {
          const place = Math.floor((jpeg.length * share) / 20);
          expect(isCleanJpeg(jpeg.subarray(0, place)), `cut at ${place}`).to.equal(false);
        }
        const middle = Math.floor(jpeg.length / 2);
        const overwritten = Buffer.from(jpeg).fill(0xff, middle, middle + 40);
        expect(isCleanJpeg(overwritten)).to.equal(false);
      });
    }
  }

  it('takes nothing that sharp does not take', async () => {
    const stream = createStream(7, 'damage');
    let [clean, refused] = [0, 0];
    for (let trial = 0; trial < 400; trial++) {
      const bytes = damaged(await picture(trial % 8, trial % 2 === 1, trial % 3 === 0), stream);
      if (isCleanJpeg(bytes)) {
        clean += 1;
        expect(await sharpTakes(bytes), `trial ${trial}`).to.equal(true);
      } else if (!(await sharpTakes(bytes))) refused += 1;
    }
    // Both happen often enough to mean something.
    expect(clean).to.be.greaterThan(50);
    expect(refused).to.be.greaterThan(5);
  });
});
