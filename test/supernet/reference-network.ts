/**
 * The forward pass of one path in plain float64, written from the description in src/space/space.ts and from the papers
 * (MobileNetV2, MobileNetV3), with batch statistics: what the graph's forward pass is compared with.
 */
import { operationToken } from '../../src/space/genotype.ts';
import type { Activation, FixedBlock, Path, Space } from '../../src/space/space.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import type { VariableValues } from '../graph/training-graph.ts';

interface Images {
  readonly count: number;
  readonly side: number;
  readonly channels: number;
  /** `[count, side, side, channels]` */
  readonly values: Float64Array;
}

type Weights = (name: string) => Float32Array;

/** Convolution with SAME padding: TensorFlow puts the odd pixel of padding at the bottom and on the right. */
function convolve(
  x: Images,
  filter: Float32Array,
  kernel: number,
  stride: number,
  out: number,
  depthwise: boolean,
): Images {
  const side = Math.ceil(x.side / stride);
  const before = Math.floor(Math.max((side - 1) * stride + kernel - x.side, 0) / 2);
  const values = new Float64Array(x.count * side * side * out);
  let index = 0;
  for (let image = 0; image < x.count; image++) {
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        for (let channel = 0; channel < out; channel++, index++) {
          for (let down = 0; down < kernel; down++) {
            for (let right = 0; right < kernel; right++) {
              const y = row * stride + down - before;
              const z = column * stride + right - before;
              if (y < 0 || z < 0 || y >= x.side || z >= x.side) continue;
              const from = ((image * x.side + y) * x.side + z) * x.channels;
              const at = down * kernel + right;
              if (depthwise) {
                values[index]! += x.values[from + channel]! * filter[at * out + channel]!;
                continue;
              }
              for (let input = 0; input < x.channels; input++) {
                values[index]! += x.values[from + input]! * filter[(at * x.channels + input) * out + channel]!;
              }
            }
          }
        }
      }
    }
  }
  return { count: x.count, side, channels: out, values };
}

function map(x: Images, change: (value: number, channel: number, image: number) => number): Images {
  const perImage = x.values.length / x.count;
  const values = x.values.map((value, index) => change(value, index % x.channels, Math.floor(index / perImage)));
  return { ...x, values };
}

function normalise(x: Images, weights: Weights, name: string): Images {
  const rows = x.values.length / x.channels;
  const mean = new Float64Array(x.channels);
  const variance = new Float64Array(x.channels);
  for (const [index, value] of x.values.entries()) mean[index % x.channels]! += value / rows;
  for (const [index, value] of x.values.entries()) {
    variance[index % x.channels]! += (value - mean[index % x.channels]!) ** 2 / rows;
  }
  const gamma = weights(`${name}/gamma`);
  const beta = weights(`${name}/beta`);
  return map(x, (value, c) => ((value - mean[c]!) / Math.sqrt(variance[c]! + 1e-5)) * gamma[c]! + beta[c]!);
}

const clip = (value: number): number => Math.min(Math.max(value, 0), 6);
const activations: Record<Activation, (value: number) => number> = {
  relu: (value) => Math.max(value, 0),
  relu6: clip,
  hswish: (value) => (value * clip(value + 3)) / 6,
};

function activate(x: Images, activation: Activation | null): Images {
  return activation === null ? x : map(x, activations[activation]);
}

/** The mean of each channel of each image, `[count, channels]`. */
function means(x: Images): Float64Array {
  const sums = new Float64Array(x.count * x.channels);
  const perImage = x.values.length / x.count;
  for (const [index, value] of x.values.entries()) {
    sums[Math.floor(index / perImage) * x.channels + (index % x.channels)]! += value / (x.side * x.side);
  }
  return sums;
}

/** `[count, inputs]` · `[inputs, outputs]` + `[outputs]` */
function linear(x: Float64Array, matrix: Float32Array, bias: Float32Array): Float64Array {
  const outputs = bias.length;
  const inputs = matrix.length / outputs;
  return Float64Array.from({ length: (x.length / inputs) * outputs }, (_, index) => {
    const row = Math.floor(index / outputs);
    let sum: number = bias[index % outputs]!;
    for (let input = 0; input < inputs; input++) {
      sum += x[row * inputs + input]! * matrix[input * outputs + (index % outputs)]!;
    }
    return sum;
  });
}

