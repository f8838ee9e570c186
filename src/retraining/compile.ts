/** The graph that retrains one fixed network: training steps, moving averages, evaluation of either set of weights, checkpoints. */
import { addCheckpoint, addInitialise } from '../graph/checkpoint.ts';
import { gradients } from '../graph/gradients.ts';
import {
  ensureShape,
  type GradientSink,
  Graph,
  type Kernels,
  type Operation,
  type Scope,
  type Tensor,
  type Variable,
} from '../graph/graph.ts';
import { elementwise } from '../graph/ops/arithmetic.ts';
import { softmaxCrossEntropy, topKCorrect } from '../graph/ops/loss.ts';
import { batchMean } from '../graph/ops/pooling.ts';
import { eraseBoxes } from '../graph/ops/random.ts';
import { moveTowards } from '../graph/ops/running-average.ts';
import { accumulator, applyAccumulated, momentumSgd, rmspropTf } from '../graph/optimizers.ts';
import { attribute } from '../graph/types.ts';
import type { Path, Space } from '../space/space.ts';
import { addFedOperations } from '../supernet/fed-operations.ts';
import { addLoader, type StoredImages } from '../supernet/loader.ts';
import { buildNetwork, isStatistic, type Mode, type NetworkOptions } from '../supernet/network.ts';

export interface RetrainRecipe {
  /** Mean and standard deviation of each colour, of images scaled to [0, 1]. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  readonly labelSmoothing: number;
  readonly dropout: number;
  readonly dropPath: number;
  readonly zeroGamma: boolean;
  readonly optimizer:
    | { readonly kind: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
    | { readonly kind: 'rmsprop-tf'; readonly momentum: number; readonly rho: number; readonly epsilon: number };
  readonly weightDecay: number;
  /** Parts of a batch whose gradients are averaged into one update. */
  readonly parts: number;
  /** What a batch counts in the running statistics of batch norm, in (0, 1]. */
  readonly statisticsFactor: number;
  /** Whether moving averages of weights and statistics are kept. */
  readonly average: boolean;
  /** Whether training images have rectangles of noise, which are fed. */
  readonly erasing: boolean;
  /** How many operations (RandAugment, colour jitter) are named for each training image, by the loader's plan or with what is fed. */
  readonly operations: number;
  /** Of images that lie in files; absent: images are fed. */
  readonly stored?: StoredImages;
}

export const feeds = {
  images: 'images:0',
  labels: 'labels:0',
  /** Top, left, height, width of what is erased of each image. */
  erased: 'erased:0',
  learningRate: 'learning_rate:0',
  /** Share of the new weights in the averages: 1 − decay. */
  averageFactor: 'average_factor:0',
  dropSeed: 'drop_seed:0',
  seed: 'seed:0',
  prefix: 'prefix:0',
} as const;

export const fetches = {
  initialise: ['initialise:0'],
  /** With one part it updates the weights, with several it adds gradients up. */
  train: ['train/loss:0', 'train/correct:0'],
  /** Only with several parts. */
  update: ['update:0'],
  /** Sets the averages to the weights. */
  startAverage: ['start_average:0'],
  evaluate: ['evaluate/losses:0', 'evaluate/top1:0', 'evaluate/top5:0'],
  evaluateAverage: ['evaluate_average/losses:0', 'evaluate_average/top1:0', 'evaluate_average/top5:0'],
  save: ['save:0'],
  restore: ['restore:0'],
  /** Reads weights and statistics of a subnet. */
  take: ['take:0'],
  saveWeights: ['save_weights:0'],
  /** Writes the averages under the names of what they are averages of. */
  saveAverage: ['save_average:0'],
} as const;

const averagePrefix = 'average/';

