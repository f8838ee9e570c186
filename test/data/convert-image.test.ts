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

/** Mean absolute difference of two images, of 255. */
async function difference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [first, second] = await Promise.all([one, other].map((bytes) => sharp(bytes).raw().toBuffer()));
  return first!.reduce((sum, value, index) => sum + Math.abs(value - second![index]!), 0) / first!.length;
}

describe('convertImage', () => {
  for (const grey of [false, true]) {
    for (const progressive of [false, true]) {
      it(`makes the same of a ${progressive ? 'progressive' : 'baseline'} ${grey ? 'grey' : 'colour'} JPEG whether it looks at its metadata or not`, async () => {
        const plain = await picture(90, 64, grey, progressive);
        expect(readPlainJpeg(plain)).to.deep.equal({
          width: 90,
          height: 64,
          channels: grey ? 1 : 3,
          ordinary: !grey && !progressive,
        });
        // XMP stands in the same segment as Exif, and says nothing of how the image stands.
        const marked = withSegment(plain, 0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>'));
        expect(readPlainJpeg(marked)).to.equal(null);
        for (const shorterSide of [null, 64, 40, 16]) {
          const { jpeg, ...one } = await convertImage(plain, { shorterSide, quality: 90 });
          const { jpeg: other, ...two } = await convertImage(marked, { shorterSide, quality: 90 });
          expect(one).to.deep.equal(two);
          expect(one.channels).to.equal(grey ? 1 : 3);
          if (one.unchanged) expect(jpeg).to.equal(plain);
          // Others go past sharp, which for the smallest decodes at a quarter of the size.
          else if (grey || progressive) expect(Buffer.compare(jpeg, other), String(shorterSide)).to.equal(0);
          else expect(await difference(jpeg, other), String(shorterSide)).to.be.below(shorterSide === 16 ? 6 : 2.5);
        }
      });
    }
  }

  it('gives every image the size that sharp gives it', async () => {
    for (const [width, height] of [
      [90, 64],
      [64, 90],
      [101, 67],
      [333, 41],
      [41, 250],
      [60, 60],
    ] as const) {
      const jpeg = await picture(width, height, false, false);
      for (const shorterSide of [40, 33, 17, 1]) {
        const stored = await convertImage(jpeg, { shorterSide, quality: 90 });
        const { info } = await sharp(jpeg)
          .resize({ width: shorterSide, height: shorterSide, fit: 'outside' })
          .toBuffer({ resolveWithObject: true });
        expect([stored.width, stored.height], `${width}x${height} to ${shorterSide}`).to.deep.equal([
          info.width,
          info.height,
        ]);
        const { width: own, height: ownHeight } = await sharp(stored.jpeg).metadata();
        expect([own, ownHeight]).to.deep.equal([info.width, info.height]);
      }
    }
  });

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
    expect(readPlainJpeg(jpeg)).to.deep.equal({ width: 30, height: 20, channels: 3, ordinary: true });
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
