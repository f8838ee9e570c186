/** A space with one of everything, small enough to train in milliseconds, and images for it. */

import { createStream } from '../../src/random/stream.ts';
import type { Operation, Path, Space } from '../../src/space/space.ts';
import type { NetworkRecipe } from '../../src/supernet/compile.ts';
import type { SessionOptions } from '../../src/supernet/session.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { engine } from '../graph/engine.ts';

const identity: Operation = { kind: 'identity' };

function mbconv(expansion: number, kernel: number, se = false): Operation {
  return { kind: 'mbconv', expansion, kernel, se };
}

/** Residual and not, identity as a skip and as a strided convolution, expansion 1, squeeze-and-excite, H-Swish. */
export const smallSpace: Space = {
  name: 'small',
  resolution: 16,
  classes: 6,
  activation: 'hswish',
  seRatio: 0.25,
  stem: [
    { kind: 'conv', name: 'stem', kernel: 3, stride: 1, inChannels: 3, outChannels: 4, activation: 'relu' },
    { kind: 'mbconv', name: 'first', kernel: 3, expansion: 1, stride: 1, inChannels: 4, outChannels: 4 },
  ],
  layers: [
    {
      name: 'layer1',
      stride: 2,
      inChannels: 4,
      outChannels: 6,
      operations: [mbconv(2, 3), mbconv(3, 5, true), identity],
    },
    {
      name: 'layer2',
      stride: 1,
      inChannels: 6,
      outChannels: 6,
      operations: [mbconv(1, 3), mbconv(2, 3, true), identity],
    },
    { name: 'layer3', stride: 2, inChannels: 6, outChannels: 8, operations: [mbconv(2, 7), mbconv(2, 3), identity] },
    {
      name: 'layer4',
      stride: 1,
      inChannels: 8,
      outChannels: 8,
      operations: [mbconv(2, 5), mbconv(3, 3, true), identity],
    },
  ],
  head: [{ kind: 'conv', name: 'head', kernel: 1, stride: 1, inChannels: 8, outChannels: 12, activation: 'relu6' }],
};

/** Together they take every operation. */
export const paths: readonly Path[] = [
  [0, 1, 0, 1],
  [1, 0, 1, 2],
  [2, 2, 2, 0],
];

export const recipe: NetworkRecipe = {
  mean: [0.49, 0.48, 0.45],
  deviation: [0.25, 0.24, 0.26],
  labelSmoothing: 0.1,
  dropout: 0,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-3,
  zeroGamma: false,
};

export function sessionOptions(changes: Partial<NetworkRecipe> = {}): SessionOptions {
  return { recipe: { ...recipe, ...changes }, engine, batches: { ranking: 3, validation: 4, calibration: 5 } };
}

/** Noise with a tint for each class, so that there is something to learn. */
export function imageBatch(count: number, seed: number, space: Space = smallSpace): ImageBatch {
  const stream = createStream(seed, 'test images');
  const labels = Int32Array.from({ length: count }, () => stream.integer(space.classes));
  const size = space.resolution ** 2 * 3;
  const images = Uint8Array.from({ length: count * size }, (_, index) => {
    const label = labels[Math.floor(index / size)]!;
    return stream.integer(160) + (index % 3 === label % 3 ? 60 : 0) + (label > 2 ? 30 : 0);
  });
  return { images, labels };
}

/** Rows `start` … `end − 1` of a batch. */
export function partOf({ images, labels }: ImageBatch, start: number, end: number): ImageBatch {
  const size = images.length / labels.length;
  return { images: images.slice(start * size, end * size), labels: labels.slice(start, end) };
}
