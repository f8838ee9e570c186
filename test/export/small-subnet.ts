/** Subnets with trained weights and batch-norm statistics of their own, small enough for tests, and what their network says of images. */
import { join } from 'node:path';
import { openSession } from '../../src/engine/session.ts';
import { addCheckpoint } from '../../src/graph/checkpoint.ts';
import { Graph } from '../../src/graph/graph.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { buildNetwork } from '../../src/supernet/network.ts';
import { createSubnetSession } from '../../src/supernet/session.ts';
import { cutSubnet, type SubnetDescription, subnetWeights } from '../../src/supernet/subnet.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { engineBinding } from '../graph/engine.ts';
import { imageBatch, sessionOptions } from '../supernet/small-space.ts';

export interface SmallSubnet {
  readonly space: SubnetDescription['space'];
  readonly genotype: string;
}

/** Every kind of block: squeeze-and-excite, H-Swish, expansion 1, a true skip, a skip that is a convolution; strides 1 and 2. */
export const smallSubnets: Readonly<Record<'se' | 'macro', SmallSubnet>> = {
  se: {
    space: {
      preset: 'mobilenet-13-se',
      resolution: 32,
      classes: 10,
      width: 0.25,
      strides: [2, 2, 1, 2, 1, 2, 1],
      depths: [2, 1, 2, 1, 1, 1],
    },
    genotype: 'e3k3se e6k5 skip e6k7se skip e3k5se e3k7 e6k3se',
  },
  macro: {
    space: {
      preset: 'nas-bench-macro',
      resolution: 31,
      classes: 10,
      width: 0.25,
      strides: [1, 2, 2, 2],
      depths: [2, 1, 2],
    },
    genotype: 'e6k5 skip e3k3 e6k5 e3k3',
  },
};

/** How a network is trained before it is cut out, and on what. */
interface BriefTraining {
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  /** A batch of so many images; equal numbers give equal batches. */
  readonly images: (count: number, number: number) => ImageBatch;
}

/** Trains a network a little and writes it as a subnet. */
export async function writeSmallSubnet(
  directory: string,
  { space: options, genotype }: SmallSubnet,
  training?: BriefTraining,
): Promise<void> {
  const space = buildSpace(options);
  const { steps, batch, learningRate, images } = training ?? {
    steps: 4,
    batch: 8,
    learningRate: 0.05,
    images: (count: number, number: number) => imageBatch(count, number, space),
  };
  const path = parseGenotype(space, genotype);
  const session = sessionOptions();
  const network = createSubnetSession(space, path, session);
  const weightsPrefix = join(directory, '..', 'trained');
  try {
    network.initialise(7);
    for (let step = 0; step < steps; step++) network.trainStep(path, images(batch, step), learningRate);
    network.save(weightsPrefix);
  } finally {
    network.close();
  }
  await cutSubnet({
    space,
    spaceOptions: options,
    path,
    weightsPrefix,
    directory,
    session,
    classNames: Array.from({ length: options.classes }, (_, index) => `class ${index}`),
    origin: {
      run: 'small',
      step: 4,
      dataset: 'cifar10',
      seed: 7,
      heldOut: 9,
      calibrationImages: 11,
      calibrationBatch: 5,
      validationBatch: 4,
    },
    calibration: images(11, 103),
    validation: images(9, 102),
  });
}

/** Logits of the network as it is trained and evaluated, `[images, classes]`. */
export function referenceLogits(directory: string, subnet: SubnetDescription, { images }: ImageBatch): Float32Array {
  const space = buildSpace(subnet.space);
  const side = space.resolution;
  const graph = new Graph();
  const fed = graph.placeholder('images', 'uint8', [-1, side, side, 3]);
  const { mean, deviation } = subnet;
  const logits = buildNetwork(fed, {
    graph,
    space,
    choice: { kind: 'fixed', path: parseGenotype(space, subnet.path) },
    mode: { statistics: 'running' },
    pass: 'reference',
    mean,
    deviation,
    zeroGamma: false,
  });
  graph.output('logits', logits);
  const prefix = graph.placeholder('prefix', 'string', []);
  addCheckpoint(graph, [...graph.variables.values()], prefix, { restore: 'restore' });
  const session = openSession(engineBinding(), graph.encode());
  try {
    session.run({ 'prefix:0': { text: subnetWeights(directory) } }, ['restore:0']);
    const count = images.length / (side * side * 3);
    return session.run({ 'images:0': { shape: [count, side, side, 3], values: images } }, [
      'logits:0',
    ])[0] as Float32Array;
  } finally {
    session.close();
  }
}

/** The images as float32 in [0, 1], channels first. */
export function channelsFirst({ images: bytes, labels }: ImageBatch, side: number): Float32Array {
  const area = side * side;
  return Float32Array.from({ length: bytes.length }, (_, index) => {
    const image = Math.floor(index / (3 * area));
    const channel = Math.floor((index % (3 * area)) / area);
    return bytes[(image * area + (index % area)) * 3 + channel]! / 255;
  }).subarray(0, labels.length * area * 3);
}

/** The largest absolute difference of two lists of logits, and the images whose highest logit is not the same. */
export function compareLogits(actual: ArrayLike<number>, expected: Float32Array, classes: number) {
  let largest = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  let otherTop1 = 0;
  for (let start = 0; start < expected.length; start += classes) {
    const best = (values: ArrayLike<number>): number => {
      let top = start;
      for (let index = start; index < start + classes; index++) if (values[index]! > values[top]!) top = index;
      return top;
    };
    for (let index = start; index < start + classes; index++) {
      const difference = Math.abs(actual[index]! - expected[index]!);
      // Written so that NaN counts.
      if (!(difference <= largest)) largest = difference;
    }
    if (best(actual) !== best(expected)) otherTop1 += 1;
  }
  return { largest, otherTop1 };
}
