/**
 * What a preparation is to make, before any of it is made: which images are in which split and shard, in which order, and a fingerprint of all that
 * decides its bytes. The order of a split is a seeded permutation, cut into shards of equal numbers of images.
 */
import { createHash } from 'node:crypto';
import { GreedynasError } from '../errors.ts';
import { createStream, permutation } from '../random/stream.ts';
import type { ConversionOptions } from './convert-image.ts';
import { dealByClass } from './dataset.ts';
import type { ShardJob } from './prepare-shard.ts';
import { type SplitName, splitNames } from './prepared-folder.ts';
import { canReduceJpegs } from './reduce-jpeg.ts';
import type { LabelledFile, SourceLayout } from './source-layout.ts';

export interface PrepareOptions extends ConversionOptions {
  /** Training images of each class that go into a split of their own, for ranking and search. */
  readonly heldOutPerClass: number;
  /** Decides which ones, and the order of the records. */
  readonly seed: number;
  /** Shards of the training split, the others in proportion; null: as many as make about 128 MB of the source each. */
  readonly shards: number | null;
  /** What an image that cannot be used does. */
  readonly onCorrupt: 'fail' | 'skip';
  /** A list of the classes of a flat `val/`, as a path in the source; null: looked for. */
  readonly validationList: string | null;
}

const bytesPerShard = 128e6;

export type Splits = Readonly<Record<SplitName, readonly LabelledFile[]>>;

/** @throws GreedynasError `usage` where a class has no more images than are to be held out of it */
export function divide(layout: SourceLayout, { heldOutPerClass, seed }: PrepareOptions): Splits {
  const { train, test, classes } = layout;
  if (heldOutPerClass === 0) return { train, heldout: [], test };
  const labels = Int32Array.from(train, ({ label }) => label);
  const perClass = new Array<number>(classes.length).fill(0);
  for (const label of labels) perClass[label]! += 1;
  const fewest = Math.min(...perClass);
  if (heldOutPerClass >= fewest) {
    const poorest = classes[perClass.indexOf(fewest)]!.folder;
    throw new GreedynasError(
      'usage',
      `--hold-out ${heldOutPerClass}: class ${poorest} has ${fewest} training images, allowed: 0 to ${fewest - 1}`,
    );
  }
  const held = new Set(dealByClass(labels, heldOutPerClass * classes.length, createStream(seed, 'prepare/heldout')));
  return {
    train: train.filter((_, index) => !held.has(index)),
    heldout: train.filter((_, index) => held.has(index)),
    test,
  };
}

/** Raised whenever the same source and options come to other bytes, so that no preparation is half of each. */
const encoding = 3;

export function fingerprintOf(layout: SourceLayout, splits: Splits, options: PrepareOptions): string {
  const { shorterSide, quality, heldOutPerClass, seed, shards } = options;
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([
      encoding,
      canReduceJpegs(),
      { shorterSide, quality, heldOutPerClass, seed, shards },
      layout.classes,
    ]),
  );
  for (const name of splitNames) {
    for (const { file, label } of splits[name]) hash.update(`\n${name} ${label} ${file.size} ${file.path}`);
  }
  return hash.digest('hex');
}

export const bytesOf = (images: readonly LabelledFile[]): number =>
  images.reduce((sum, { file }) => sum + file.size, 0);

/** The shards of all splits, each with its images in their order. */
export function planJobs(splits: Splits, { seed, shards }: PrepareOptions): ShardJob[] {
  const perShard = shards === null ? bytesPerShard : bytesOf(splits.train) / shards;
  return splitNames.flatMap((split) => {
    const images = splits[split];
    if (images.length === 0) return [];
    const exact = split === 'train' && shards !== null ? shards : Math.round(bytesOf(images) / perShard);
    const number = Math.min(images.length, 99_999, Math.max(1, exact));
    const order = permutation(createStream(seed, `prepare/${split}`), images.length);
    return Array.from({ length: number }, (_, shard) => {
      const first = Math.floor((shard * images.length) / number);
      const end = Math.floor(((shard + 1) * images.length) / number);
      return {
        split,
        shard,
        shards: number,
        images: Array.from(order.subarray(first, end), (index) => images[index]!),
      };
    });
  });
}
