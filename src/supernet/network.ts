/**
 * The forward pass of a space's networks: all of them at once (a choice of operations in each layer), or one fixed path.
 *
 * Blocks are those of MobileNetV2 (Sandler et al. 2018) and MobileNetV3's squeeze-and-excite (Howard et al. 2019), as
 * `space.ts` describes them. Only forward passes are written here; gradients follow from them.
 */
import type { Graph, Scope, Tensor, Variable, VariableOptions } from '../graph/graph.ts';
import { hSigmoid, hSwish, relu, relu6 } from '../graph/ops/activations.ts';
import { add, elementwise, scaleChannels } from '../graph/ops/arithmetic.ts';
import { batchNorm } from '../graph/ops/batch-norm.ts';
import { conv2d, depthwiseConv2d } from '../graph/ops/convolution.ts';
import { biasAdd, matMul } from '../graph/ops/dense.ts';
import { normaliseImages } from '../graph/ops/images.ts';
import { joinsProduct, pointwiseBatchNorm } from '../graph/ops/pointwise-batch-norm.ts';
import { globalAveragePool } from '../graph/ops/pooling.ts';
import { dropout, dropPath } from '../graph/ops/random.ts';
import { moveTowards } from '../graph/ops/running-average.ts';
import { reshape } from '../graph/ops/shapes.ts';
import { switchCase } from '../graph/switch-case.ts';
import { operationToken } from '../space/genotype.ts';
import {
  type Activation,
  type FixedBlock,
  keepsShape,
  type Layer,
  type Operation,
  type Path,
  type Space,
  squeezedChannels,
} from '../space/space.ts';

/** Where batch norm takes its statistics from, and what happens to the running ones. */
export type Mode =
  /** From the batch. Training and ranking. */
  | {
      readonly statistics: 'batch';
      readonly dropout?: RandomDrop;
      /** Of a fixed network: `rate` is that of its last block, and rises linearly with depth. */
      readonly dropPath?: RandomDrop;
      /** Moves the running statistics of a fixed network towards those of the batch by this factor; none: nothing is kept. */
      readonly keep?: Tensor;
    }
  /** From the batch; the running ones move towards them by `factor` (a float32 scalar). */
  | { readonly statistics: 'recalibrate'; readonly factor: Tensor }
  /** From the running ones. */
  | { readonly statistics: 'running' };

/** What is dropped with which probability, in [0, 1); `seed`: int32 `[2]`. */
export interface RandomDrop {
  readonly rate: number;
  readonly seed: Tensor;
}

/** Which operation each layer runs: a fed index for each layer, or a path known when the graph is built. */
export type Choice =
  | { readonly kind: 'fed'; readonly indices: readonly Tensor[] }
  | { readonly kind: 'fixed'; readonly path: Path };

export interface NetworkOptions {
  readonly graph: Graph;
  readonly space: Space;
  readonly choice: Choice;
  readonly mode: Mode;
  /** Names the choice blocks of this pass; unique in the graph. */
  readonly pass: string;
  /** Mean and standard deviation of each colour, of images scaled to [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Starts every residual block as the identity: the last scale of its batch norms is 0 (Goyal et al. 2017, section 5.1). */
  readonly zeroGamma: boolean;
  /** What is done to the normalised images first. */
  readonly disturb?: (images: Tensor) => Tensor;
  /** What the names of all variables of this pass begin with: of a second set of weights, such as averages. Default: nothing. */
  readonly prefix?: string;
}

/** What the blocks of one pass share. */
interface Pass {
  readonly graph: Graph;
  readonly space: Space;
  readonly mode: Mode;
  readonly prefix: string;
  /** Running statistics of a fixed network are part of its checkpoint; those of a supernet belong to the last path recalibrated. */
  readonly keepsStatistics: boolean;
  readonly zeroGamma: boolean;
}

/**
 * Logits of images.
 *
 * @param images uint8 `[batch, resolution, resolution, 3]`
 * @returns float32 `[batch, classes]`
 */
