import { expect } from 'chai';
import sharp from 'sharp';
import { endsWhole, readPlainJpeg } from '../../src/data/plain-jpeg.ts';
import { canReduceJpegs, reduceJpeg } from '../../src/data/reduce-jpeg.ts';
import { createStream } from '../../src/random/stream.ts';
import { damaged, photograph, sharpTakes } from './photograph.ts';

const size = { width: 45, height: 36, quality: 95 };

describe('reduceJpeg', () => {
  it('has its libraries', () => {
    expect(canReduceJpegs()).to.equal(true);
  });

  for (const chromaSubsampling of ['4:2:0', '4:4:4'] as const) {
    it(`makes of a JPEG with chroma ${chromaSubsampling} the picture that sharp makes of it`, async () => {
      for (const width of [90, 91]) {
        const jpeg = await photograph(1, { width, height: width - 18, chromaSubsampling });
        const own = await sharp(reduceJpeg(jpeg, size)!).raw().toBuffer({ resolveWithObject: true });
        const encoded = await sharp(jpeg)
          .resize(size.width, size.height, { fit: 'fill' })
          .jpeg({ quality: size.quality, chromaSubsampling: '4:2:0' })
          .toBuffer();
        const theirs = await sharp(encoded).raw().toBuffer();
        expect(own.info).to.include({ width: size.width, height: size.height, channels: 3 });
        const differences = own.data.reduce((sum, value, index) => sum + Math.abs(value - theirs[index]!), 0);
        const bias = own.data.reduce((sum, value, index) => sum + value - theirs[index]!, 0);
        // Saturated colours, which Lanczos' kernel takes beyond black and white; photographs differ by 0.3 before they are encoded.
        expect(differences / theirs.length).to.be.below(2.5);
        expect(Math.abs(bias / theirs.length)).to.be.below(0.25);
      }
    });
  }

  it('gives the same bytes each time', async () => {
    const jpeg = await photograph(2);
    expect(reduceJpeg(jpeg, size)!.equals(reduceJpeg(Buffer.from(jpeg), size)!)).to.equal(true);
  });

  it('leaves to sharp what is cut off, and takes nothing that sharp does not take', async () => {
    const stream = createStream(7, 'damage');
    let [taken, refused] = [0, 0];
    for (let trial = 0; trial < 400; trial++) {
      const whole = await photograph(trial % 8);
      expect(reduceJpeg(whole.subarray(0, stream.integer(whole.length)), size), `cut, trial ${trial}`).to.equal(null);
      const bytes = damaged(whole, stream);
      if (readPlainJpeg(bytes)?.ordinary !== true) continue;
      if (reduceJpeg(bytes, size) !== null) {
        taken += 1;
        expect(await sharpTakes(bytes), `trial ${trial}`).to.equal(true);
      } else if (!(await sharpTakes(bytes))) refused += 1;
    }
    // Both happen often enough to mean something.
    expect(taken).to.be.greaterThan(50);
    expect(refused).to.be.greaterThan(3);
  });
});

describe('endsWhole', () => {
  for (const progressive of [false, true]) {
    it(`takes a whole ${progressive ? 'progressive' : 'baseline'} JPEG, with bytes behind it too, and none cut off anywhere`, async () => {
      const jpeg = await photograph(3, { progressive });
      expect(endsWhole(jpeg)).to.equal(true);
      expect(endsWhole(Buffer.concat([jpeg, Buffer.from('more')]))).to.equal(true);
      for (let length = 0; length < jpeg.length; length++) {
        expect(endsWhole(jpeg.subarray(0, length)), `${length} bytes`).to.equal(false);
      }
    });
  }
});

describe('an ordinary JPEG', () => {
  /** Rewrites byte `offset` of the segment that begins the frame. */
  const withFrame = (jpeg: Buffer, changes: Readonly<Record<number, number>>): Buffer => {
    const copy = Buffer.from(jpeg);
    const frame = copy.indexOf(Buffer.from([0xff, 0xc0]));
    for (const [offset, value] of Object.entries(changes)) copy[frame + Number(offset)] = value;
    return copy;
  };

  it('is not progressive, has components 1, 2 and 3, and chroma at the resolution of luma or at half of it', async () => {
    const jpeg = await photograph(4);
    expect(readPlainJpeg(jpeg)?.ordinary).to.equal(true);
    // Marker and length 4, bits, height and width 5, number of components 1; then number, sampling and table of each.
    const letters = withFrame(jpeg, { 10: 82, 13: 71, 16: 66 });
    const quarter = withFrame(jpeg, { 11: 0x41 });
    const unusual = withFrame(jpeg, { 14: 0x21 });
    for (const other of [letters, quarter, unusual]) expect(readPlainJpeg(other)?.ordinary).to.equal(false);
    expect(readPlainJpeg(withFrame(jpeg, { 11: 0x21 }))?.ordinary).to.equal(true);
    expect(readPlainJpeg(await photograph(4, { progressive: true }))?.ordinary).to.equal(false);
    expect(readPlainJpeg(await photograph(4, { grey: true }))?.ordinary).to.equal(false);
  });
});
