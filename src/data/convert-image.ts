/** An image file of any kind to the JPEG that is stored: upright, 8 bits, grey or RGB, its shorter side reduced. */
import sharp, { type Sharp } from 'sharp';
import { isCleanJpeg } from './clean-jpeg.ts';
import { type PlainJpeg, readPlainJpeg } from './plain-jpeg.ts';
import { reduceJpeg } from './reduce-jpeg.ts';

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
 * a function of (bytes, options, versions of the libraries, `canReduceJpegs`).
 *
 * @throws UnusableImage if it is empty, cut off, damaged, too large, or no image
 */
export async function convertImage(bytes: Uint8Array, options: ConversionOptions): Promise<StoredImage> {
  if (bytes.length === 0) throw new UnusableImage('the file is empty');
  const plain = readPlainJpeg(bytes);
  if (plain !== null && plain.width * plain.height <= mostPixels) return convertPlain(bytes, plain, options);
  const metadata = await explained(() => opened(bytes).metadata());
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
  const reduces = isLarger(metadata, options);
  if (kinds.length === 0 && !reduces) return keep(bytes, metadata);
  let image = opened(bytes).rotate();
  if (metadata.hasAlpha) image = image.flatten({ background: '#ffffff' });
  if (reduces) image = reduced(image, options);
  const grey = metadata.channels <= 2 && !metadata.space.includes('rgb');
  return encode(image.toColourspace(grey ? 'b-w' : 'srgb'), options, kinds);
}

/**
 * The same for an image whose segments say that it is neither to be turned nor of other colours: reading them here and leaving those steps out
 * takes a quarter off sharp's time (measured), and gives the same bytes; most photographs can do without sharp altogether.
 */
async function convertPlain(bytes: Uint8Array, plain: PlainJpeg, options: ConversionOptions): Promise<StoredImage> {
  if (!isLarger(plain, options)) return keepPlain(bytes, plain);
  if (plain.ordinary) {
    const { width, height } = reducedSize(plain, options);
    const jpeg = reduceJpeg(bytes, { width, height, quality: options.quality });
    if (jpeg !== null) return { jpeg, width, height, channels: 3, kinds: [], unchanged: false };
  }
  const image = reduced(opened(bytes), options);
  // Without, a grey image would come out in colour.
  return encode(plain.channels === 1 ? image.toColourspace('b-w') : image, options, []);
}

function opened(bytes: Uint8Array): Sharp {
  // Not `warning`, at which stray bytes between JPEG segments fail, as a few of ImageNet's files have them.
  return sharp(bytes, { limitInputPixels: mostPixels, failOn: 'error', sequentialRead: true });
}

function isLarger(
  { width, height }: Pick<StoredImage, 'width' | 'height'>,
  { shorterSide }: ConversionOptions,
): boolean {
  return shorterSide !== null && Math.min(width, height) > shorterSide;
}

function reduced(image: Sharp, { shorterSide }: ConversionOptions): Sharp {
  return image.resize({ width: shorterSide!, height: shorterSide!, fit: 'outside', withoutEnlargement: true });
}

/** As sharp rounds it. */
function reducedSize(
  { width, height }: PlainJpeg,
  { shorterSide }: ConversionOptions,
): Pick<StoredImage, 'width' | 'height'> {
  const factor = Math.min(width, height) / shorterSide!;
  return { width: Math.round(width / factor), height: Math.round(height / factor) };
}

/** What is not clean, sharp decides: it lets some warnings pass. What is clean, sharp takes. */
async function keepPlain(bytes: Uint8Array, plain: PlainJpeg): Promise<StoredImage> {
  if (!isCleanJpeg(bytes)) return keep(bytes, plain);
  const { width, height, channels } = plain;
  return { jpeg: bytes, width, height, channels, kinds: [], unchanged: true };
}

/** Decodes the whole image, which finds damage, and keeps the file's bytes. */
async function keep(
  bytes: Uint8Array,
  { width, height, channels }: Pick<StoredImage, 'width' | 'height' | 'channels'>,
): Promise<StoredImage> {
  await explained(() => opened(bytes).raw().toBuffer());
  return { jpeg: bytes, width, height, channels, kinds: [], unchanged: true };
}

async function encode(
  image: Sharp,
  { quality }: ConversionOptions,
  kinds: readonly ConversionKind[],
): Promise<StoredImage> {
  // Huffman tables made for each image would take a sixth more time, for files smaller by 3 to 5 % (measured).
  const { data, info } = await explained(() =>
    image.jpeg({ quality, chromaSubsampling: '4:2:0', optimiseCoding: false }).toBuffer({ resolveWithObject: true }),
  );
  return { jpeg: data, width: info.width, height: info.height, channels: info.channels, kinds, unchanged: false };
}

async function explained<T>(work: () => Promise<T>, again = true): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    // libvips keeps its messages in one place for all threads: another image's end can take this one's away.
    if (again && reason === 'Unknown error') return explained(work, false);
    throw new UnusableImage(reason, { cause: error });
  }
}