export function buildNetwork(images: Tensor, options: NetworkOptions): Tensor {
  const { space, choice } = options;
  const scope = options.graph.main;
  let x = buildStem(images, options);
  for (const [position, layer] of space.layers.entries()) {
    x = searchedLayer(passOf(options), scope, x, layer, position, choice, options.pass);
  }
  return buildHead(x, options);
}

/** What comes before the layers: the normalised images through the stem's blocks. */
export function buildStem(images: Tensor, options: NetworkOptions): Tensor {
  const scope = options.graph.main;
  let x = normaliseImages(scope, images, options.mean, options.deviation);
  if (options.disturb !== undefined) x = options.disturb(x);
  for (const block of options.space.stem) x = fixedBlock(passOf(options), scope, x, block);
  return x;
}

/** One operation of a layer by itself; its variables are those that it has in the network. */
export function buildOperation(x: Tensor, layer: Layer, operation: Operation, options: NetworkOptions): Tensor {
  return candidate(passOf(options), options.graph.main, x, layer, operation);
}

/** What comes after the layers: the head's blocks, the global average pool and the classifier. */
export function buildHead(features: Tensor, options: NetworkOptions): Tensor {
  const { mode } = options;
  const scope = options.graph.main;
  const pass = passOf(options);
  let x = features;
  for (const block of options.space.head) x = fixedBlock(pass, scope, x, block);
  x = globalAveragePool(scope, x);
  if (mode.statistics === 'batch' && mode.dropout) x = dropout(scope, x, mode.dropout.rate, mode.dropout.seed);
  return classifier(pass, scope, x);
}

function passOf({ graph, space, choice, mode, zeroGamma, prefix = '' }: NetworkOptions): Pass {
  return { graph, space, mode, prefix, keepsStatistics: choice.kind === 'fixed', zeroGamma };
}

function searchedLayer(
  pass: Pass,
  scope: Scope,
  x: Tensor,
  layer: Layer,
  position: number,
  choice: Choice,
  name: string,
): Tensor {
  if (choice.kind === 'fixed') {
    return candidate(pass, scope, x, layer, layer.operations[choice.path[position]!]!, position);
  }
  const [chosen] = switchCase(scope, {
    name: `${name}_${layer.name}`,
    index: choice.indices[position]!,
    branches: layer.operations.map((operation) => (branch) => [candidate(pass, branch, x, layer, operation)]),
  });
  return chosen!;
}

/** What the names of an operation's variables begin with, before a "/". */
export function operationName(layer: Layer, operation: Operation): string {
  return `${layer.name}/${operationToken(operation)}`;
}

/** One operation of a layer; `position` counts the layers of a fixed network, whose deeper blocks are dropped more often. */
function candidate(
  pass: Pass,
  scope: Scope,
  x: Tensor,
  layer: Layer,
  operation: Operation,
  position: number | null = null,
): Tensor {
  const name = operationName(layer, operation);
  if (operation.kind === 'mbconv') return mbconv(pass, scope, x, { ...layer, ...operation, name }, position);
  if (keepsShape(layer)) return x;
  return convolutionBlock(pass, scope, x, { ...layer, name, kernel: 1, activation: null });
}

function fixedBlock(pass: Pass, scope: Scope, x: Tensor, block: FixedBlock): Tensor {
  if (block.kind === 'mbconv') return mbconv(pass, scope, x, { ...block, se: false });
  return convolutionBlock(pass, scope, x, block);
}

interface ConvolutionBlock {
  readonly name: string;
  readonly kernel: number;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly activation: Activation | null;
  /** Whether batch norm's scale starts at 0 instead of 1. */
  readonly startsAtZero?: boolean;
}

