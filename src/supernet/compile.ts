/** A space compiled to one TensorFlow graph with all its endpoints: initialise, train, rank, recalibrate, evaluate, save, restore. */
import { addCheckpoint, addInitialise } from '../graph/checkpoint.ts';
import { gradients } from '../graph/gradients.ts';
import { ensureShape, Graph, type Kernels, type Tensor, type Variable } from '../graph/graph.ts';
import { softmaxCrossEntropy, topKCorrect } from '../graph/ops/loss.ts';
import { batchMean } from '../graph/ops/pooling.ts';
import { assign, store } from '../graph/ops/running-average.ts';
import { sliceRows, unstack } from '../graph/ops/shapes.ts';
import { accumulator, finite, momentumSgd, withheldAfter } from '../graph/optimizers.ts';
import type { Path, Space } from '../space/space.ts';
import { addLoader, type StoredImages } from './loader.ts';
import { buildNetwork, type Choice, isStatistic, type Mode } from './network.ts';
import { type StackName, stackNames } from './supernet.ts';
import { addUpdate } from './update.ts';

/** What the graph is made for; fixed when it is compiled. */
export interface NetworkRecipe {
  /** Mean and standard deviation of each colour, of images scaled to [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** In [0, 1). Part of the training loss and of the loss that ranks paths, as in the paper's code. */
  readonly labelSmoothing: number;
  /** Rate before the classifier while training, in [0, 1). */
  readonly dropout: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** Starts every residual block as the identity. Not in the paper; short runs learn sooner with it. */
  readonly zeroGamma: boolean;
  /**
   * Training adds gradients up and an endpoint of its own applies the sum: for one update from several paths, or from a
   * batch in parts. Default false: each training step applies its own, and the graph has neither sums nor that endpoint.
   */
  readonly accumulate?: boolean;
  /** Leaves weights and slots as they are in a step whose loss or gradient is not finite. Default: false. */
  readonly guard?: boolean;
  /** Images that lie in files: the graph has a loader, and trains on what that brings. Default: mini-batches are fed. */
  readonly stored?: StoredImages;
}

/** Names of everything that is fed, and of the outputs of each endpoint. */
export const feeds = {
  images: 'images:0',
  labels: 'labels:0',
  path: 'path:0',
  learningRate: 'learning_rate:0',
  dropoutSeed: 'dropout_seed:0',
  seed: 'seed:0',
  prefix: 'prefix:0',
  start: 'start:0',
  count: 'count:0',
  factor: 'factor:0',
} as const;

/** Fed to `update` beside `learningRate` and `factor`. Only the graph of a supernet that accumulates has it. */
export const received = 'received:0';

export const fetches = {
  initialise: ['initialise:0'],
  train: ['train/loss:0', 'train/correct:0', 'train/withheld:0'],
  rank: ['rank/losses:0', 'rank/top1:0', 'rank/top5:0'],
  /** Only where the recipe accumulates. */
  update: ['update:0'],
  recalibrate: ['recalibrate:0'],
  evaluate: ['evaluate/losses:0', 'evaluate/top1:0', 'evaluate/top5:0'],
  save: ['save:0'],
  restore: ['restore:0'],
  take: ['take:0'],
  saveWeights: ['save_weights:0'],
  restoreWeights: ['restore_weights:0'],
  ranking: ['store/ranking:0'],
  validation: ['store/validation:0'],
  calibration: ['store/calibration:0'],
} as const;

/** Stacks that the loader reads; only where the recipe has `stored`. */
export const plannedStacks = {
  ranking: ['load/ranking:0'],
  validation: ['load/validation:0'],
  calibration: ['load/calibration:0'],
} as const;

