/**
 * Which class and split each file of a source belongs to, from its path alone.
 *
 * Layouts: `train/<class>/…` with `val/<class>/…` (also `validation` or `test`); `<class>/…` alone; a flat `val/` with a list of its
 * classes (ImageNet, Tiny ImageNet). Below the class any folders may follow, as Tiny ImageNet's `images/`.
 */
import { GreedynasError } from '../errors.ts';
import { classTexts } from './class-names.ts';
import type { FileSource, SourceFile } from './source-files.ts';
import { readValidationList, type ValidationLabels } from './validation-list.ts';

export interface ClassName {
  /** The name of its folder: ImageNet's synset. */
  readonly folder: string;
  /** For people; the folder's name where the source has no list of names. */
  readonly text: string;
}

export interface LabelledFile {
  readonly file: SourceFile;
  /** Index into the classes. */
  readonly label: number;
}

export interface SourceLayout {
  /** What was found, in words. */
  readonly description: string;
  /** Sorted by folder name, which gives them their indices. */
  readonly classes: readonly ClassName[];
  readonly train: readonly LabelledFile[];
  readonly test: readonly LabelledFile[];
  /** Files that are no images of either split, each with the reason. */
  readonly ignored: readonly { readonly path: string; readonly reason: string }[];
}

/** Names that sharp or TensorFlow may be able to open. */
const imageName = /\.(jpe?g|png|gif|webp|tiff?|avif|heic|bmp|ppm)$/i;
const testFolders = ['val', 'validation', 'test'];

/**
 * @param list a file of the source with the classes of a flat `val/`; null: looked for under the usual names
 * @throws GreedynasError `usage` if the source has no images by class
 */
export async function readLayout(source: FileSource, list: string | null): Promise<SourceLayout> {
  const ignored = source.refused.map(({ path, reason }) => ({ path, reason }));
  const images: SourceFile[] = [];
  for (const file of source.files) {
    const name = file.path.split('/').at(-1)!;
    if (imageName.test(name) && !name.startsWith('.')) images.push(file);
    else ignored.push({ path: file.path, reason: 'not named as an image' });
  }
  const under = (top: string): SourceFile[] => images.filter(({ path }) => path.startsWith(`${top}/`));
  const split = under('train').length > 0;
  const testFolder = split ? testFolders.find((top) => under(top).length > 0) : undefined;
  const depth = split ? 1 : 0;
  const trainFiles = split ? under('train') : images;
  const folderOf = ({ path }: SourceFile): string | null => {
    const parts = path.split('/');
    return parts.length > depth + 1 ? parts[depth]! : null;
  };

  const folders = [...new Set(trainFiles.map(folderOf).filter((folder) => folder !== null))].sort();
  if (folders.length === 0) {
    throw new GreedynasError(
      'usage',
      `${source.name}: ${images.length} images, but none in the folder of a class; allowed: <class>/<image>, or train/<class>/<image> with val/<class>/<image>`,
    );
  }
  const indices = new Map(folders.map((folder, index) => [folder, index]));
  const train: LabelledFile[] = [];
  for (const file of trainFiles) {
    const label = indices.get(folderOf(file) ?? '');
    if (label !== undefined) train.push({ file, label });
    else ignored.push({ path: file.path, reason: 'in no class folder' });
  }

  const test: LabelledFile[] = [];
  let testDescription = 'no test images';
  let labels: ValidationLabels | null = null;
  if (testFolder !== undefined) {
    const files = under(testFolder);
    const byFolder = files.some((file) => indices.has(folderOf(file) ?? ''));
    labels = byFolder ? null : await readValidationList(source, files, list, folders);
    testDescription = byFolder
      ? `${testFolder}/<class>`
      : `${testFolder}/ with ${labels?.list ?? 'no list of its classes'}`;
    for (const file of files) {
      const label = labels === null ? indices.get(folderOf(file) ?? '') : labels.labelOf(file);
      if (label !== undefined) test.push({ file, label });
      else
        ignored.push({
          path: file.path,
          reason: byFolder ? 'its class has no training images' : 'its class is not known',
        });
    }
  }
  if (split) {
    for (const file of images) {
      const top = file.path.split('/')[0]!;
      if (top !== 'train' && top !== testFolder)
        ignored.push({ path: file.path, reason: 'in neither train/ nor val/' });
    }
  }
  const texts = await classTexts(source);
  const looked = [texts.list, labels?.list];
  return {
    description: split ? `train/<class>, ${testDescription}` : 'folders of classes, all of them for training',
    classes: folders.map((folder) => ({ folder, text: texts.names.get(folder) ?? folder })),
    train,
    test,
    ignored: ignored.filter(({ path }) => !looked.includes(path)),
  };
}