/** Convolution, batch norm, activation. */
function convolutionBlock(pass: Pass, scope: Scope, x: Tensor, block: ConvolutionBlock): Tensor {
  const { name, kernel, stride, inChannels, outChannels, activation } = block;
  const shape = [kernel, kernel, inChannels, outChannels];
  const filter = scope.read(convolutionWeights(pass, name, shape, kernel * kernel * outChannels));
  const norm = normVariables(pass, name, outChannels, block.startsAtZero ? 0 : 1);
  if (pass.mode.statistics === 'running' || !joinsProduct(scope, x, filter, stride)) {
    return activate(scope, normalised(pass, scope, conv2d(scope, x, filter, stride), norm), activation);
  }
  const joined = pointwiseBatchNorm(scope, x, filter, scope.read(norm.gamma), scope.read(norm.beta));
  keepStatistics(pass, scope, norm, joined);
  return reshape(scope, activate(scope, joined.y, activation), [...x.shape!.slice(0, 3), outChannels]);
}

interface InvertedBottleneck {
  readonly name: string;
  readonly kernel: number;
  readonly expansion: number;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly se: boolean;
}

/** MBConv: expand (unless expansion is 1), depthwise, squeeze-and-excite if wanted, project; plus the input where shapes agree. */
function mbconv(
  pass: Pass,
  scope: Scope,
  x: Tensor,
  block: InvertedBottleneck,
  position: number | null = null,
): Tensor {
  const { name, kernel, expansion, stride, inChannels, outChannels } = block;
  const { activation } = pass.space;
  const width = inChannels * expansion;
  let y = x;
  if (expansion !== 1) {
    const expand = { name: `${name}/expand`, kernel: 1, stride: 1, inChannels, outChannels: width, activation };
    y = convolutionBlock(pass, scope, y, expand);
  }
  const filter = convolutionWeights(pass, `${name}/depthwise`, [kernel, kernel, width, 1], kernel * kernel);
  const norm = normVariables(pass, `${name}/depthwise`, width, 1);
  y = activate(scope, normalised(pass, scope, depthwiseConv2d(scope, y, scope.read(filter), stride), norm), activation);
  if (block.se) y = squeezeExcite(pass, scope, y, name, width);
  const residual = keepsShape(block);
  const project = { name: `${name}/project`, kernel: 1, stride: 1, inChannels: width, outChannels, activation: null };
  y = convolutionBlock(pass, scope, y, { ...project, startsAtZero: residual && pass.zeroGamma });
  return residual ? add(scope, x, dropped(pass, scope, y, position)) : y;
}

/** What a residual branch adds, after stochastic depth. */
function dropped({ mode, space }: Pass, scope: Scope, x: Tensor, position: number | null): Tensor {
  if (mode.statistics !== 'batch' || mode.dropPath === undefined || position === null) return x;
  const { rate, seed } = mode.dropPath;
  // A seed of its own for each layer; 0 is that of dropout.
  const own = elementwise(scope, 'AddV2', [seed, scope.constant([0, position + 1], 'int32')]);
  return dropPath(scope, x, (rate * (position + 1)) / space.layers.length, own);
}

/** Scales each channel by a gate computed from the image's means. */
function squeezeExcite(pass: Pass, scope: Scope, x: Tensor, name: string, width: number): Tensor {
  const squeezed = squeezedChannels(width, pass.space.seRatio);
  const reduce = `${name}/squeeze`;
  const expand = `${name}/excite`;
  let gates = globalAveragePool(scope, x, true);
  gates = conv2d(scope, gates, scope.read(convolutionWeights(pass, reduce, [1, 1, width, squeezed], squeezed)), 1);
  gates = relu(scope, biasAdd(scope, gates, scope.read(bias(pass, reduce, squeezed))));
  gates = conv2d(scope, gates, scope.read(convolutionWeights(pass, expand, [1, 1, squeezed, width], width)), 1);
  gates = hSigmoid(scope, biasAdd(scope, gates, scope.read(bias(pass, expand, width))));
  return scaleChannels(scope, x, gates);
}

/**
 * Starts uniform within ±1/√inputs. The paper's code has ±1/√classes, which at 1,000 classes is nearly the same (0.032 against
 * 0.028), but with 10 classes makes the first logits ten times too large.
 */