export function compileRetraining(space: Space, path: Path, recipe: RetrainRecipe, kernels: Kernels): Graph {
  const graph = new Graph(kernels);
  const scope = graph.main;
  const { training, scored } = addImages(graph, space, recipe);
  const { labels } = training;
  const network = (
    images: Tensor,
    pass: string,
    mode: Mode,
    more: Pick<NetworkOptions, 'prefix' | 'disturb'>,
  ): Tensor => {
    const { mean, deviation, zeroGamma } = recipe;
    return buildNetwork(images, {
      graph,
      space,
      choice: { kind: 'fixed', path },
      mode,
      pass,
      mean,
      deviation,
      zeroGamma,
      ...more,
    });
  };

  const seed = graph.placeholder('drop_seed', 'int32', [2]);
  const drop = (rate: number) => (rate > 0 ? { rate, seed } : undefined);
  const [dropout, dropPath] = [drop(recipe.dropout), drop(recipe.dropPath)];
  const disturb = recipe.erasing
    ? (normalised: Tensor): Tensor =>
        eraseBoxes(scope, normalised, graph.placeholder('erased', 'int32', [-1, 4]), noiseSeed(scope, seed))
    : undefined;
  const logits = network(
    training.images,
    'train',
    {
      statistics: 'batch',
      keep: scope.constant(recipe.statisticsFactor, 'float32'),
      ...(dropout === undefined ? {} : { dropout }),
      ...(dropPath === undefined ? {} : { dropPath }),
    },
    disturb === undefined ? {} : { disturb },
  );
  const statistics = scope.updates.splice(0);
  const loss = batchMean(scope, softmaxCrossEntropy(scope, logits, labels, recipe.labelSmoothing));
  const learningRate = graph.placeholder('learning_rate', 'float32', []);
  const optimizer = optimizerOf(recipe, learningRate);
  const several = recipe.parts > 1;
  const updates = [...gradients(loss, several ? accumulator() : optimizer), ...statistics];
  const trainable = [...graph.variables.values()].filter((variable) => variable.trainable);
  const weights = [...trainable, ...[...graph.variables.values()].filter(isStatistic)];

  const averageFactor = graph.placeholder('average_factor', 'float32', []);
  const averageOf = (variable: Variable): Variable =>
    graph.sharedVariable(`${averagePrefix}${variable.name}`, { shape: variable.shape, trainable: false });
  const moveAverages = (after: readonly Operation[]): Operation[] =>
    recipe.average
      ? weights.map((variable) =>
          moveTowards(scope, averageOf(variable), readAfter(graph, variable, after), averageFactor),
        )
      : [];
  if (several) {
    graph.output('train/loss', loss, updates);
    const share = scope.constant(1 / recipe.parts, 'float32');
    const applied = applyAccumulated(scope, trainable, share, optimizer);
    graph.output('update', scope.constant(0, 'float32'), [...applied, ...moveAverages(applied)]);
  } else {
    graph.output('train/loss', loss, [...updates, ...moveAverages(updates)]);
  }
  graph.output('train/correct', topKCorrect(scope, logits, labels, 1));

  const score = (endpoint: string, prefix: string): void => {
    const outputs = network(scored.images, endpoint, { statistics: 'running' }, { prefix });
    graph.output(`${endpoint}/losses`, softmaxCrossEntropy(scope, outputs, scored.labels, 0));
    graph.output(`${endpoint}/top1`, topKCorrect(scope, outputs, scored.labels, 1));
    graph.output(`${endpoint}/top5`, topKCorrect(scope, outputs, scored.labels, Math.min(5, space.classes)));
  };
  score('evaluate', '');
  if (recipe.average) {
    score('evaluate_average', averagePrefix);
    const started = weights.map((variable) =>
      scope.add('AssignVariableOp', {
        inputs: [scope.handle(averageOf(variable)), scope.read(variable)],
        attributes: { dtype: attribute.type('float32') },
      }),
    );
    graph.output('start_average', scope.constant(0, 'float32'), started);
  }

  // The loader's mini-batch is a variable too, of bytes.
  const variables = [...graph.variables.values()].filter(({ dtype }) => dtype === 'float32');
  addInitialise(graph, variables, graph.placeholder('seed', 'int32', []), 'initialise');
  const prefix = graph.placeholder('prefix', 'string', []);
  const saved = variables.filter((variable) => variable.saved);
  const unsaved = variables.filter((variable) => !variable.saved);
  addCheckpoint(graph, saved, prefix, { save: 'save', restore: 'restore' }, unsaved);
  addCheckpoint(graph, weights, prefix, { save: 'save_weights', restore: 'take' });
  if (recipe.average) saveUnderOtherNames(graph, weights, averageOf, prefix);
  return graph;
}

interface Images {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** What is trained on and what is scored: both fed, or the loader's mini-batch and its stack. */
function addImages(
  graph: Graph,
  space: Space,
  { stored, mean, operations }: RetrainRecipe,
): { training: Images; scored: Images } {
  const shape = [-1, space.resolution, space.resolution, 3];
  const fill = mean.map((value) => Math.min(255, Math.round(255 * value)));
  if (stored === undefined) {
    const fed = {
      images: graph.placeholder('images', 'uint8', shape),
      labels: graph.placeholder('labels', 'int32', [-1]),
    };
    if (operations === 0) return { training: fed, scored: fed };
    return { training: { ...fed, images: addFedOperations(graph, fed.images, operations, fill) }, scored: fed };
  }
  const { stack, ...training } = addLoader(graph, space.resolution, stored, { count: operations, fill });
  const scored = {
    images: ensureShape(graph.main, stack.images, shape),
    labels: ensureShape(graph.main, stack.labels, [-1]),
  };
  return { training, scored };
}

/** Another seed than that of what is dropped. */
function noiseSeed(scope: Scope, seed: Tensor): Tensor {
  return elementwise(scope, 'AddV2', [seed, scope.constant([0, 1], 'int32')]);
}

function optimizerOf({ optimizer, weightDecay }: RetrainRecipe, learningRate: Tensor): GradientSink {
  return optimizer.kind === 'sgd'
    ? momentumSgd({ ...optimizer, learningRate, weightDecay })
    : rmspropTf({ ...optimizer, learningRate, weightDecay });
}

/** A variable's value once these operations have run; `scope.read` may come before them. */
function readAfter(graph: Graph, variable: Variable, after: readonly Operation[]): Tensor {
  return graph.main.addOne('ReadVariableOp', {
    inputs: [graph.main.handle(variable)],
    attributes: { dtype: attribute.type('float32') },
    dtype: 'float32',
    shape: variable.shape,
    control: after,
  });
}

function saveUnderOtherNames(
  graph: Graph,
  weights: readonly Variable[],
  averageOf: (variable: Variable) => Variable,
  prefix: Tensor,
): void {
  const scope = graph.main;
  const names = weights.map(({ name }) => name);
  const slices = names.map(() => '');
  const values = weights.map((variable) => scope.read(averageOf(variable)));
  const saved = scope.add('SaveV2', {
    inputs: [prefix, scope.constant(names, 'string'), scope.constant(slices, 'string'), ...values],
    attributes: { dtypes: attribute.types(names.map(() => 'float32')) },
  });
  graph.output('save_average', scope.constant(0, 'float32'), [saved]);
}
