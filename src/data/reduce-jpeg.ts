/**
 * Makes an ordinary JPEG smaller without sharp: decoded by zune-jpeg, scaled with Lanczos' kernel by fast_image_resize, encoded by libjpeg-turbo, in a
 * third to a half of sharp's time; pixels are within 0.3 of 255 of sharp's on average (both measured, docs/results/data.md).
 *
 * The decoder fills up what a file cut off lacks, so that is looked for first. It also takes progressive files whose scans make no sense to
 * libjpeg, so none of these come here.
 */
import { jpegTurbo, rustImage } from './jpeg-libraries.ts';
import { endsWhole } from './plain-jpeg.ts';

/** Whether its libraries are there: what they make is not the same bytes as sharp's. */
export function canReduceJpegs(): boolean {
  return jpegTurbo() !== null && rustImage() !== null;
}

/**
 * A colour JPEG of `width` x `height`, chroma at half resolution. Null says nothing yet: the image may be one that sharp takes, or a library is not
 * there.
 *
 * @param bytes a JPEG that `readPlainJpeg` calls ordinary
 * @param quality 1 … 100
 */
export function reduceJpeg(
  bytes: Uint8Array,
  { width, height, quality }: { readonly width: number; readonly height: number; readonly quality: number },
): Buffer | null {
  const [turbo, image] = [jpegTurbo(), rustImage()];
  if (turbo === null || image === null || !endsWhole(bytes)) return null;
  try {
    const { Lanczos3 } = image.FastResizeFilter;
    const scaled = new image.Transformer(bytes).fastResize({
      width,
      height,
      filter: Lanczos3,
      fit: image.ResizeFit.Fill,
    });
    const pixels = scaled.rawPixelsSync();
    // Four channels, whatever the file had.
    if (pixels.length !== width * height * 4) return null;
    return turbo.compressSync(pixels, {
      format: turbo.FORMAT_RGBA,
      width,
      height,
      quality,
      subsampling: turbo.SAMP_420,
    });
  } catch {
    return null;
  }
}