function classifier(pass: Pass, scope: Scope, features: Tensor): Tensor {
  const { classes } = pass.space;
  const inputs = features.shape?.[1] ?? 0;
  const weights = variableOf(pass, 'classifier/weights', {
    shape: [inputs, classes],
    initial: { kind: 'uniform', limit: 1 / Math.sqrt(inputs) },
    decay: true,
  });
  return biasAdd(scope, matMul(scope, features, scope.read(weights)), scope.read(bias(pass, 'classifier', classes)));
}

/**
 * Normal with deviation √(2 / fanOut), as the paper's code starts its networks ("goog", recipes 1.1); the fan-out of a depthwise
 * convolution is that of one channel.
 */
function convolutionWeights(pass: Pass, name: string, shape: readonly number[], fanOut: number): Variable {
  const deviation = Math.sqrt(2 / fanOut);
  return variableOf(pass, `${name}/weights`, { shape, initial: { kind: 'normal', deviation }, decay: true });
}

function bias(pass: Pass, name: string, size: number): Variable {
  return variableOf(pass, `${name}/bias`, { shape: [size] });
}

/** A variable of the pass; a second set of weights is moved by its owner, not trained. */
function variableOf({ graph, prefix }: Pass, name: string, options: VariableOptions): Variable {
  return graph.sharedVariable(`${prefix}${name}`, prefix === '' ? options : { ...options, trainable: false });
}

/** Whether a variable holds running statistics of batch norm. */
export function isStatistic({ name }: Pick<Variable, 'name'>): boolean {
  return name.endsWith('/mean') || name.endsWith('/variance');
}

/** The variables of one batch norm, each `[channels]`. */
interface NormVariables {
  readonly gamma: Variable;
  readonly beta: Variable;
  readonly mean: Variable;
  readonly variance: Variable;
}

function normVariables(pass: Pass, name: string, channels: number, scale: 0 | 1): NormVariables {
  const shape = [channels];
  const saved = pass.keepsStatistics;
  const one = { kind: 'constant', value: 1 } as const;
  return {
    gamma: variableOf(pass, `${name}/gamma`, { shape, initial: { kind: 'constant', value: scale } }),
    beta: variableOf(pass, `${name}/beta`, { shape }),
    mean: variableOf(pass, `${name}/mean`, { shape, trainable: false, saved }),
    variance: variableOf(pass, `${name}/variance`, { shape, initial: one, trainable: false, saved }),
  };
}

function normalised(pass: Pass, scope: Scope, x: Tensor, norm: NormVariables): Tensor {
  const gamma = scope.read(norm.gamma);
  const beta = scope.read(norm.beta);
  if (pass.mode.statistics === 'running') {
    return batchNorm(scope, x, gamma, beta, { mean: scope.read(norm.mean), variance: scope.read(norm.variance) }).y;
  }
  const batch = batchNorm(scope, x, gamma, beta);
  keepStatistics(pass, scope, norm, batch);
  return batch.y;
}

/** Moves the running statistics towards those of the batch, where the pass does so. */
function keepStatistics(
  { mode }: Pass,
  scope: Scope,
  norm: NormVariables,
  batch: { readonly mean: Tensor; readonly variance: Tensor },
): void {
  if (mode.statistics === 'running') return;
  const factor = mode.statistics === 'recalibrate' ? mode.factor : mode.keep;
  if (factor === undefined) return;
  scope.updates.push(
    moveTowards(scope, norm.mean, batch.mean, factor),
    moveTowards(scope, norm.variance, batch.variance, factor),
  );
}

function activate(scope: Scope, x: Tensor, activation: Activation | null): Tensor {
  switch (activation) {
    case 'relu':
      return relu(scope, x);
    case 'relu6':
      return relu6(scope, x);
    case 'hswish':
      return hSwish(scope, x);
    case null:
      return x;
  }
}
