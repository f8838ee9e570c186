/** The search spaces that ship with the project, as tables, and their expansion into a `Space`. Nothing else knows them. */
import { GreedynasError } from '../errors.ts';
import type { Activation, FixedBlock, Layer, Operation, Space } from './space.ts';

/** A run of searchable layers of the same width; only its first layer may have a stride. */
interface Stage {
  readonly name: string;
  readonly channels: number;
  readonly layers: number;
}

/** A whole space at width 1, the form in which a new one is written down. */
export interface SpaceTable {
  readonly name: string;
  readonly resolution: number;
  readonly classes: number;
  readonly activation: Activation;
  readonly seRatio: number;
  /** Output channels of the 3x3 convolution with ReLU that reads the image. */
  readonly stemChannels: number;
  /** Output channels of a fixed MBConv (kernel 3, expansion 1, stride 1) after it, if there is one. */
  readonly stemBlockChannels: number | null;
  readonly stages: readonly Stage[];
  /** In the order of the indices of a path; the same for every layer. */
  readonly operations: readonly Operation[];
  /** Output channels of the 1x1 convolution with ReLU before the global average pool. */
  readonly headChannels: number;
  /** Stride of the stem convolution, then of the first layer of each stage. */
  readonly strides: readonly number[];
}

export interface SpaceOptions {
  readonly preset: string;
  /** Side of the square input image, in pixels. */
  readonly resolution?: number;
  readonly classes?: number;
  /** Multiplies the channels of every block; see `scaledChannels`. */
  readonly width?: number;
  /** Stride (1 or 2) of the stem convolution, then of the first layer of each stage. */
  readonly strides?: readonly number[];
  /** Layers of each stage, at least 1. */
  readonly depths?: readonly number[];
}

const identity: Operation = { kind: 'identity' };

/** For each expansion, for each kernel, for SE off and on where asked; identity last. */
function mobileOperations(se: readonly boolean[]): Operation[] {
  const bottlenecks = [3, 6].flatMap((expansion) =>
    [3, 5, 7].flatMap((kernel) => se.map((on): Operation => ({ kind: 'mbconv', expansion, kernel, se: on }))),
  );
  return [...bottlenecks, identity];
}

/** The 21 layers that GreedyNAS and ProxylessNAS search (4+4+4+4+4+1), 7 operations each: 7^21 paths. */
const mobilenet7: SpaceTable = {
  name: 'mobilenet-7',
  resolution: 224,
  classes: 1000,
  activation: 'relu',
  seRatio: 0.25,
  stemChannels: 32,
  stemBlockChannels: 16,
  stages: [
    { name: 'stage1', channels: 32, layers: 4 },
    { name: 'stage2', channels: 40, layers: 4 },
    { name: 'stage3', channels: 80, layers: 4 },
    { name: 'stage3b', channels: 96, layers: 4 },
    { name: 'stage4', channels: 192, layers: 4 },
    { name: 'stage5', channels: 320, layers: 1 },
  ],
  operations: mobileOperations([false]),
  headChannels: 1280,
  strides: [2, 2, 2, 2, 1, 2, 1],
};

/** The same layers with squeeze-and-excite as a choice and H-Swish: 13^21 paths, the paper's larger space. */
const mobilenet13: SpaceTable = {
  ...mobilenet7,
  name: 'mobilenet-13-se',
  activation: 'hswish',
  operations: mobileOperations([false, true]),
};

/** NAS-Bench-Macro: 8 layers, 3 operations, 6,561 codes. A digit of its codes is the index of an operation. */
const nasBenchMacro: SpaceTable = {
  name: 'nas-bench-macro',
  resolution: 32,
  classes: 10,
  activation: 'relu',
  seRatio: 0.25,
  stemChannels: 32,
  stemBlockChannels: null,
  stages: [
    { name: 'stage1', channels: 64, layers: 2 },
    { name: 'stage2', channels: 128, layers: 3 },
    { name: 'stage3', channels: 256, layers: 3 },
  ],
  operations: [
    identity,
    { kind: 'mbconv', expansion: 3, kernel: 3, se: false },
    { kind: 'mbconv', expansion: 6, kernel: 5, se: false },
  ],
  headChannels: 1280,
  strides: [1, 2, 2, 2],
};

/** Every space by the name that `space.preset` takes. */
export const spacePresets: Readonly<Record<SpacePresetName, SpaceTable>> = {
  'mobilenet-7': mobilenet7,
  'mobilenet-13-se': mobilenet13,
  'nas-bench-macro': nasBenchMacro,
};

export const spacePresetNames = ['mobilenet-7', 'mobilenet-13-se', 'nas-bench-macro'] as const;
export type SpacePresetName = (typeof spacePresetNames)[number];

