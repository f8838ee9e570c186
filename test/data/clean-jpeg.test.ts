import { expect } from 'chai';
import sharp from 'sharp';
import { isCleanJpeg } from '../../src/data/clean-jpeg.ts';
import { createStream } from '../../src/random/stream.ts';

/** Noise that changes slowly, so that its data are as varied as a photograph's. */
async function picture(seed: number, grey: boolean, progressive: boolean): Promise<Buffer> {
  const stream = createStream(seed, 'clean-jpeg');
  const small = Buffer.from(Array.from({ length: 10 * 8 * 3 }, () => stream.integer(256)));
  const image = sharp(small, { raw: { width: 10, height: 8, channels: 3 } }).resize(80, 64, { kernel: 'cubic' });
  return (grey ? image.toColourspace('b-w') : image).jpeg({ quality: 85, progressive }).toBuffer();
}

const sharpTakes = (bytes: Buffer): Promise<boolean> =>
  sharp(bytes, { failOn: 'error' })
    .raw()
    .toBuffer()
    .then(
      () => true,
      () => false,
    );

describe('isCleanJpeg', () => {
  for (const grey of [false, true]) {
    for (const progressive of [false, true]) {
      it(`takes a whole ${progressive ? 'progressive' : 'baseline'} ${grey ? 'grey' : 'colour'} JPEG, and none cut off or with a part overwritten`, async () => {
        const jpeg = await picture(1, grey, progressive);
        expect(await isCleanJpeg(jpeg)).to.equal(true);
        for (let share = 0; share < 20; share++) {
          const place = Math.floor((jpeg.length * share) / 20);
          expect(await isCleanJpeg(jpeg.subarray(0, place)), `cut at ${place}`).to.equal(false);
        }
        const middle = Math.floor(jpeg.length / 2);
        const damaged = Buffer.from(jpeg).fill(0xff, middle, middle + 40);
        expect(await isCleanJpeg(damaged)).to.equal(false);
      });
    }
  }

  it('takes nothing that sharp does not take', async () => {
    const stream = createStream(7, 'damage');
    let [clean, refused] = [0, 0];
    for (let trial = 0; trial < 400; trial++) {
      const bytes = await picture(trial % 8, trial % 2 === 1, trial % 3 === 0);
      const place = 2 + stream.integer(bytes.length - 2);
      if (trial % 4 === 0) bytes.subarray(place, place + 1 + stream.integer(50)).fill(stream.integer(256));
      else bytes[place]! ^= 1 << stream.integer(8);
      if (await isCleanJpeg(bytes)) {
        clean += 1;
        expect(await sharpTakes(bytes), `trial ${trial}`).to.equal(true);
      } else if (!(await sharpTakes(bytes))) refused += 1;
    }
    // Both happen often enough to mean something.
    expect(clean).to.be.greaterThan(50);
    expect(refused).to.be.greaterThan(5);
  });
});
