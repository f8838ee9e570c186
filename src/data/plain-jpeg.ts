/**
 * Tells the JPEGs that need nothing but their pixels from those that an image library must look at first: by their segments (ITU T.81, annex B),
 * without opening them.
 */

export interface PlainJpeg {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: colour. */
  readonly channels: 1 | 3;
}

/**
 * The size of a JPEG of 8 bits, grey or YCbCr, without Exif (which may turn it), colour profile or Adobe's marker (which may mean other
 * colours); null for any other file, and where the segments up to the image's data are not whole.
 */
export function readPlainJpeg(bytes: Uint8Array): PlainJpeg | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < 4 || view.readUInt16BE(0) !== 0xffd8) return null;
  let frame: PlainJpeg | null = null;
  let place = 2;
  while (place + 4 <= view.length) {
    if (view[place] !== 0xff) return null;
    const marker = view[place + 1]!;
    const end = place + 2 + view.readUInt16BE(place + 2);
    if (marker === startOfScan) return frame;
    if (end > view.length || end < place + 4) return null;
    if (frames.has(marker)) {
      // One frame only: length, precision, height, width, number of components.
      if (frame !== null || end < place + 10) return null;
      const [bits, height, width] = [view[place + 4], view.readUInt16BE(place + 5), view.readUInt16BE(place + 7)];
      const channels = view[place + 9];
      if (bits !== 8 || height === 0 || width === 0 || (channels !== 1 && channels !== 3)) return null;
      frame = { width, height, channels };
    } else if (!indifferent(marker)) return null;
    place = end;
  }
  return null;
}

const startOfScan = 0xda;
/** Baseline, extended and progressive, with Huffman codes. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/** Tables, the restart interval, JFIF's own segment, comments, and those of programs but Exif's (1), profiles' (2) and Adobe's (14). */
function indifferent(marker: number): boolean {
  if ([0xc4, 0xdb, 0xdd, 0xfe].includes(marker)) return true;
  return marker >= 0xe0 && marker <= 0xef && ![0xe1, 0xe2, 0xee].includes(marker);
}