/**
 * Channels at a width multiplier: the multiple of 8 nearest to `channels * width`, at least 8, and the next one up where
 * that would lose more than a tenth (the rule of MobileNetV2).
 */
export function scaledChannels(channels: number, width: number): number {
  const wanted = channels * width;
  const nearest = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return nearest < 0.9 * wanted ? nearest + 8 : nearest;
}

/** The preset of that name at these options. Throws a usage error that names the option, its value and what is allowed. */
export function buildSpace(options: SpaceOptions): Space {
  return expandTable(spacePresets[requirePreset(options.preset)], options);
}

/** Throws a usage error that lists the presets unless `name` is one. */
export function requirePreset(name: string): SpacePresetName {
  const found = spacePresetNames.find((known) => known === name);
  if (found !== undefined) return found;
  throw new GreedynasError('usage', `space.preset: ${JSON.stringify(name)}, allowed: ${spacePresetNames.join(', ')}`);
}

/**
 * Writes a table out layer by layer. As in MobileNetV2 a width below 1 does not narrow the head's convolution (a small
 * network keeps its feature vector); a width above 1 widens it. Throws a usage error as `buildSpace` does.
 */
export function expandTable(table: SpaceTable, options: Omit<SpaceOptions, 'preset'> = {}): Space {
  const { resolution = table.resolution, classes = table.classes, width = 1, strides = table.strides } = options;
  const depths = options.depths ?? tableDepths(table);
  requireInteger('space.resolution', resolution);
  requireInteger('space.classes', classes);
  if (!(width > 0 && Number.isFinite(width))) {
    throw new GreedynasError('usage', `space.width: ${width}, allowed: a number above 0`);
  }
  const problem = strideProblem(table, strides);
  if (problem !== null) {
    throw new GreedynasError('usage', `space.strides: [${strides.join(', ')}], allowed: ${problem}`);
  }
  const depthsAllowed = depthProblem(table, depths);
  if (depthsAllowed !== null) {
    throw new GreedynasError('usage', `space.depths: [${depths.join(', ')}], allowed: ${depthsAllowed}`);
  }
  const [stemStride = 1, ...stageStrides] = strides;
  const stem: FixedBlock[] = [];
  let channels = scaledChannels(table.stemChannels, width);
  stem.push({
    kind: 'conv',
    name: 'stem_conv',
    kernel: 3,
    stride: stemStride,
    inChannels: 3,
    outChannels: channels,
    activation: 'relu',
  });
  if (table.stemBlockChannels !== null) {
    const outChannels = scaledChannels(table.stemBlockChannels, width);
    stem.push({
      kind: 'mbconv',
      name: 'stem_block',
      kernel: 3,
      expansion: 1,
      stride: 1,
      inChannels: channels,
      outChannels,
    });
    channels = outChannels;
  }
  const layers: Layer[] = [];
  for (const [index, stage] of table.stages.entries()) {
    const outChannels = scaledChannels(stage.channels, width);
    for (let position = 0; position < (depths[index] ?? 0); position++) {
      layers.push({
        name: `${stage.name}_${position}`,
        stride: position === 0 ? (stageStrides[index] ?? 1) : 1,
        inChannels: channels,
        outChannels,
        operations: table.operations,
      });
      channels = outChannels;
    }
  }
  const head: FixedBlock = {
    kind: 'conv',
    name: 'head_conv',
    kernel: 1,
    stride: 1,
    inChannels: channels,
    outChannels: scaledChannels(table.headChannels, Math.max(1, width)),
    activation: 'relu',
  };
  const { name, activation, seRatio } = table;
  return { name, resolution, classes, activation, seRatio, stem, layers, head: [head] };
}

/** What the strides of this table must be, or null where these are. */
export function strideProblem(table: SpaceTable, strides: readonly number[]): string | null {
  const count = table.stages.length + 1;
  if (strides.length === count && strides.every((stride) => stride === 1 || stride === 2)) return null;
  return `${count} strides of 1 or 2: the stem convolution's, then the first layer's of ${table.stages.map((stage) => stage.name).join(', ')}`;
}

/** Layers of each stage as the table is published. */
export function tableDepths(table: SpaceTable): number[] {
  return table.stages.map((stage) => stage.layers);
}

/** What the depths of this table must be, or null where these are. */
export function depthProblem(table: SpaceTable, depths: readonly number[]): string | null {
  const count = table.stages.length;
  if (depths.length === count && depths.every((depth) => Number.isInteger(depth) && depth >= 1 && depth <= 64))
    return null;
  return `${count} whole numbers from 1 to 64: the layers of ${table.stages.map((stage) => stage.name).join(', ')}`;
}

function requireInteger(key: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new GreedynasError('usage', `${key}: ${value}, allowed: a whole number of at least 1`);
  }
}