/** A supernet's graph; with `path`, that of the fixed network of one path, whose variables have the same names. */
export function compileNetwork(space: Space, recipe: NetworkRecipe, path?: Path, kernels: Kernels = 'any'): Graph {
  const graph = new Graph(kernels);
  const scope = graph.main;
  const size = [space.resolution, space.resolution, 3];
  const images = graph.placeholder('images', 'uint8', [-1, ...size]);
  const labels = graph.placeholder('labels', 'int32', [-1]);
  const loader = recipe.stored === undefined ? null : addLoader(graph, space.resolution, recipe.stored);
  const batch = loader ?? { images, labels };
  const choice: Choice =
    path === undefined
      ? { kind: 'fed', indices: unstack(scope, graph.placeholder('path', 'int32', [space.layers.length])) }
      : { kind: 'fixed', path };
  const network = (input: Tensor, pass: string, mode: Mode): Tensor =>
    buildNetwork(input, { graph, space, choice, mode, pass, ...recipe });

  // Training.
  const dropoutSeed = graph.placeholder('dropout_seed', 'int32', [2]);
  const logits = network(batch.images, 'train', {
    statistics: 'batch',
    ...(recipe.dropout > 0 ? { dropout: { rate: recipe.dropout, seed: dropoutSeed } } : {}),
  });
  const loss = batchMean(scope, softmaxCrossEntropy(scope, logits, batch.labels, recipe.labelSmoothing));
  const learningRate = graph.placeholder('learning_rate', 'float32', []);
  const factor = graph.placeholder('factor', 'float32', []);
  const accumulates = recipe.accumulate ?? false;
  const guard =
    recipe.guard === true
      ? {
          // An update of sums is withheld by a factor that is not finite: whoever adds up sees the losses.
          finite: finite(scope, accumulates ? factor : loss),
          withheld: graph.variable('guard/withheld', { shape: [], trainable: false, saved: false }),
        }
      : null;
  const { momentum, nesterov, weightDecay } = recipe;
  const optimizer = momentumSgd({
    learningRate,
    momentum,
    nesterov,
    weightDecay,
    ...(guard === null ? {} : { guard }),
  });
  const updates = gradients(loss, accumulates ? accumulator() : optimizer);
  graph.output('train/loss', loss, updates);
  graph.output('train/withheld', withheldAfter(scope, guard, updates));
  graph.output('train/correct', topKCorrect(scope, logits, batch.labels, 1));

  // Images that stay on the device, and the part of a stack that one call looks at.
  const start = graph.placeholder('start', 'int32', []);
  const count = graph.placeholder('count', 'int32', []);
  const stack = (name: StackName): { images: Tensor; labels: Tensor } => {
    const stored = { dtype: 'uint8', trainable: false, saved: false } as const;
    const kept = graph.variable(`stack/${name}/images`, { ...stored, shape: [-1, ...size] });
    const classes = graph.variable(`stack/${name}/labels`, { ...stored, dtype: 'int32', shape: [-1] });
    graph.output(`store/${name}`, scope.constant(0, 'float32'), [
      store(scope, kept, images),
      store(scope, classes, labels),
    ]);
    if (loader !== null) {
      graph.output(`load/${name}`, scope.constant(0, 'float32'), [
        assign(scope, kept, loader.stack.images),
        assign(scope, classes, loader.stack.labels),
      ]);
    }
    return {
      images: ensureShape(scope, sliceRows(scope, scope.read(kept), start, count), [-1, ...size]),
      labels: ensureShape(scope, sliceRows(scope, scope.read(classes), start, count), [-1]),
    };
  };
  const stacks = Object.fromEntries(stackNames.map((name) => [name, stack(name)])) as Record<
    StackName,
    { images: Tensor; labels: Tensor }
  >;
  const score = (endpoint: 'rank' | 'evaluate', name: StackName, mode: Mode, smoothing: number): void => {
    const scored = network(stacks[name].images, endpoint, mode);
    const classes = stacks[name].labels;
    graph.output(`${endpoint}/losses`, softmaxCrossEntropy(scope, scored, classes, smoothing));
    graph.output(`${endpoint}/top1`, topKCorrect(scope, scored, classes, 1));
    graph.output(`${endpoint}/top5`, topKCorrect(scope, scored, classes, Math.min(5, space.classes)));
  };
  score('rank', 'ranking', { statistics: 'batch' }, recipe.labelSmoothing);
  score('evaluate', 'validation', { statistics: 'running' }, 0);

  if (accumulates) addUpdate(graph, space, path === undefined ? 'supernet' : 'fixed', optimizer, factor, guard);
  const before = scope.updates.length;
  network(stacks.calibration.images, 'recalibrate', { statistics: 'recalibrate', factor });
  graph.output('recalibrate', scope.constant(0, 'float32'), scope.updates.splice(before));

  const variables = [...graph.variables.values()].filter((variable) => variable.dtype === 'float32');
  addInitialise(graph, variables, graph.placeholder('seed', 'int32', []), 'initialise');
  const prefix = graph.placeholder('prefix', 'string', []);
  const saved = variables.filter((variable) => variable.saved);
  const without = (held: readonly Variable[]): Variable[] => variables.filter((variable) => !held.includes(variable));
  addCheckpoint(graph, saved, prefix, { save: 'save', restore: 'restore' }, without(saved));
  if (path !== undefined) {
    // What inference needs is a subnet's checkpoint; a supernet's has the weights but no running statistics.
    const weights = variables.filter((variable) => variable.trainable);
    const network = [...weights, ...variables.filter(isStatistic)];
    addCheckpoint(graph, weights, prefix, { restore: 'take' }, without(weights));
    addCheckpoint(graph, network, prefix, { save: 'save_weights', restore: 'restore_weights' }, without(network));
  }
  return graph;
}
