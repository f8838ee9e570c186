/** Tells data sets apart: what a run was trained on is noted in its checkpoints, and compared when it goes on. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { DataSet, ImageSource } from './dataset.ts';

/** Two data sets with equal identities hold the same images in the same order, as far as can be told without reading files. */
export interface DataIdentity {
  /** Images to train on, and held out. */
  readonly train: number;
  readonly validation: number;
  readonly classes: number;
  /**
   * Of images in memory: of their bytes and classes. Of images in files: of each one's file name (without its folder, which may be
   * moved), place in it, size in pixels and class; their contents are not read.
   */
  readonly sha256: string;
}

/** Takes about 0.2 s for the 45,000 images of CIFAR-10 and for a million images in files. */
export function identifyData({
  train,
  validation,
  classes,
}: Pick<DataSet, 'train' | 'validation' | 'classes'>): DataIdentity {
  const hash = createHash('sha256');
  for (const source of [train, validation]) for (const column of columns(source)) hash.update(column);
  return {
    train: train.count,
    validation: validation.count,
    classes: classes.length,
    sha256: hash.digest('hex'),
  };
}

function columns(source: ImageSource): (string | NodeJS.ArrayBufferView)[] {
  if (!('names' in source)) return [source.images, source.labels];
  const names = source.names.map((name) => basename(name)).join('\0');
  return [names, source.file, source.offset, source.widths, source.heights, source.labels];
}
