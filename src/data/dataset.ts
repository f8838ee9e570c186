/** What a data set of images is, and its seeded, class-balanced division into a part to train on and a held-out part. */
import { GreedynasError } from '../errors.ts';
import { createStream, permutation, type RandomStream } from '../random/stream.ts';
import type { StoredImages } from '../supernet/loader.ts';

/** Images in memory. */
export interface ImageSet {
  /** uint8 RGB, row-major `[count, height, width, 3]`. */
  readonly images: Uint8Array;
  /** Class indices `[count]`. */
  readonly labels: Int32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Images in files, decoded in the training graph when they are needed. All columns have one entry an image. */
export interface ImageFiles {
  readonly stored: StoredImages;
  readonly names: readonly string[];
  /** Index into `names`. */
  readonly file: Int32Array;
  /** Byte at which the image's record begins; 0 where each file is an image. */
  readonly offset: Float64Array;
  /** Class indices `[count]`. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Bytes of the stored images in all, at most; null where that is not known. */
  readonly bytes: number | null;
  /** Of each image as it is stored, in pixels. */
  readonly widths: Uint16Array;
  readonly heights: Uint16Array;
  /** What an image is scored as: its shorter side is scaled to `resize`, then the central square of `resolution` is cut out. */
  readonly resolution: number;
  readonly resize: number;
}

export type ImageSource = ImageSet | ImageFiles;

/** A data set divided for architecture search. The test images can be had only through `loadTest`, which only `evaluate` calls. */
export interface DataSet<Source extends ImageSource = ImageSource> {
  readonly name: string;
  /** Class names by class index. */
  readonly classes: readonly string[];
  /** Mean of each channel over the training images, scaled to 0 … 1. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of each channel over the training images, scaled to 0 … 1. */
  readonly std: readonly [number, number, number];
  /** What weights are trained on. */
  readonly train: Source;
  /** Held out from the training images, for ranking and search; shares no image with `train`. */
  readonly validation: Source;
  loadTest(): Promise<Source>;
}

/** What a loader reports while it works; the caller decides how to show it. */
export type DataProgress =
  | { readonly kind: 'notice'; readonly message: string }
  | { readonly kind: 'download'; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly kind: 'decode'; readonly doneImages: number; readonly totalImages: number };

/** A copy of the chosen images, in the order of `indices`. */
export function selectImages(set: ImageSet, indices: Int32Array): ImageSet {
  const imageBytes = set.height * set.width * 3;
  const images = new Uint8Array(indices.length * imageBytes);
  for (const [position, index] of indices.entries()) {
    images.set(set.images.subarray(index * imageBytes, (index + 1) * imageBytes), position * imageBytes);
  }
  return { ...set, images, labels: indices.map((index) => set.labels[index]!), count: indices.length };
}

/** The chosen images of files, in the order of `indices`; none is read. */
export function selectFiles(set: ImageFiles, indices: Int32Array): ImageFiles {
  return {
    ...set,
    count: indices.length,
    file: indices.map((index) => set.file[index]!),
    labels: indices.map((index) => set.labels[index]!),
    offset: Float64Array.from(indices, (index) => set.offset[index]!),
    widths: Uint16Array.from(indices, (index) => set.widths[index]!),
    heights: Uint16Array.from(indices, (index) => set.heights[index]!),
  };
}

/**
 * `count` different indices into `labels`, dealt like cards: in each round one random image of each class, the classes in a random order
 * that is kept, until there are enough; a class that has run out is passed over. So class counts differ by at most one as long as no
 * class runs out, every stretch of the result is balanced too, and a smaller count gives the beginning of a larger one.
 */
export function dealByClass(labels: Int32Array, count: number, stream: RandomStream): Int32Array {
  const members = new Map<number, number[]>();
  for (const [index, label] of labels.entries()) {
    const others = members.get(label);
    if (others === undefined) members.set(label, [index]);
    else others.push(index);
  }
  const classes = [...members.keys()].sort((one, other) => one - other);
  const decks = Array.from(permutation(stream, classes.length), (position) => members.get(classes[position]!)!).map(
    (deck) => Array.from(permutation(stream, deck.length), (position) => deck[position]!),
  );
  const dealt = new Int32Array(count);
  let filled = 0;
  for (let round = 0; filled < count; round++) {
    const before = filled;
    for (const deck of decks) {
      if (round < deck.length && filled < count) dealt[filled++] = deck[round]!;
    }
    if (filled === before) throw new RangeError(`dealByClass: ${count} images asked for, there are ${filled}`);
  }
  return dealt;
}

/**
 * Divides a training set into what is trained on and `validationImages` held-out images with equal class counts (±1). A pure function of
 * (labels, validationImages, seed); both parts keep the original order.
 *
 * @throws GreedynasError `usage` if a class would have no image left to train on.
 */
export function splitValidation(
  set: ImageSet,
  validationImages: number,
  seed: number,
): { train: ImageSet; validation: ImageSet } {
  const { kept, held } = divideByClass(set.labels, validationImages, seed);
  return { train: selectImages(set, kept), validation: selectImages(set, held) };
}

/** The indices of {@link splitValidation}, each part in ascending order. */
export function divideByClass(
  labels: Int32Array,
  validationImages: number,
  seed: number,
): { kept: Int32Array; held: Int32Array } {
  const total = labels.length;
  const allowed = () => {
    const counts = new Map<number, number>();
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return `0 to ${Math.max(0, (Math.min(...counts.values()) - 1) * counts.size)}`;
  };
  const refuse = (): never => {
    throw new GreedynasError(
      'usage',
      `data.validationImages: ${validationImages} cannot be held out of ${total} training images; allowed: ${allowed()}, ` +
        'equally many of each class, with at least one of each left to train on',
    );
  };
  if (!Number.isInteger(validationImages) || validationImages < 0 || validationImages >= total) refuse();

  const held = dealByClass(labels, validationImages, createStream(seed, 'data/validation'));
  const isHeld = new Uint8Array(total);
  for (const index of held) isHeld[index] = 1;
  const kept = Int32Array.from({ length: total }, (_, index) => index).filter((index) => isHeld[index] === 0);
  const classesOf = (indices: Int32Array) => new Set(Array.from(indices, (index) => labels[index]!)).size;
  if (classesOf(kept) < new Set(labels).size) refuse();
  return { kept, held: held.sort() };
}
