/**
 * A subnet's inference pass as plain data: a list of steps from the images to the logits, with their weights. Every export
 * format is written from it, so that each is one walk over a dozen kinds of steps. `supernet/network.ts` is the same pass
 * as it is trained; tests hold the two against each other.
 */
import { operationToken } from '../space/genotype.ts';
import { type Activation, keepsShape, type Path, type Space, squeezedChannels } from '../space/space.ts';

/** The ε of batch norm, that of `graph/ops/batch-norm.ts`. */
export const epsilon = 1e-5;

/** Which earlier step, by its place in the list, a step takes its input from. */
type Place = number;

/** What a step gives out: `[batch, side, side, channels]`, or `[batch, channels]` where `side` is null. */
interface Output {
  readonly side: number | null;
  readonly channels: number;
}

/** Weights are named; their values lie beside the program, in TensorFlow's layout. */
export type Step = Output &
  (
    | {
        /** uint8 images as numbers from 0 to 255 → (x / 255 − mean) / deviation. Always the first step, and the only one without input. */
        readonly kind: 'normalise';
        readonly mean: readonly number[];
        readonly deviation: readonly number[];
      }
    | {
        /** SAME padding. `filter`: `[kernel, kernel, in, out]`, or `[kernel, kernel, channels, 1]` if depthwise. */
        readonly kind: 'convolution';
        readonly input: Place;
        readonly filter: string;
        readonly bias: string | null;
        readonly kernel: number;
        readonly stride: number;
        readonly depthwise: boolean;
      }
    | {
        /** The prefix of `gamma`, `beta`, `mean` and `variance`. */
        readonly kind: 'batch-norm';
        readonly input: Place;
        readonly name: string;
      }
    | { readonly kind: 'activation'; readonly input: Place; readonly activation: Activation | 'hsigmoid' }
    /** The mean of each channel; `side` 1 keeps the dimensions. */
    | { readonly kind: 'mean'; readonly input: Place }
    /** Channels times gates `[batch, 1, 1, channels]`. */
    | { readonly kind: 'scale'; readonly input: Place; readonly gates: Place }
    | { readonly kind: 'add'; readonly input: Place; readonly other: Place }
    | { readonly kind: 'classifier'; readonly input: Place; readonly weights: string; readonly bias: string }
  );

