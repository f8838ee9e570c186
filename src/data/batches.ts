/** Mini-batches of images in memory: augmented ones for training, fixed stacks for scoring, and whole sets in their order. */
import { GreedynasError } from '../errors.ts';
import { createStream } from '../random/stream.ts';
import type { ImageBatch, StackPlan } from '../supernet/supernet.ts';
import { integerAt, itemKey } from './counter-hash.ts';
import { dealByClass, type ImageSet, type ImageSource, selectFiles, selectImages } from './dataset.ts';
import { epochOpener, type TrainingBatches } from './epoch.ts';
import { planStack } from './plans.ts';

/** Random crop of the original size out of the image with `padding` zero pixels on each side; then, if `flip`, mirrored half of the time. */
export interface Augmentation {
  readonly padding: number;
  readonly flip: boolean;
}

/**
 * Batches in a new random order each epoch; images that do not fill a batch at the end of an epoch are left out of it.
 * Batch `step` is a pure function of (set, batchSize, seed, augmentation, step), and what happens to an image is one of
 * (seed, epoch, index of the image in the set) alone.
 *
 * Measured on one core: 128 images of 32x32 take 0.3–0.4 ms (0.15 ms without flips), and the first batch of an epoch of 45,000 images 6 ms
 * more for its order.
 *
 * @throws GreedynasError `usage` for a batch size or padding that does not fit the set.
 */
export function createTrainingBatches(options: {
  set: ImageSet;
  batchSize: number;
  seed: number;
  augmentation: Augmentation;
}): TrainingBatches {
  const { set, batchSize, seed, augmentation } = options;
  const { padding } = augmentation;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > set.count) {
    throw new GreedynasError(
      'usage',
      `training.batch: ${batchSize} is not possible with ${set.count} training images; allowed: an integer from 1 to ${set.count}`,
    );
  }
  const largestPadding = Math.min(set.height, set.width) - 1;
  if (!Number.isInteger(padding) || padding < 0 || padding > largestPadding) {
    throw new GreedynasError(
      'usage',
      `data.padding: ${padding} is not possible with images of ${set.width}x${set.height}; allowed: an integer from 0 to ${largestPadding}`,
    );
  }

  const stepsPerEpoch = Math.floor(set.count / batchSize);
  const imageBytes = set.height * set.width * 3;
  const openEpoch = epochOpener(seed, set.count);

  return {
    stepsPerEpoch,
    batch(step) {
      if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`batch(step): ${step} is not a step number`);
      const { order, key } = openEpoch(Math.floor(step / stepsPerEpoch));
      const first = (step % stepsPerEpoch) * batchSize;
      const images = new Uint8Array(batchSize * imageBytes);
      const labels = new Int32Array(batchSize);
      for (let position = 0; position < batchSize; position++) {
        const index = order[first + position]!;
        const crop = drawCrop(key, index, augmentation);
        labels[position] = set.labels[index]!;
        if (crop.flipped) copyFlipped(set, index, crop, images, position * imageBytes);
        else copyShifted(set, index, crop, images, position * imageBytes);
      }
      return { images, labels };
    },
  };
}

/** Where the crop's corner lies relative to the image's, −padding … padding each, and whether the crop is mirrored. */
export interface Crop {
  readonly down: number;
  readonly right: number;
  readonly flipped: boolean;
}

/** The crop of image `index` in the epoch with this key (`epochKey`). */
export function drawCrop(key: number, index: number, augmentation: Augmentation): Crop {
  const { padding, flip } = augmentation;
  const item = itemKey(key, index);
  const places = 2 * padding + 1;
  return {
    down: integerAt(item, 0, places) - padding,
    right: integerAt(item, 1, places) - padding,
    flipped: flip && integerAt(item, 2, 2) === 1,
  };
}

/**
 * Copies a crop into zeroed bytes at `start`. Image and crop have the same row length, so one copy of a contiguous stretch shifts all rows
 * at once; only the pixels that slid round a row's end into the next row must then be cleared.
 */
