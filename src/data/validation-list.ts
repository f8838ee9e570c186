/** The classes of a flat folder of validation images, from the lists that go round for ImageNet and Tiny ImageNet. */
import { GreedynasError } from '../errors.ts';
import type { FileSource, SourceFile } from './source-files.ts';

export interface ValidationLabels {
  /** The list's path in the source. */
  readonly list: string;
  /** Class index, or undefined for an image that the list does not name or whose class is none of the training set. */
  labelOf(file: SourceFile): number | undefined;
}

/** Where the list lies if the user does not say. */
const usualLists = [
  'val/val_annotations.txt',
  'LOC_val_solution.csv',
  'val.txt',
  'val/val.txt',
  'imagenet_2012_validation_synset_labels.txt',
  'val_labels.txt',
];

const longestList = 256 << 20;

/**
 * Reads lines of `image class` (separated by blanks, a tab or a comma; what follows is not looked at), or of the class alone, one for each image in
 * the order of their names. A class is a folder's name, or in lines with an image its number from 0 in the order of the
 * folders' names (Caffe's `val.txt`). Null where there is no list.
 *
 * @throws GreedynasError `usage` for a list that is not there or cannot be understood
 */
export async function readValidationList(
  source: FileSource,
  images: readonly SourceFile[],
  wanted: string | null,
  folders: readonly string[],
): Promise<ValidationLabels | null> {
  const file =
    wanted === null
      ? usualLists.map((name) => source.files.find(({ path }) => path === name)).find((found) => found !== undefined)
      : source.files.find(({ path }) => path === wanted);
  if (file === undefined) {
    if (wanted === null) return null;
    throw new GreedynasError(
      'usage',
      `--val-labels ${wanted}: ${source.name} has no such file, allowed: a path within it`,
    );
  }
  const refuse = (why: string): never => {
    throw new GreedynasError(
      'usage',
      `${source.name}/${file.path}: ${why}; allowed: a line for each image, with its name and its class, or its class alone in the order of the names`,
    );
  };
  if (file.size > longestList) refuse(`${file.size} bytes are no list`);
  const text = (await source.read(file)).toString('utf8');
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('ImageId,'));
  const indices = new Map(folders.map((folder, index) => [folder, index]));
  const stem = (path: string): string =>
    path
      .split('/')
      .at(-1)!
      .replace(/\.\w+$/, '');

  const alone = lines.every((line) => /^\S+$/.test(line) && !line.includes(','));
  if (alone) {
    if (lines.every((line) => /^\d+$/.test(line)) && !indices.has(lines[0] ?? '')) {
      refuse('numbers without images are the order of the development kit, which only its meta data explain');
    }
    if (lines.length !== images.length) refuse(`${lines.length} lines for ${images.length} images`);
    // `images` are sorted by path.
    const labels = new Map(images.map(({ path }, position) => [path, indices.get(lines[position]!)]));
    return { list: file.path, labelOf: ({ path }) => labels.get(path) };
  }
  const labels = new Map<string, number>();
  for (const [number, line] of lines.entries()) {
    const [image, name] = line.trim().split(/[\s,]+/);
    if (image === undefined || name === undefined) refuse(`line ${number + 1} names no class: ${line.slice(0, 60)}`);
    const label =
      indices.get(name!) ?? (/^\d+$/.test(name!) && Number(name) < folders.length ? Number(name) : undefined);
    if (label !== undefined) labels.set(stem(image!), label);
  }
  return { list: file.path, labelOf: ({ path }) => labels.get(stem(path)) };
}