/** Row-major float32 values. */
export interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Program {
  /** Side of the square input image, in pixels. */
  readonly resolution: number;
  readonly classes: number;
  /** The last one gives the logits. */
  readonly steps: readonly Step[];
  /** The shape of every weight, by name, in the order of their use. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** `Omit` that keeps the kinds of a union apart. */
type WithoutOutput<T> = T extends unknown ? Omit<T, 'side' | 'channels'> : never;

/** Writes the inference pass of a path down. */
export function writeProgram(
  space: Space,
  path: Path,
  { mean, deviation }: { readonly mean: readonly number[]; readonly deviation: readonly number[] },
): Program {
  const shapes = new Map<string, readonly number[]>();
  const steps: Step[] = [];
  const push = (step: WithoutOutput<Step>, side: number | null, channels: number): Place => {
    steps.push({ ...step, side, channels } as Step);
    return steps.length - 1;
  };
  const at = (place: Place): Step => steps[place]!;
  const weight = (name: string, shape: readonly number[]): string => {
    shapes.set(name, shape);
    return name;
  };

  const convolution = (
    input: Place,
    name: string,
    options: { kernel: number; stride: number; channels: number; depthwise?: boolean; bias?: boolean },
  ): Place => {
    const { kernel, stride, channels, depthwise = false, bias = false } = options;
    const { side, channels: inChannels } = at(input);
    const filter = weight(`${name}/weights`, [kernel, kernel, inChannels, depthwise ? 1 : channels]);
    const place = { kernel, stride, depthwise, filter, bias: bias ? weight(`${name}/bias`, [channels]) : null };
    return push({ kind: 'convolution', input, ...place }, Math.ceil((side ?? 1) / stride), channels);
  };
  const normalised = (input: Place, name: string, activation: Activation | null): Place => {
    const { side, channels } = at(input);
    for (const part of ['gamma', 'beta', 'mean', 'variance']) weight(`${name}/${part}`, [channels]);
    return activated(push({ kind: 'batch-norm', input, name }, side, channels), activation);
  };
  const activated = (input: Place, activation: Activation | 'hsigmoid' | null): Place => {
    const { side, channels } = at(input);
    return activation === null ? input : push({ kind: 'activation', input, activation }, side, channels);
  };
  const squeezeExcite = (input: Place, name: string): Place => {
    const { side, channels } = at(input);
    const squeezed = squeezedChannels(channels, space.seRatio);
    const pointwise = { kernel: 1, stride: 1, bias: true };
    let gates = push({ kind: 'mean', input }, 1, channels);
    gates = activated(convolution(gates, `${name}/squeeze`, { ...pointwise, channels: squeezed }), 'relu');
    gates = activated(convolution(gates, `${name}/excite`, { ...pointwise, channels }), 'hsigmoid');
    return push({ kind: 'scale', input, gates }, side, channels);
  };
  const bottleneck = (
    input: Place,
    name: string,
    block: { kernel: number; expansion: number; stride: number; inChannels: number; outChannels: number; se: boolean },
  ): Place => {
    const { kernel, expansion, stride, inChannels, outChannels } = block;
    const { activation } = space;
    const channels = inChannels * expansion;
    let x = input;
    if (expansion !== 1) {
      x = normalised(
        convolution(x, `${name}/expand`, { kernel: 1, stride: 1, channels }),
        `${name}/expand`,
        activation,
      );
    }
    x = convolution(x, `${name}/depthwise`, { kernel, stride, channels, depthwise: true });
    x = normalised(x, `${name}/depthwise`, activation);
    if (block.se) x = squeezeExcite(x, name);
    x = convolution(x, `${name}/project`, { kernel: 1, stride: 1, channels: outChannels });
    x = normalised(x, `${name}/project`, null);
    return keepsShape(block) ? push({ kind: 'add', input, other: x }, at(x).side, outChannels) : x;
  };

  let x = push({ kind: 'normalise', mean, deviation }, space.resolution, 3);
  const fixed = (blocks: Space['stem']): void => {
    for (const block of blocks) {
      if (block.kind === 'mbconv') {
        x = bottleneck(x, block.name, { ...block, se: false });
      } else {
        const { name, kernel, stride, outChannels, activation } = block;
        x = normalised(convolution(x, name, { kernel, stride, channels: outChannels }), name, activation);
      }
    }
  };
  fixed(space.stem);
  for (const [position, layer] of space.layers.entries()) {
    const operation = layer.operations[path[position]!]!;
    const name = `${layer.name}/${operationToken(operation)}`;
    if (operation.kind === 'mbconv') {
      x = bottleneck(x, name, { ...layer, ...operation });
    } else if (!keepsShape(layer)) {
      const { stride, outChannels } = layer;
      x = normalised(convolution(x, name, { kernel: 1, stride, channels: outChannels }), name, null);
    }
  }
  fixed(space.head);
  x = push({ kind: 'mean', input: x }, null, at(x).channels);
  const weights = weight('classifier/weights', [at(x).channels, space.classes]);
  const bias = weight('classifier/bias', [space.classes]);
  push({ kind: 'classifier', input: x, weights, bias }, null, space.classes);
  return { resolution: space.resolution, classes: space.classes, steps, shapes };
}

/** A program and the values of its weights. */
export interface WeightedProgram {
  readonly program: Program;
  readonly weights: ReadonlyMap<string, WeightTensor>;
}

/**
 * The same function with each batch norm worked into the convolution before it: filter · γ / √(variance + ε) by output
 * channel, and a bias β − mean · γ / √(variance + ε). Every batch norm of our networks follows a convolution without bias.
 */
export function foldBatchNorm({ program, weights }: WeightedProgram): WeightedProgram {
  const folded = new Map<string, WeightTensor>();
  const steps: Step[] = [];
  /** Where the steps of the old list are in the new one. */
  const moved: Place[] = [];
  for (const step of program.steps) {
    if (step.kind === 'batch-norm') {
      const place = moved[step.input]!;
      const convolution = steps[place]!;
      if (convolution.kind !== 'convolution' || convolution.bias !== null) {
        throw new Error(`batch norm ${step.name} does not follow a convolution without bias`);
      }
      const scale = channelScales(weights, step.name);
      const filter = valuesOf(weights, convolution.filter);
      folded.set(convolution.filter, { ...filter, values: scaleFilter(filter.values, scale, convolution.depthwise) });
      const bias = `${step.name}/bias`;
      folded.set(bias, { shape: [step.channels], values: shifts(weights, step.name, scale) });
      steps[place] = { ...convolution, bias };
      moved.push(place);
      continue;
    }
    steps.push(relocate(step, moved));
    moved.push(steps.length - 1);
  }
  for (const step of steps) {
    for (const name of weightNames(step)) if (!folded.has(name)) folded.set(name, valuesOf(weights, name));
  }
  const shapes = new Map(steps.flatMap(weightNames).map((name) => [name, folded.get(name)!.shape]));
  return { program: { ...program, steps, shapes }, weights: folded };
}

/** The weights that a step reads, batch norm's apart. */
function weightNames(step: Step): string[] {
  if (step.kind === 'convolution') return step.bias === null ? [step.filter] : [step.filter, step.bias];
  return step.kind === 'classifier' ? [step.weights, step.bias] : [];
}

function relocate(step: Step, moved: readonly Place[]): Step {
  if (step.kind === 'normalise') return step;
  const input = moved[step.input]!;
  if (step.kind === 'scale') return { ...step, input, gates: moved[step.gates]! };
  if (step.kind === 'add') return { ...step, input, other: moved[step.other]! };
  return { ...step, input };
}

/** The values of a weight; the caller has read them all. */
export function valuesOf(weights: ReadonlyMap<string, WeightTensor>, name: string): WeightTensor {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`the weights lack ${name}`);
  return tensor;
}

function channelScales(weights: ReadonlyMap<string, WeightTensor>, name: string): Float64Array {
  const gamma = valuesOf(weights, `${name}/gamma`).values;
  const variance = valuesOf(weights, `${name}/variance`).values;
  return Float64Array.from(gamma, (value, channel) => value / Math.sqrt(variance[channel]! + epsilon));
}

function shifts(weights: ReadonlyMap<string, WeightTensor>, name: string, scale: Float64Array): Float32Array {
  const beta = valuesOf(weights, `${name}/beta`).values;
  const mean = valuesOf(weights, `${name}/mean`).values;
  return beta.map((value, channel) => value - mean[channel]! * scale[channel]!);
}

/** Output channels are the last dimension; those of a depthwise filter `[kernel, kernel, channels, 1]` the one before, which in memory is the same. */
function scaleFilter(values: Float32Array, scale: Float64Array, depthwise: boolean): Float32Array {
  if (depthwise && values.length % scale.length !== 0) throw new Error('a depthwise filter has one slice a channel');
  return values.map((value, index) => value * scale[index % scale.length]!);
}
