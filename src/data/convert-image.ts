/** An image file of any kind to the JPEG that is stored: upright, 8 bits, grey or RGB, its shorter side reduced. */
import sharp from 'sharp';

export interface ConversionOptions {
  /** Pixels that the shorter side is reduced to, never enlarged; null keeps the size. */
  readonly shorterSide: number | null;
  /** 1 … 100, of JPEGs that are written anew. */
  readonly quality: number;
}

/** What had to be done to an image beyond reducing it. */
export const conversionKinds = ['cmyk', 'alpha', 'orientation', '16-bit', 'not jpeg'] as const;
export type ConversionKind = (typeof conversionKinds)[number];

export interface StoredImage {
  readonly jpeg: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly kinds: readonly ConversionKind[];
  /** Whether the file's own bytes are stored. */
  readonly unchanged: boolean;
}

/** An image that cannot be used; the message says why, for a list of them. */
export class UnusableImage extends Error {}

/** More would be a decompression bomb: the largest image of ImageNet has 47 million. */
const mostPixels = 100_000_000;

const formats = ['jpeg', 'png', 'gif', 'webp', 'tiff', 'heif'];

/**
 * A JPEG that needs no change is checked by decoding it and keeps its bytes. Transparency is laid on white. The result is
 * a function of (bytes, options, sharp's version).
 *
 * @throws UnusableImage if it is empty, cut off, damaged, too large, or no image
 */
export async function convertImage(bytes: Uint8Array, options: ConversionOptions): Promise<StoredImage> {
  if (bytes.length === 0) throw new UnusableImage('the file is empty');
  // Not `warning`, at which stray bytes between JPEG segments fail, as a few of ImageNet's files have them.
  const open = () => sharp(bytes, { limitInputPixels: mostPixels, failOn: 'error', sequentialRead: true });
  const metadata = await explained(() => open().metadata());
  const { width, height, format } = metadata;
  if (!formats.includes(format))
    throw new UnusableImage(`${format} is no format of photographs (${formats.join(', ')})`);
  if (width * height > mostPixels) {
    throw new UnusableImage(`${width}x${height} are ${width * height} pixels, more than ${mostPixels}`);
  }
  const kinds: ConversionKind[] = [];
  if (metadata.space === 'cmyk') kinds.push('cmyk');
  if (metadata.hasAlpha) kinds.push('alpha');
  if ((metadata.orientation ?? 1) !== 1) kinds.push('orientation');
  if (metadata.depth !== 'uchar') kinds.push('16-bit');
  if (format !== 'jpeg') kinds.push('not jpeg');
  const shorter = Math.min(width, height);
  const reduces = options.shorterSide !== null && shorter > options.shorterSide;
  if (kinds.length === 0 && !reduces) {
    const { info } = await explained(() => open().raw().toBuffer({ resolveWithObject: true }));
    return { jpeg: bytes, width, height, channels: info.channels, kinds, unchanged: true };
  }
  let image = open().rotate();
  if (metadata.hasAlpha) image = image.flatten({ background: '#ffffff' });
  if (reduces) {
    const side = options.shorterSide!;
    image = image.resize({ width: side, height: side, fit: 'outside', withoutEnlargement: true });
  }
  const grey = metadata.channels <= 2 && !metadata.space.includes('rgb');
  image = image.toColourspace(grey ? 'b-w' : 'srgb').jpeg({ quality: options.quality, chromaSubsampling: '4:2:0' });
  const { data, info } = await explained(() => image.toBuffer({ resolveWithObject: true }));
  return { jpeg: data, width: info.width, height: info.height, channels: info.channels, kinds, unchanged: false };
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new UnusableImage(reason, { cause: error });
  }
}