function copyShifted(set: ImageSet, index: number, crop: Crop, target: Uint8Array, start: number): void {
  const { height, width } = set;
  const { down, right } = crop;
  const top = Math.max(0, -down);
  const bottom = Math.min(height, height - down);
  const left = Math.max(0, -right);
  const end = Math.min(width, width - right);
  const shift = (down * width + right) * 3;
  const from = (top * width + left) * 3;
  const to = ((bottom - 1) * width + end) * 3;
  const source = index * height * width * 3 + shift;
  target.set(set.images.subarray(source + from, source + to), start + from);
  const gap = (width - end + left) * 3;
  for (let row = top; row < bottom - 1; row++) {
    const firstByte = start + (row * width + end) * 3;
    for (let byte = firstByte; byte < firstByte + gap; byte++) target[byte] = 0;
  }
}

/** Copies a mirrored crop into zeroed bytes at `start`. */
function copyFlipped(set: ImageSet, index: number, crop: Crop, target: Uint8Array, start: number): void {
  const { height, width, images } = set;
  const { down, right } = crop;
  const top = Math.max(0, -down);
  const bottom = Math.min(height, height - down);
  const left = Math.max(0, -right);
  const end = Math.min(width, width - right);
  for (let row = top; row < bottom; row++) {
    let source = ((index * height + row + down) * width + end - 1 + right) * 3;
    let byte = start + (row * width + width - end) * 3;
    const lastByte = start + (row * width + width - left) * 3;
    for (; byte < lastByte; byte += 3, source -= 3) {
      target[byte] = images[source]!;
      target[byte + 1] = images[source + 1]!;
      target[byte + 2] = images[source + 2]!;
    }
  }
}

/**
 * A fixed stack of `count` different images with equal class counts (±1, as long as no class runs out), unaugmented; classes take turns, so
 * that every batch cut from it is balanced too. Pure in (set, count, seed, skip); a smaller stack is the beginning of a larger one, and
 * the stack after the first `skip` images of that order shares no image with the stack of those `skip`.
 *
 * @throws GreedynasError `usage` if `count` is not between 1 and what the set has after the first `skip` images.
 */
export function takeStack(set: ImageSet, count: number, seed: number, skip?: number): ImageBatch;
export function takeStack(set: ImageSource, count: number, seed: number, skip?: number): ImageBatch | StackPlan;
export function takeStack(set: ImageSource, count: number, seed: number, skip = 0): ImageBatch | StackPlan {
  if (!Number.isInteger(skip) || skip < 0) throw new RangeError(`takeStack: skip ${skip} is not a number of images`);
  const left = Math.max(0, set.count - skip);
  if (!Number.isInteger(count) || count < 1 || count > left) {
    const asked = `a stack of ${count} images${skip === 0 ? '' : ` after the first ${skip}`}`;
    const allowed = left === 0 ? 'none, there is no image left' : `an integer from 1 to ${left}`;
    throw new GreedynasError('usage', `${asked} cannot be taken from a set of ${set.count}; allowed: ${allowed}`);
  }
  const dealt = dealByClass(set.labels, skip + count, createStream(seed, 'data/stack'));
  const chosen = dealt.subarray(skip);
  if ('names' in set) return planStack(selectFiles(set, chosen));
  const { images, labels } = selectImages(set, chosen);
  return { images, labels };
}

/**
 * All images of a set in their order, `size` at a time, the last batch possibly smaller; images in files as plans. Batches
 * in memory are views: do not write to them.
 */
export function sequentialBatches(set: ImageSet, size: number): Generator<ImageBatch, void, undefined>;
export function sequentialBatches(set: ImageSource, size: number): Generator<ImageBatch | StackPlan, void, undefined>;
export function* sequentialBatches(set: ImageSource, size: number): Generator<ImageBatch | StackPlan, void, undefined> {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`sequentialBatches: size ${size} is not a positive integer`);
  for (let first = 0; first < set.count; first += size) {
    const end = Math.min(first + size, set.count);
    if ('names' in set) {
      yield planStack(
        selectFiles(
          set,
          Int32Array.from({ length: end - first }, (_, index) => first + index),
        ),
      );
    } else {
      const imageBytes = set.height * set.width * 3;
      const images = set.images.subarray(first * imageBytes, end * imageBytes);
      yield { images, labels: set.labels.subarray(first, end) };
    }
  }
}
