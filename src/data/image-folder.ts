/** A data set of images in files: a folder that `greedynas prepare` made, or a tree of class folders as it is. */
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { type DataSet, divideByClass, type ImageFiles, selectFiles } from './dataset.ts';
import { readIndex } from './image-index.ts';
import { type FoundImages, readTree, type StoredSplit } from './image-tree.ts';
import {
  checkShards,
  indexName,
  type PreparedDescription,
  readDescription,
  type SplitName,
  shardName,
} from './prepared-folder.ts';

/** Of ImageNet's training images, as everybody uses them. */
const mean = [0.485, 0.456, 0.406] as const;
const std = [0.229, 0.224, 0.225] as const;

/** The usual share of the scaled image's side that is looked at: 224 of 256. */
const centralShare = 0.875;

export interface FolderRequest {
  readonly directory: string;
  /** How many images of the training set, or of its held-out part if that was prepared, are for ranking and search. */
  readonly validationImages: number;
  /** Decides which ones, by class. */
  readonly seed: number;
  /** Side of the images that the network sees, in pixels. */
  readonly resolution: number;
  /** What the config says; must be what is there. */
  readonly classes: number;
  /** Pixels that the shorter side is scaled to before an image is scored; null: resolution / 0.875, or resolution where most images are no larger. */
  readonly resize: number | null;
}

/**
 * @throws GreedynasError `usage` for other classes than the config has or too many validation images; `io` for damaged files
 */
export async function loadImageFolder(request: FolderRequest): Promise<DataSet> {
  const { directory, validationImages, seed, resolution } = request;
  const found = await findImages(directory);
  const { classes } = found;
  if (classes.length !== request.classes) {
    throw new GreedynasError(
      'usage',
      `${directory} has ${classes.length} classes, the network tells ${request.classes} apart: give the supernet as many (--set space.classes=${classes.length}), or retrain a subnet that was searched on this data set`,
    );
  }
  const resize = request.resize ?? defaultResize(found.train, resolution);
  if (resize < resolution) {
    throw new GreedynasError(
      'usage',
      `data.resize: ${resize}, allowed: at least the network's resolution (${resolution}), since the central square is cut out afterwards`,
    );
  }
  const sized = (split: StoredSplit): ImageFiles => ({ ...split, resolution, resize });
  const { train, validation } = divide(directory, found, validationImages, seed);
  return {
    name: directory,
    classes: classes.map(({ text }) => text),
    mean,
    std,
    train: sized(train),
    validation: sized(validation),
    async loadTest() {
      if (found.test === null) {
        throw new GreedynasError(
          'usage',
          `${directory} has no test images: put them into val/<class>, or evaluate with --split validation`,
        );
      }
      return sized(found.test);
    },
  };
}

/** What lies in a folder, prepared or not. */
export async function findImages(directory: string): Promise<FoundImages> {
  const description = await readDescription(directory);
  if (description === null) return readTree(directory);
  const { classes, splits } = description;
  const train = await preparedSplit(directory, description, 'train');
  const heldout = splits.heldout === undefined ? null : await preparedSplit(directory, description, 'heldout');
  const test = splits.test === undefined ? null : await preparedSplit(directory, description, 'test');
  return { classes, train, heldout, test };
}

async function preparedSplit(
  directory: string,
  description: PreparedDescription,
  split: SplitName,
): Promise<StoredSplit> {
  await checkShards(directory, description, split);
  const path = join(directory, indexName(split));
  const index = await readIndex(path);
  const { shards, images } = description.splits[split]!;
  const inRange =
    index.label.every((label) => label < description.classes.length) &&
    index.shard.every((shard) => shard < shards.length);
  if (index.count !== images || !inRange) {
    throw new GreedynasError(
      'io',
      `${path} does not belong to ${directory}'s dataset.json; prepare the data set again`,
    );
  }
  return {
    stored: { container: 'records', encoding: 'jpeg' },
    names: shards.map((_, shard) => join(directory, shardName(split, shard, shards.length))),
    file: Int32Array.from(index.shard),
    offset: index.offset,
    labels: Int32Array.from(index.label),
    count: index.count,
    bytes: index.length.reduce((sum, length) => sum + length, 0),
    widths: index.width,
    heights: index.height,
  };
}

/** Images already set apart are the validation images; else some of the training images are, by class. */
function divide(directory: string, found: FoundImages, validationImages: number, seed: number) {
  const { train, heldout } = found;
  // Only the columns are chosen from; how large an image is seen does not matter yet.
  const choose = (split: StoredSplit, indices: Int32Array): StoredSplit =>
    selectFiles({ ...split, resolution: 0, resize: 0 }, indices);
  if (heldout === null) {
    const { kept, held } = divideByClass(train.labels, validationImages, seed);
    return { train: choose(train, kept), validation: choose(train, held) };
  }
  if (validationImages > heldout.count) {
    throw new GreedynasError(
      'usage',
      `data.validationImages: ${validationImages}, but ${heldout.count} images were held out when ${directory} was prepared, allowed: 1 to ${heldout.count}`,
    );
  }
  if (validationImages === heldout.count) return { train, validation: heldout };
  const { held } = divideByClass(heldout.labels, validationImages, seed);
  return { train, validation: choose(heldout, held) };
}

function defaultResize({ widths, heights }: StoredSplit, resolution: number): number {
  const shorter = widths.map((width, index) => Math.min(width, heights[index]!)).sort();
  const median = shorter[Math.floor(shorter.length / 2)] ?? 0;
  return median <= resolution ? resolution : Math.round(resolution / centralShare);
}
