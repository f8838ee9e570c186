/** JPEGs for tests whose data are as varied as a photograph's, and what can happen to them. */
import sharp from 'sharp';
import { createStream, type RandomStream } from '../../src/random/stream.ts';

export interface PhotographOptions {
  readonly width?: number;
  readonly height?: number;
  readonly grey?: boolean;
  readonly progressive?: boolean;
  readonly chromaSubsampling?: '4:4:4' | '4:2:0';
}

/** Noise that changes slowly. */
export async function photograph(
  seed: number,
  { width = 80, height = 64, grey = false, progressive = false, chromaSubsampling = '4:2:0' }: PhotographOptions = {},
): Promise<Buffer> {
  const stream = createStream(seed, 'photograph');
  const small = Buffer.from(Array.from({ length: 10 * 8 * 3 }, () => stream.integer(256)));
  const image = sharp(small, { raw: { width: 10, height: 8, channels: 3 } }).resize(width, height, {
    kernel: 'cubic',
    fit: 'fill',
  });
  return (grey ? image.toColourspace('b-w') : image).jpeg({ quality: 85, progressive, chromaSubsampling }).toBuffer();
}

/** The same bytes with one bit turned over, or one time in four with up to 50 bytes overwritten. */
export function damaged(bytes: Buffer, stream: RandomStream): Buffer {
  const copy = Buffer.from(bytes);
  const place = 2 + stream.integer(copy.length - 2);
  if (stream.integer(4) === 0) copy.subarray(place, place + 1 + stream.integer(50)).fill(stream.integer(256));
  else copy[place]! ^= 1 << stream.integer(8);
  return copy;
}

/** Whether sharp, as `prepare` uses it, calls it an image. */
export function sharpTakes(bytes: Buffer): Promise<boolean> {
  return sharp(bytes, { failOn: 'error' })
    .raw()
    .toBuffer()
    .then(
      () => true,
      () => false,
    );
}
