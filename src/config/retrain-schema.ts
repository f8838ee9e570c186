/** What a retraining is configured by. "recipes" are the GreedyNAS authors' published ones (for GreedyNAS-B), "ours" means that they have none. */
import * as z from 'zod';
import type { Contradiction } from './constraints.ts';
import { keysOf } from './known-keys.ts';
import type { ConfigKind } from './load.ts';
import {
  choice,
  crop,
  engine,
  flag,
  fraction,
  fractionBelowOne,
  integer,
  logging,
  normalization,
  notNegative,
  number,
} from './schema.ts';

const positive = () => number('a number above 0', (value) => value > 0);

const data = z.strictObject({
  /** `folder`: images in files, prepared by `greedynas prepare` or in a tree of class folders. */
  dataset: choice(['cifar10', 'folder']).default('cifar10'),
  /** Where those images lie; --data goes before it. */
  folder: z.string({ error: 'a path, or null' }).min(1).nullable().default(null),
  /** Side in pixels of what a network sees that is given by name or genotype (a subnet says its own); null: the data set's. */
  resolution: integer(1, 4096).nullable().default(null),
  /** Images of the training set that are held out to choose the best epoch. Ours: a tenth. */
  validationImages: integer(1).default(5000),
  /** Training crops of images in files: shares of the area and ratios of width to height, each from … to. Recipes. */
  crop,
  /** Pixels that the shorter side of an image in a file is scaled to before its central square is scored; null: as for supernets. */
  resize: integer(1, 65_535).nullable().default(null),
  /** Of a network that is given by name or genotype; a subnet says its own. */
  ...normalization,
  /** Pixels of zeros around an image in memory before the random crop. The usual recipe of CIFAR-10. */
  padding: integer(0, 64).default(4),
  /** Mirror half of the training images. Recipes. */
  flip: flag().default(true),
  /** Brightness, contrast and colour by factors of 1 ∓ this, in a random order. As torchvision's `ColorJitter`. */
  colorJitter: fraction().default(0),
  /** RandAugment as timm has it (`rand-m9-mstd0.5` is magnitude 9, deviation 0.5); null: none. */
  randAugment: z
    .strictObject(
      {
        /** Operations an image, of which half are left out. timm. */
        layers: integer(1, 16).default(2),
        magnitude: number('a number from 0 to 10', (value) => value >= 0 && value <= 10).default(9),
        deviation: notNegative().default(0.5),
        /** Every operation grows stronger with the level (timm's `inc1`). */
        increasing: flag().default(false),
      },
      { error: 'null, or a section with the keys layers, magnitude, deviation, increasing' },
    )
    .nullable()
    .default(null),
  /** Share of the training images of which a rectangle is replaced by noise, each pixel by its own. timm's mode `pixel`. */
  randomErasing: fraction().default(0),
});

const training = z.strictObject({
  /** Recipes. */
  epochs: integer(1).default(450),
  /** Images of an update. Recipes: 8 x 96. */
  batch: integer(1).default(768),
  /** Parts that a batch goes through the network in; their gradients are averaged. For the recipe's batch on one GPU. */
  parts: integer(1).default(1),
  /** `rmsprop-tf`: TensorFlow's (ε inside the root, mean squares that start at 1); `sgd`: with momentum. Recipes. */
  optimizer: choice(['rmsprop-tf', 'sgd']).default('rmsprop-tf'),
  /** Recipes, as the next two. */
  momentum: fractionBelowOne().default(0.9),
  /** Of rmsprop-tf: what its mean squares keep of themselves. */
  rho: fractionBelowOne().default(0.9),
  /** Of rmsprop-tf. */
  epsilon: positive().default(1e-3),
  /** Of sgd. */
  nesterov: flag().default(true),
  /** On all weights but biases and batch norm. Recipes. */
  weightDecay: notNegative().default(1e-5),
  /** After the warm-up. Recipes. */
  learningRate: positive().default(0.048),
  /** `exponential`: times `decayRate` every `decayEpochs`, in steps; `cosine`: to `minLearningRate`. Recipes, as the next four. */
  schedule: choice(['exponential', 'cosine']).default('exponential'),
  decayRate: number('a number above 0, at most 1', (value) => value > 0 && value <= 1).default(0.97),
  decayEpochs: positive().default(2.4),
  /** Over which the rate rises linearly from `warmupLearningRate`; the decay counts from the start all the same. */
  warmupEpochs: notNegative().default(3),
  warmupLearningRate: notNegative().default(1e-6),
  /** Of the cosine. */
  minLearningRate: notNegative().default(1e-5),
  /** Of the moving average of weights and batch-norm statistics, by update; 0: none. Recipes. */
  averageDecay: fractionBelowOne().default(0.9999),
  /** Begins with a shorter memory, min(decay, (1 + updates) / (10 + updates)), as TensorFlow's averages can. For short runs. Ours. */
  averageWarmup: flag().default(false),
  /** What a batch counts in the running statistics of batch norm. PyTorch's default. */
  statisticsFactor: number('a number above 0, at most 1', (value) => value > 0 && value <= 1).default(0.1),
  /** Before the classifier. Recipes. */
  dropout: fractionBelowOne().default(0.2),
  /** Stochastic depth: the rate at which the last residual block is left out; rises linearly with depth. */
  dropPath: fractionBelowOne().default(0),
  /** Recipes. */
  labelSmoothing: fractionBelowOne().default(0.1),
  /** Starts every residual block as the identity, where weights start anew. Ours. */
  zeroGamma: flag().default(false),
});

const evaluation = z.strictObject({
  /** Epochs between two evaluations on the held-out images. */
  every: integer(1).default(1),
  /** Images that go through the network at once. */
  batch: integer(1).default(250),
});

const checkpoints = z.strictObject({
  /** Epochs between two. Ours. */
  every: integer(1).default(1),
  /** How many of the newest stay. Ours. */
  keep: integer(1).default(2),
});

const sections = z.strictObject({
  /** Of every random stream. TensorFlow takes 31 bits. */
  seed: integer(0, 2 ** 31 - 1).default(42),
  data: data.prefault({}),
  training: training.prefault({}),
  evaluation: evaluation.prefault({}),
  engine: engine.prefault({}),
  checkpoints: checkpoints.prefault({}),
  logging: logging.prefault({}),
});

export type RetrainConfig = z.infer<typeof sections>;

function contradictions({ data, training }: RetrainConfig): Contradiction[] {
  const found: Contradiction[] = [];
  const report = (key: string, others: string[], allowed: string) => {
    found.push({ key: `training.${key}`, others: others.map((other) => `training.${other}`), allowed });
  };
  if (data.dataset !== 'folder' && data.resolution !== null) {
    const allowed = `null with data.dataset: ${data.dataset}`;
    found.push({ key: 'data.resolution', others: ['data.dataset'], allowed });
  }
  if (training.batch % training.parts !== 0) {
    report('parts', ['batch'], `a divisor of training.batch (${training.batch})`);
  }
  if (training.optimizer === 'sgd' && training.nesterov && training.momentum === 0) {
    report('nesterov', ['momentum'], 'true only with training.momentum above 0');
  }
  if (training.schedule === 'cosine' && training.minLearningRate > training.learningRate) {
    report('minLearningRate', ['learningRate'], `at most training.learningRate (${training.learningRate})`);
  }
  if (training.warmupEpochs > training.epochs) {
    report('warmupEpochs', ['epochs'], `at most training.epochs (${training.epochs})`);
  }
  return found;
}

export const retrainConfig: ConfigKind<RetrainConfig> = {
  schema: sections,
  keys: keysOf(sections) ?? {},
  contradictions,
};