interface Bottleneck {
  readonly name: string;
  readonly kernel: number;
  readonly expansion: number;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly se: boolean;
}

function bottleneck(x: Images, block: Bottleneck, activation: Activation, weights: Weights): Images {
  const { name, kernel, expansion, stride, inChannels, outChannels } = block;
  const width = inChannels * expansion;
  let y = x;
  if (expansion !== 1) {
    y = convolve(y, weights(`${name}/expand/weights`), 1, 1, width, false);
    y = activate(normalise(y, weights, `${name}/expand`), activation);
  }
  y = convolve(y, weights(`${name}/depthwise/weights`), kernel, stride, width, true);
  y = activate(normalise(y, weights, `${name}/depthwise`), activation);
  if (block.se) {
    const squeezed = linear(means(y), weights(`${name}/squeeze/weights`), weights(`${name}/squeeze/bias`));
    const reduced = squeezed.map((value) => Math.max(value, 0));
    const excited = linear(reduced, weights(`${name}/excite/weights`), weights(`${name}/excite/bias`));
    y = map(y, (value, channel, image) => value * (clip(excited[image * width + channel]! + 3) / 6));
  }
  y = normalise(convolve(y, weights(`${name}/project/weights`), 1, 1, outChannels, false), weights, `${name}/project`);
  if (stride !== 1 || inChannels !== outChannels) return y;
  return { ...y, values: y.values.map((value, index) => value + x.values[index]!) };
}

function fixed(x: Images, block: FixedBlock, activation: Activation, weights: Weights): Images {
  if (block.kind === 'mbconv') return bottleneck(x, { ...block, se: false }, activation, weights);
  const y = convolve(x, weights(`${block.name}/weights`), block.kernel, block.stride, block.outChannels, false);
  return activate(normalise(y, weights, block.name), block.activation);
}

export interface Reference {
  /** Cross-entropy of each image, with smoothed labels. */
  readonly losses: number[];
  readonly correct: number;
}

export function referenceLosses(
  space: Space,
  path: Path,
  { images, labels }: ImageBatch,
  variables: VariableValues,
  {
    mean,
    deviation,
    labelSmoothing,
  }: { mean: readonly number[]; deviation: readonly number[]; labelSmoothing: number },
): Reference {
  const weights: Weights = (name) => {
    const found = variables[name];
    if (found === undefined) throw new Error(`no variable ${name}`);
    return found;
  };
  let x: Images = {
    count: labels.length,
    side: space.resolution,
    channels: 3,
    values: Float64Array.from(images, (byte, index) => (byte / 255 - mean[index % 3]!) / deviation[index % 3]!),
  };
  for (const block of space.stem) x = fixed(x, block, space.activation, weights);
  for (const [position, layer] of space.layers.entries()) {
    const operation = layer.operations[path[position]!]!;
    const name = `${layer.name}/${operationToken(operation)}`;
    if (operation.kind === 'mbconv') {
      x = bottleneck(x, { ...layer, ...operation, name }, space.activation, weights);
    } else if (layer.stride !== 1 || layer.inChannels !== layer.outChannels) {
      const y = convolve(x, weights(`${name}/weights`), 1, layer.stride, layer.outChannels, false);
      x = normalise(y, weights, name);
    }
  }
  for (const block of space.head) x = fixed(x, block, space.activation, weights);
  const logits = linear(means(x), weights('classifier/weights'), weights('classifier/bias'));
  const { classes } = space;
  let correct = 0;
  const losses = Array.from(labels, (label, image) => {
    const row = logits.slice(image * classes, (image + 1) * classes);
    const highest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    if (row[label] === highest) correct += 1;
    const normaliser = highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    return row.reduce((sum, value, index) => {
      const target = labelSmoothing / classes + (index === label ? 1 - labelSmoothing : 0);
      return sum + target * (normaliser - value);
    }, 0);
  });
  return { losses, correct };
}
