/**
 * Tells the JPEGs that need nothing but their pixels from those that an image library must look at first: by their segments (ITU T.81, annex B),
 * without opening them.
 */

export interface PlainJpeg {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: colour. */
  readonly channels: 1 | 3;
  /** Colour, not progressive, whose components are Y, Cb and Cr by their numbers too, chroma at the resolution of luma or at half of it. */
  readonly ordinary: boolean;
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
      frame = {
        width,
        height,
        channels,
        ordinary: channels === 3 && marker !== progressive && isOrdinary(view.subarray(place + 10, end)),
      };
    } else if (!indifferent(marker)) return null;
    place = end;
  }
  return null;
}

/**
 * Whether an image's segments and scans are whole up to the marker that ends it. What the codes between the markers say is not looked at.
 *
 * @param bytes begins with a marker, as `readPlainJpeg` makes sure
 */
export function endsWhole(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let place = 2;
  while (place + 4 <= view.length && view[place] === 0xff) {
    const inScan = view[place + 1] === startOfScan;
    place += 2 + view.readUInt16BE(place + 2);
    if (inScan) place = endOfScan(view, place);
    if (view[place] === 0xff && view[place + 1] === endOfImage) return true;
  }
  return false;
}

/** The place of the first marker that does not belong to a scan's data (B.1.1.5). */
function endOfScan(view: Buffer, start: number): number {
  let place = view.indexOf(0xff, start);
  while (place >= 0 && (view[place + 1] === 0 || isRestart(view[place + 1]!))) place = view.indexOf(0xff, place + 2);
  return place < 0 ? view.length : place;
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** Of a frame's three components (B.2.2): number, sampling factors and table of each. */
function isOrdinary(components: Buffer): boolean {
  if (components.length !== 9) return false;
  const [luma, ...chroma] = [components[1]!, components[4]!, components[7]!];
  const numbered = components[0] === 1 && components[3] === 2 && components[6] === 3;
  return numbered && [0x11, 0x21, 0x12, 0x22].includes(luma) && chroma.every((sampling) => sampling === 0x11);
}

const endOfImage = 0xd9;
const startOfScan = 0xda;
const progressive = 0xc2;
/** Baseline, extended and progressive, with Huffman codes. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, progressive]);

/** Tables, the restart interval, JFIF's own segment, comments, and those of programs but Exif's (1), profiles' (2) and Adobe's (14). */
function indifferent(marker: number): boolean {
  if ([0xc4, 0xdb, 0xdd, 0xfe].includes(marker)) return true;
  return marker >= 0xe0 && marker <= 0xef && ![0xe1, 0xe2, 0xee].includes(marker);
}
