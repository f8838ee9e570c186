/**
 * Two libraries that work on JPEGs without sharp's fixed cost for an image, called in ways that block their thread: handing an image to another
 * thread and back costs more than a small one is worth. Neither is there on a platform that its packages have no binary for.
 */
import { createRequire } from 'node:module';

export interface JpegTurbo {
  readonly FORMAT_GRAY: number;
  readonly FORMAT_RGBA: number;
  readonly SAMP_420: number;
  decompressSync(jpeg: Buffer, options: { readonly format: number }): unknown;
  compressSync(
    pixels: Buffer,
    options: {
      readonly format: number;
      readonly width: number;
      readonly height: number;
      readonly quality: number;
      readonly subsampling: number;
    },
  ): Buffer;
}

/** libjpeg-turbo, or null. */
export const jpegTurbo = optional<JpegTurbo>('@julusian/jpeg-turbo');

/** Rust's zune-jpeg and fast_image_resize, or null. */
export const rustImage = optional<typeof import('@napi-rs/image')>('@napi-rs/image');

/** Loaded when it is first asked for. */
function optional<Library>(name: string): () => Library | null {
  let library: Library | null | undefined;
  return () => {
    if (library === undefined) {
      try {
        library = createRequire(import.meta.url)(name) as Library;
      } catch {
        library = null;
      }
    }
    return library;
  };
}
