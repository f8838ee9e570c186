/**
 * Which operations RandAugment (Cubuk et al. 2019) and colour jitter apply to an image, and which part random erasing (Zhong et al. 2017)
 * covers: levels, ranges and their order as timm has them. Every draw is a hash of (seed, epoch, image), so no draw depends on another's.
 */
import { type ImageOperation, imageOperations, operationValues } from '../graph/ops/augmentation.ts';
import { integerAt, itemKey, uniformAt } from './counter-hash.ts';
import type { Box } from './crops.ts';

export interface RandAugment {
  /** Operations an image, drawn with replacement; each is then left out half of the time. */
  readonly layers: number;
  /** Mean and standard deviation of the level, which is cut off to 0 … 10. */
  readonly magnitude: number;
  readonly deviation: number;
  /** Whether every operation's strength rises with the level; without, posterize, solarize and the enhancers have their own scales. */
  readonly increasing: boolean;
}

export interface OperationPolicy {
  /** Brightness, contrast and colour by factors of 1 − jitter … 1 + jitter, in a random order; 0: none. As torchvision's `ColorJitter`. */
  readonly colorJitter: number;
  readonly randAugment: RandAugment | null;
}

/** Which operations are drawn, in timm's order. */
const drawn = [
  'AutoContrast',
  'Equalize',
  'Invert',
  'Rotate',
  'Posterize',
  'Solarize',
  'SolarizeAdd',
  'Color',
  'Contrast',
  'Brightness',
  'Sharpness',
  'ShearX',
  'ShearY',
  'TranslateX',
  'TranslateY',
] as const;
export type DrawnOperation = (typeof drawn)[number];

/** An operation with its values, of which those that are left out are 0. */
export interface PlannedOperation {
  readonly operation: ImageOperation;
  readonly values: readonly number[];
}

const mostLevel = 10;
const jittered = ['brightness', 'contrast', 'color'] as const;
const jitterOrders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** Operations that each image has in its plan, `none` included. */
export function operationsPerImage({ colorJitter, randAugment }: OperationPolicy): number {
  return (colorJitter > 0 ? jittered.length : 0) + (randAugment?.layers ?? 0);
}

/** Draws 0 … 63 of an image are those of its flip and its crop, 64 … 71 of the jitter, 80 … 199 RandAugment's (20 layers), from 200 on the erasing's. */
const [firstJitter, firstLayer, firstErasing] = [64, 80, 200] as const;
const drawsPerLayer = 6;

/** The operations of image `index`, of `side` x `side` pixels, in the epoch with this key (`epochKey`). */
export function drawOperations(key: number, index: number, policy: OperationPolicy, side: number): PlannedOperation[] {
  const { colorJitter, randAugment } = policy;
  const item = itemKey(key, index);
  const planned: PlannedOperation[] = [];
  if (colorJitter > 0) {
    for (const which of jitterOrders[integerAt(item, firstJitter, jitterOrders.length)]!) {
      const factor = 1 + colorJitter * (2 * uniformAt(item, firstJitter + 1 + which) - 1);
      planned.push({ operation: jittered[which]!, values: [Math.max(0, factor)] });
    }
  }
  for (let layer = 0; layer < (randAugment?.layers ?? 0); layer++) {
    const first = firstLayer + drawsPerLayer * layer;
    const { magnitude, deviation, increasing } = randAugment!;
    if (uniformAt(item, first) >= 0.5) {
      planned.push({ operation: 'none', values: [] });
      continue;
    }
    const operation = drawn[integerAt(item, first + 1, drawn.length)]!;
    const level = magnitude + deviation * normal(uniformAt(item, first + 2), uniformAt(item, first + 3));
    const sign = uniformAt(item, first + 4) < 0.5 ? -1 : 1;
    planned.push(operationAt(operation, Math.min(mostLevel, Math.max(0, level)), sign, increasing, side));
  }
  return planned;
}

/** A normal deviate of two uniform ones in [0, 1) (Box and Muller 1958). */
function normal(one: number, other: number): number {
  return Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * other);
}

