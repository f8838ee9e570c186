/** Looks at every image of a folder: how many there are of each class, their sizes and colours, which are broken, and what training makes of some. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { GreedynasError } from '../errors.ts';
import { createStream, permutation } from '../random/stream.ts';
import { explained } from '../storage/durable.ts';
import { epochKey } from './counter-hash.ts';
import { type CropRange, drawBox, drawFlip } from './crops.ts';
import { decodeImage } from './example.ts';
import { findImages } from './image-folder.ts';
import type { StoredSplit } from './image-tree.ts';
import { readRecord } from './tfrecord.ts';

export interface ClassCount {
  readonly folder: string;
  readonly text: string;
  readonly train: number;
  readonly heldout: number;
  readonly test: number;
}

export interface Inspection {
  readonly directory: string;
  readonly images: number;
  readonly classes: readonly ClassCount[];
  /** Shorter and longer sides in pixels: least, median, greatest. */
  readonly shorterSide: readonly [number, number, number];
  readonly longerSide: readonly [number, number, number];
  /** Of the training images' colours, scaled to [0, 1]; each image counts the same, at 64x64 pixels. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly broken: readonly { readonly path: string; readonly reason: string }[];
}

/** Side that images are looked at in. */
const looked = 64;

/**
 * Reads and decodes every image; a broken one is listed and the rest goes on.
 *
 * @throws GreedynasError `usage` or `io` if the folder is no data set of images
 */
export async function inspectFolder(
  directory: string,
  onProgress: (progress: { readonly done: number; readonly total: number }) => void = () => {},
): Promise<Inspection> {
  const found = await findImages(directory);
  const splits = { train: found.train, heldout: found.heldout, test: found.test };
  const present = Object.entries(splits).filter((entry): entry is [string, StoredSplit] => entry[1] !== null);
  const total = present.reduce((sum, [, { count }]) => sum + count, 0);
  const broken: { path: string; reason: string }[] = [];
  const sums = new Float64Array(3);
  const squares = new Float64Array(3);
  let done = 0;
  let pixels = 0;
  for (const [name, split] of present) {
    const reader = openImages(split);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < split.count) {
        const index = next++;
        try {
          const image = sharp(await reader.read(index), { failOn: 'error' });
          const small = image.resize(looked, looked, { fit: 'fill' }).toColourspace('srgb').removeAlpha();
          const bytes = await small.raw().toBuffer();
          if (name === 'train') {
            for (let place = 0; place < bytes.length; place++) {
              sums[place % 3]! += bytes[place]!;
              squares[place % 3]! += bytes[place]! ** 2;
            }
            pixels += bytes.length / 3;
          }
        } catch (error) {
          broken.push({ path: reader.nameOf(index), reason: error instanceof Error ? error.message : String(error) });
        }
        done += 1;
        onProgress({ done, total });
      }
    };
    try {
      await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
    } finally {
      await reader.close();
    }
  }
  const mean = Array.from(sums, (sum) => sum / pixels / 255);
  const counts = (split: StoredSplit | null): number[] => {
    const each = new Array<number>(found.classes.length).fill(0);
    for (const label of split?.labels ?? []) each[label]! += 1;
    return each;
  };
  const [train, heldout, test] = [counts(splits.train), counts(splits.heldout), counts(splits.test)];
  const sides = present.flatMap(([, { widths, heights }]) =>
    Array.from(widths, (width, index) => [Math.min(width, heights[index]!), Math.max(width, heights[index]!)] as const),
  );
  return {
    directory,
    images: total,
    classes: found.classes.map(({ folder, text }, label) => ({
      folder,
      text,
      train: train[label]!,
      heldout: heldout[label]!,
      test: test[label]!,
    })),
    shorterSide: spread(sides.map(([shorter]) => shorter)),
    longerSide: spread(sides.map(([, longer]) => longer)),
    mean,
    std: mean.map((each, colour) => Math.sqrt(Math.max(0, squares[colour]! / pixels / 255 ** 2 - each ** 2))),
    broken: broken.sort((one, other) => (one.path < other.path ? -1 : 1)),
  };
}

function spread(values: readonly number[]): [number, number, number] {
  const sorted = Float64Array.from(values).sort();
  return [sorted[0] ?? 0, sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0];
}

interface ImageReader {
  /** The encoded image. Throws where it is damaged. */
  read(index: number): Promise<Buffer>;
  nameOf(index: number): string;
  close(): Promise<void>;
}

function openImages(split: StoredSplit): ImageReader {
  const handles = new Map<number, Promise<FileHandle>>();
  const fileOf = (index: number): string => split.names[split.file[index]!]!;
  return {
    async read(index) {
      const name = fileOf(index);
      if (split.stored.container === 'files') return explained('read', name, () => readFile(name));
      const file = split.file[index]!;
      let handle = handles.get(file);
      if (handle === undefined) {
        handle = explained('open', name, () => open(name, 'r'));
        handles.set(file, handle);
      }
      const record = await readRecord(await handle, name, split.offset[index]!, index);
      const where = `${name}: the record at byte ${split.offset[index]}`;
      if (record === null) throw new GreedynasError('io', `${where} is not there; prepare the data set again`);
      return decodeImage(record.data, where);
    },
    nameOf: (index) =>
      split.stored.container === 'files' ? fileOf(index) : `${fileOf(index)}, record at byte ${split.offset[index]}`,
    async close() {
      for (const handle of handles.values()) await (await handle).close();
    },
  };
}

const columns = 8;
const rows = 6;
const tile = 96;

/**
 * Draws a contact sheet: 48 training images as epoch 0 of a run with this seed crops and mirrors them.
 *
 * @returns a PNG
 */
export async function drawContactSheet(
  directory: string,
  options: { readonly seed: number; readonly crop: CropRange; readonly flip: boolean },
): Promise<Uint8Array> {
  const { seed, crop, flip } = options;
  const { train } = await findImages(directory);
  const order = permutation(createStream(seed, 'data/order/0'), train.count);
  const key = epochKey(seed, 0);
  const reader = openImages(train);
  try {
    const tiles: { input: Buffer; top: number; left: number }[] = [];
    for (const [place, index] of order.subarray(0, columns * rows).entries()) {
      const box = drawBox(key, index, train.widths[index]!, train.heights[index]!, crop);
      let image = sharp(await reader.read(index))
        .extract(box)
        .resize(tile, tile, { fit: 'fill' });
      if (flip && drawFlip(key, index)) image = image.flop();
      const input = await image.toColourspace('srgb').png().toBuffer();
      const [top, left] = [Math.floor(place / columns) * (tile + 2), (place % columns) * (tile + 2)];
      tiles.push({ input, top, left });
    }
    const [width, height] = [columns * (tile + 2) - 2, rows * (tile + 2) - 2];
    const sheet = sharp({ create: { width, height, channels: 3, background: '#ffffff' } });
    return await sheet.composite(tiles).png().toBuffer();
  } finally {
    await reader.close();
  }
}
