/** A tree of class folders, read as it is: which images it has, their classes and sizes. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import type { ImageFiles } from './dataset.ts';
import { type ImageHeader, readImageHeader } from './image-header.ts';
import { openSource } from './source-files.ts';
import { type ClassName, type LabelledFile, readLayout } from './source-layout.ts';

/** Images in files, before it is decided how large they are seen. */
export type StoredSplit = Omit<ImageFiles, 'resolution' | 'resize'>;

export interface FoundImages {
  readonly classes: readonly ClassName[];
  readonly train: StoredSplit;
  /** A part of the training images that was set apart when they were prepared. */
  readonly heldout: StoredSplit | null;
  readonly test: StoredSplit | null;
}

/**
 * Reads the header of every image.
 *
 * @throws GreedynasError `usage` if it has no images by class; `io` naming images that are neither JPEG nor PNG, which must be prepared first
 */
export async function readTree(root: string): Promise<FoundImages> {
  const source = await openSource(root);
  const layout = await readLayout(source, null);
  const train = await readSplit(root, layout.train);
  const test = layout.test.length === 0 ? null : await readSplit(root, layout.test);
  // One graph decodes both.
  const encoding = train.stored.encoding === 'jpeg' && test?.stored.encoding !== 'any' ? 'jpeg' : 'any';
  const stored = { container: 'files', encoding } as const;
  return {
    classes: layout.classes,
    train: { ...train, stored },
    heldout: null,
    test: test === null ? null : { ...test, stored },
  };
}

const atOnce = 64;

async function readSplit(root: string, files: readonly LabelledFile[]): Promise<StoredSplit> {
  const count = files.length;
  const names = files.map(({ file }) => join(root, file.path));
  const widths = new Uint16Array(count);
  const heights = new Uint16Array(count);
  const unreadable: string[] = [];
  let encoding: 'jpeg' | 'any' = 'jpeg';
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const header = await headerOf(names[index]!);
      if (header === null) unreadable.push(names[index]!);
      else {
        if (header.format !== 'jpeg') encoding = 'any';
        widths[index] = header.width;
        heights[index] = header.height;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
  if (unreadable.length > 0) {
    const more = unreadable.length > 1 ? ` and ${unreadable.length - 1} more` : '';
    throw new GreedynasError(
      'io',
      `${unreadable.sort()[0]}${more}: neither JPEG nor PNG, or damaged; convert the images with "greedynas prepare ${root} <folder>", and train on that folder`,
    );
  }
  return {
    stored: { container: 'files', encoding },
    names,
    file: Int32Array.from({ length: count }, (_, index) => index),
    offset: new Float64Array(count),
    labels: Int32Array.from(files, ({ label }) => label),
    count,
    bytes: null,
    widths,
    heights,
  };
}

/** Enough for all headers but those behind large metadata. */
const firstBytes = 16 << 10;

async function headerOf(path: string): Promise<ImageHeader | null> {
  return explained('read', path, async () => {
    const handle = await open(path, 'r');
    try {
      const bytes = Buffer.alloc(firstBytes);
      const { bytesRead } = await handle.read(bytes, 0, firstBytes, 0);
      const header = readImageHeader(bytes.subarray(0, bytesRead));
      return header ?? (bytesRead < firstBytes ? null : readImageHeader(await handle.readFile()));
    } finally {
      await handle.close();
    }
  });
}