/** What an operation does at a level of 0 … 10; `sign`, −1 or 1, is that of a movement. */
export function operationAt(
  operation: DrawnOperation,
  level: number,
  sign: number,
  increasing: boolean,
  side: number,
): PlannedOperation {
  const share = level / mostLevel;
  const enhancer = (name: ImageOperation): PlannedOperation => ({
    operation: name,
    values: [increasing ? Math.max(0.1, 1 + sign * share * 0.9) : share * 1.8 + 0.1],
  });
  const moving = (transform: readonly number[]): PlannedOperation => ({
    operation: 'affine',
    values: betweenCentres(transform),
  });
  switch (operation) {
    case 'AutoContrast':
      return { operation: 'autocontrast', values: [] };
    case 'Equalize':
      return { operation: 'equalize', values: [] };
    case 'Invert':
      return { operation: 'invert', values: [] };
    case 'Posterize': {
      const bits = Math.floor(share * 4);
      return { operation: 'posterize', values: [2 ** (8 - (increasing ? 4 - bits : bits))] };
    }
    case 'Solarize': {
      const threshold = Math.min(256, Math.floor(share * 256));
      return { operation: 'solarize', values: [increasing ? 256 - threshold : threshold] };
    }
    case 'SolarizeAdd':
      return { operation: 'solarize-add', values: [Math.min(128, Math.floor(share * 110))] };
    case 'Color':
      return enhancer('color');
    case 'Contrast':
      return enhancer('contrast');
    case 'Brightness':
      return enhancer('brightness');
    case 'Sharpness':
      return enhancer('sharpness');
    case 'Rotate':
      return moving(rotation(sign * share * 30, side));
    case 'ShearX':
      return moving([1, sign * share * 0.3, 0, 0, 1, 0]);
    case 'ShearY':
      return moving([1, 0, 0, sign * share * 0.3, 1, 0]);
    case 'TranslateX':
      return moving([1, 0, sign * share * 0.45 * side, 0, 1, 0]);
    case 'TranslateY':
      return moving([1, 0, 0, 0, 1, sign * share * 0.45 * side]);
  }
}

/** From where a pixel comes when the image is turned counter-clockwise about its centre, by corners of pixels, as Pillow has it. */
function rotation(degrees: number, side: number): number[] {
  const angle = (-degrees * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const centre = side / 2;
  return [
    cosine,
    sine,
    centre - cosine * centre - sine * centre,
    -sine,
    cosine,
    centre + sine * centre - cosine * centre,
  ];
}

/** A transform of points counted from the corner of the first pixel to one of points counted from its centre. */
function betweenCentres([a = 1, b = 0, c = 0, d = 0, e = 1, f = 0]: readonly number[]): number[] {
  return [a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2];
}

/** Columns of a plan: numbers of operations `[count, layers]` and their values `[count, layers · 6]`. */
export function operationColumns(planned: readonly (readonly PlannedOperation[])[], layers: number) {
  const operations = new Int32Array(planned.length * layers);
  const values = new Float32Array(planned.length * layers * operationValues);
  for (const [row, image] of planned.entries()) {
    for (const [layer, { operation, values: own }] of image.entries()) {
      operations[row * layers + layer] = imageOperations.indexOf(operation);
      values.set(own, (row * layers + layer) * operationValues);
    }
  }
  return { operations, values };
}

/** Shares of the image that is covered, and ratios of height to width, each from … to. timm. */
const erased = { area: [0.02, 1 / 3], ratio: [0.3, 1 / 0.3] } as const;
const tries = 10;

/** What random erasing covers of image `index`; null: nothing. */
export function drawErasing(key: number, index: number, probability: number, side: number): Box | null {
  const item = itemKey(key, index);
  if (uniformAt(item, firstErasing) >= probability) return null;
  const [leastRatio, mostRatio] = erased.ratio;
  for (let attempt = 0; attempt < tries; attempt++) {
    const first = firstErasing + 1 + 4 * attempt;
    const share = erased.area[0] + uniformAt(item, first) * (erased.area[1] - erased.area[0]);
    const area = side * side * share;
    const ratio = Math.exp(Math.log(leastRatio) + uniformAt(item, first + 1) * Math.log(mostRatio / leastRatio));
    const height = Math.round(Math.sqrt(area * ratio));
    const width = Math.round(Math.sqrt(area / ratio));
    if (height >= side || width >= side) continue;
    const top = integerAt(item, first + 2, side - height + 1);
    const left = integerAt(item, first + 3, side - width + 1);
    return { top, left, height, width };
  }
  return null;
}
