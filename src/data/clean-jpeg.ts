/**
 * Tells whether a JPEG is whole with libjpeg-turbo alone, in 0.04 ms for 64 pixels where sharp, whose fixed cost for an image is high, takes 0.65
 * (measured).
 *
 * Pixels are not taken from it: it decodes with the fast transform, which is off by 1.0 to 1.3 of 255 on average and up to 19 (measured).
 */
import { jpegTurbo } from './jpeg-libraries.ts';

/**
 * Whether all of the image's data could be decoded without a single warning. False says nothing yet: the warning may be one that sharp lets
 * pass, or the library is not there.
 *
 * @param bytes a JPEG whose size is known to be no bomb
 */
export function isCleanJpeg(bytes: Uint8Array): boolean {
  const turbo = jpegTurbo();
  if (turbo === null) return false;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    // Grey: the codes of all components are read, only those of the first become pixels.
    turbo.decompressSync(view, { format: turbo.FORMAT_GRAY });
    return true;
  } catch {
    return false;
  }
}
