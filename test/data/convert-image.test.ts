import { expect } from 'chai';
import sharp from 'sharp';
import { convertImage } from '../../src/data/convert-image.ts';
import { readPlainJpeg } from '../../src/data/plain-jpeg.ts';
import { createStream } from '../../src/random/stream.ts';

/** A picture with flat parts and edges, as a JPEG. */
async function picture(width: number, height: number, grey: boolean, progressive: boolean): Promise<Buffer> {
  const stream = createStream(width * height, 'picture');
  const pixels = Buffer.alloc(width * height * 3, 90);
  for (let box = 0; box < 20; box++) {
    const [top, left] = [stream.integer(height), stream.integer(width)];
    const colour = [stream.integer(256), stream.integer(256), stream.integer(256)];
    for (let row = top; row < Math.min(height, top + 20); row++) {
      for (let column = left; column < Math.min(width, left + 30); column++) {
        pixels.set(colour, (row * width + column) * 3);
      }
    }
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  return (grey ? image.toColourspace('b-w') : image).jpeg({ quality: 85, progressive }).toBuffer();
}

/** With an empty segment of this marker behind the first two bytes. */
function withSegment(jpeg: Buffer, marker: number, content: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

describe('convertImage', () => {
  for (const grey of [false, true]) {
    for (const progressive of [false, true]) {
      it(`makes the same of a ${progressive ? 'progressive' : 'baseline'} ${grey ? 'grey' : 'colour'} JPEG whether it looks at its metadata or not`, async () => {
        const plain = await picture(90, 64, grey, progressive);
        expect(readPlainJpeg(plain)).to.deep.equal({ width: 90, height: 64, channels: grey ? 1 : 3 });
        // XMP stands in the same segment as Exif, and says nothing of how the image stands.
        const marked = withSegment(plain, 0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>'));
        expect(readPlainJpeg(marked)).to.equal(null);
        for (const shorterSide of [null, 64, 40, 16]) {
          const { jpeg, ...one } = await convertImage(plain, { shorterSide, quality: 90 });
          const { jpeg: other, ...two } = await convertImage(marked, { shorterSide, quality: 90 });
          expect(one).to.deep.equal(two);
          expect(one.channels).to.equal(grey ? 1 : 3);
          if (one.unchanged) expect(jpeg).to.equal(plain);
          else expect(Buffer.compare(jpeg, other), String(shorterSide)).to.equal(0);
        }
      });
    }
  }

  it('finds a plain JPEG that is cut off anywhere', async () => {
    const jpeg = await picture(90, 64, false, false);
    for (const shorterSide of [null, 40]) {
      for (let share = 1; share < 20; share++) {
        const cut = jpeg.subarray(0, Math.floor((jpeg.length * share) / 20));
        const error = await convertImage(cut, { shorterSide, quality: 90 }).then(
          () => null,
          (reason: Error) => reason,
        );
        expect(error?.message, `${share} of 20 parts`).to.be.a('string').and.not.equal('');
      }
    }
  });
});

describe('readPlainJpeg', () => {
  it('takes no image that must be turned, has a profile, other colours or more bits, and nothing that is no JPEG', async () => {
    const jpeg = await picture(30, 20, false, false);
    expect(readPlainJpeg(jpeg)).to.deep.equal({ width: 30, height: 20, channels: 3 });
    expect(readPlainJpeg(withSegment(jpeg, 0xfe, Buffer.from('a comment')))).to.not.equal(null);
    for (const marker of [0xe1, 0xe2, 0xee, 0xc9]) {
      expect(readPlainJpeg(withSegment(jpeg, marker, Buffer.from('whatever'))), marker.toString(16)).to.equal(null);
    }
    const turned = await sharp(jpeg).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const cmyk = await sharp(jpeg).toColourspace('cmyk').jpeg().toBuffer();
    const png = await sharp(jpeg).png().toBuffer();
    for (const other of [turned, cmyk, png, Buffer.alloc(0), Buffer.from('no image')]) {
      expect(readPlainJpeg(other)).to.equal(null);
    }
    for (let length = 0; length < 200; length++) {
      expect(readPlainJpeg(jpeg.subarray(0, length)), `${length} bytes`).to.equal(null);
    }
  });
});
