/** What `DATA=/path` points to, at a glance: a prepared folder, a tree of class folders, or neither. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { readImageHeader } from './image-header.ts';
import { readIndex } from './image-index.ts';
import { indexName, readDescription, workFolder } from './prepared-folder.ts';

export interface DetectedFolder {
  /** For people: what it is. */
  readonly description: string;
  readonly classes: number;
  /** Typical shorter side of its images, in pixels. */
  readonly shorterSide: number;
  /** Training images; null where they have not been counted. */
  readonly images: number | null;
  /** Held out when it was prepared; null if none were. */
  readonly heldOut: number | null;
}

/** Null if it holds no images by class. @throws GreedynasError `io` for a damaged prepared folder, `usage` for an unfinished one */
export async function detectFolder(directory: string): Promise<DetectedFolder | null> {
  if (!(await stat(directory).catch(() => null))?.isDirectory()) return null;
  const prepared = await readDescription(directory);
  if (prepared !== null) {
    const { width, height } = await readIndex(join(directory, indexName('train')));
    const { train, heldout } = prepared.splits;
    return {
      description: 'a prepared data set',
      classes: prepared.classes.length,
      shorterSide: median(Array.from(width, (each, index) => Math.min(each, height[index]!))),
      images: train.images,
      heldOut: heldout?.images ?? null,
    };
  }
  const unfinished = await readdir(join(directory, workFolder)).catch(() => null);
  if (unfinished !== null) {
    throw new GreedynasError(
      'usage',
      `${directory} is not fully prepared: run the same "greedynas prepare" again, it goes on`,
    );
  }
  const folders = async (path: string): Promise<string[]> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  };
  const top = await folders(directory);
  const root = top.includes('train') ? join(directory, 'train') : directory;
  const classes = await folders(root);
  const sides: number[] = [];
  for (const name of classes.sort().slice(0, looked)) {
    const side = (await firstSide(join(root, name))) ?? (await firstSide(join(root, name, 'images')));
    if (side !== null) sides.push(side);
  }
  if (sides.length === 0) return null;
  const description = root === directory ? 'folders of classes' : 'train/<class> folders';
  return { description, classes: classes.length, shorterSide: median(sides), images: null, heldOut: null };
}

/** Classes whose first image tells the typical size. */
const looked = 25;

async function firstSide(folder: string): Promise<number | null> {
  const names = await readdir(folder).catch(() => []);
  const name = names.sort().find((each) => /\.(jpe?g|png)$/i.test(each));
  if (name === undefined) return null;
  const handle = await open(join(folder, name), 'r');
  try {
    const header = readImageHeader(await handle.readFile());
    return header === null ? null : Math.min(header.width, header.height);
  } finally {
    await handle.close();
  }
}

function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
