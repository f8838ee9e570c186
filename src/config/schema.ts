/**
 * What a run is configured by: every key with its type, range, default and the default's source. Where the paper has a
 * number, it is the default; "recipes" are the GreedyNAS authors' published configs, "ours" means that neither has one.
 */
import * as z from 'zod';
import { allowedFlops, parseFlops } from '../space/flops.ts';
import { spacePresetNames, spacePresets, tableDepths } from '../space/presets.ts';
import { allowedObjectives, areObjectives, objectiveNames, predictorModels, searchMethods } from './search-choices.ts';

/**
 * What the data sets dictate to the rest of the config. Sides are in pixels. What a folder holds is known when it is
 * loaded; until then ImageNet's classes and size stand for it.
 */
export const dataSets = {
  cifar10: { classes: 10, resolution: 32, trainImages: 50_000 },
  folder: { classes: 1000, resolution: 224, trainImages: null },
} as const;

/** Each error text below says what is allowed; the loader puts the file, the key and the value before it. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const error = `a whole number ${range}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function integerOrNull(least: number, error: string) {
  return z.int({ error }).min(least, { error }).nullable();
}

export function number(error: string, accepts: (value: number) => boolean) {
  return z.number({ error }).refine(accepts, { error });
}

export const fraction = (error = 'a number from 0 to 1') => number(error, (value) => value >= 0 && value <= 1);
export const fractionBelowOne = () => number('a number of at least 0, below 1', (value) => value >= 0 && value < 1);
export const notNegative = () => number('a number of at least 0', (value) => value >= 0);
export const flag = () => z.boolean({ error: 'true or false' });

function range(error: string, most: number) {
  return z
    .tuple([z.number({ error }), z.number({ error })], { error })
    .refine(([least, greatest]) => least > 0 && least <= greatest && greatest <= most, { error });
}

export function choice<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: names.join(' or ') });
}

const allowedLimit = `${allowedFlops}, or null for no limit`;

/** FLOPs as a number or as text with a unit; `error` says what is allowed. */
function flops(error: string) {
  return z.union([z.int().min(1, { error }), z.string()], { error }).transform((value, context) => {
    if (typeof value !== 'string') return value;
    try {
      return parseFlops(value);
    } catch {
      context.addIssue({ code: 'custom', message: error });
      return z.NEVER;
    }
  });
}

const allowedStrides = 'a list of strides, each 1 or 2';

const space = z.strictObject({
  preset: choice(spacePresetNames).default('mobilenet-7'),
  /** Side of the square input image, in pixels; by default the data set's. */
  resolution: integer(1, 4096).optional(),
  /** By default the data set's. */
  classes: integer(1, 1_000_000).optional(),
  /** Multiplies the channels; 1 is the table as published. */
  width: number('a number above 0, at most 16', (value) => value > 0 && value <= 16).default(1),
  /** Of the stem convolution, then of each stage's first layer; by default the preset's. */
  strides: z
    .array(z.union([z.literal(1), z.literal(2)], { error: allowedStrides }), { error: allowedStrides })
    .optional(),
  /** Layers of each stage; by default the preset's. */
  depths: z.array(integer(1, 64), { error: 'a list of whole numbers from 1 to 64' }).optional(),
});

export const crop = z
  .strictObject({
    area: range('two numbers above 0, at most 1, the smaller one first', 1).default([0.08, 1]),
    ratio: range('two numbers above 0, at most 100, the smaller one first', 100).default([3 / 4, 4 / 3]),
  })
  .prefault({});

/** A number for each of red, green and blue. */
function colours(error: string, holds: (value: number) => boolean) {
  const each = z.number({ error }).refine(holds, { error });
  return z.tuple([each, each, each], { error }).nullable().default(null);
}

/** What images are normalised by, of values scaled to 0 … 1; null: what the data set says (ImageNet's for images in files, as is customary). */
export const normalization = {
  mean: colours('three numbers from 0 to 1, or null', (value) => value >= 0 && value <= 1),
  std: colours('three numbers above 0, at most 1, or null', (value) => value > 0 && value <= 1),
};

const data = z.strictObject({
  /** `folder`: images in files, prepared by `greedynas prepare` or in a tree of class folders. */
  dataset: choice(['cifar10', 'folder']).default('cifar10'),
  /** Where those images lie; --data goes before it. */
  folder: z.string({ error: 'a path, or null' }).min(1).nullable().default(null),
  /** Images of the training set that are held out for ranking and search. Ours: a tenth (the paper holds out 50 a class). */
  validationImages: integer(1).default(5000),
  /** Training crops of images in files: shares of the area and ratios of width to height, each from … to. Recipes. */
  crop,
  /**
   * Pixels that the shorter side of an image in a file is scaled to before its central square is scored; null: the
   * resolution / 0.875 (256 for 224), or the resolution where most images are no larger.
   */
  resize: integer(1, 65_535).nullable().default(null),
  ...normalization,
  /** Pixels of zeros around an image in memory before the random crop. The usual recipe of CIFAR-10. */
  padding: integer(0, 64).default(4),
  /** Mirror half of the training images. Recipes. */
  flip: flag().default(true),
});

const training = z.strictObject({
  /** Optimiser steps. Recipes: 120 epochs x 1,203. */
  steps: integer(1).default(144_360),
  /** Images a step. Recipes: 8 x 128. */
  batch: integer(1).default(1024),
  /** At step 0; falls along a cosine, step by step, to `minLearningRate` at the last one. Recipes. */
  learningRate: number('a number above 0', (value) => value > 0).default(0.12),
  minLearningRate: notNegative().default(1e-5),
  /** Of SGD. Recipes. */
  momentum: fractionBelowOne().default(0.9),
  nesterov: flag().default(true),
  /** On all weights but biases and batch norm. Recipes. */
  weightDecay: notNegative().default(4e-5),
  /**
   * Starts every residual block as the identity. Ours, off in the paper: a short training reaches a lower loss with it, but its
   * supernet ranks networks far worse (docs/results/nas-bench-macro.md), as residual blocks hardly matter in it.
   */
  zeroGamma: flag().default(false),
  /** In the training and in the ranking loss. Recipes. */
  labelSmoothing: fractionBelowOne().default(0.1),
  /** Before the classifier. Recipes: none in the supernet. */
  dropout: fractionBelowOne().default(0),
  /**
   * At a loss or gradient that is not finite: end the training (halt), or leave weights and momentum as they are and go on
   * with the next step (skip; steps take a little longer, as each gradient is looked at). Ours.
   */
  divergence: choice(['halt', 'skip']).default('halt'),
  /** Steps skipped one after the other that end the training all the same. Ours. */
  skippedInRow: integer(1).default(10),
});

const allowedFirst = 'a whole number of at least 1, or null for one batch of sampling.ranking.batch';
const allowedRefresh = 'a whole number of at least 1, or null for never';

const sampling = z.strictObject({
  /**
   * `greedy`: the best k of m ranked paths (GreedyNAS); `uniform`: any path (SPOS); `fair`: in each step every operation of a
   * layer once, in as many paths as there are operations, whose gradients on one batch are summed (FairNAS). Such a step
   * costs as many times more, and moves the stem, the head and the classifier by as many gradients: mind `learningRate`.
   * `flops-bins`: uniform over bins of FLOPs, then over the paths of a bin (SPOS' code).
   */
  method: choice(['greedy', 'uniform', 'fair', 'flops-bins']).default('greedy'),
  /**
   * The bins of `flops-bins`, which needs them. SPOS': 290M, 360M and 10M; these belong to its space at 224 pixels and would
   * hold no path of a smaller one, so there is no default.
   */
  bins: z
    .strictObject(
      {
        /** Least FLOPs of the first bin. */
        from: flops(allowedFlops),
        /** The last bin ends before it. */
        to: flops(allowedFlops),
        /** Of a bin. */
        width: flops(allowedFlops),
      },
      { error: 'null, or a section with the keys from, to, width' },
    )
    .nullable()
    .default(null),
  /** m: paths that are ranked in a round. Paper. */
  paths: integer(1).default(10),
  /** k: the best of them, trained one a step. Paper. */
  keep: integer(1).default(5),
  /** Capacity of the candidate pool. Paper. */
  pool: integer(1).default(1000),
  /**
   * FLOPs above which a path stays out of the pool (it may still be trained). The paper's 330M belongs to 224 pixels; at
   * another resolution it would mean nothing, so the default is none.
   */
  flopsLimit: flops(allowedLimit).nullable().default(null),
  /** Which ranked paths are offered to the pool: all m (recipes), or the top k, which are trained (an older code of the authors). */
  offered: choice(['all', 'top']).default('all'),
  /** Probability of drawing from the pool at the last step; rises linearly from 0 at the end of the warm-up. Paper. */
  epsilon: fraction().default(0.8),
  /** First steps, uniform and without ranking. Recipes. */
  warmupSteps: integer(0).default(10_000),
  ranking: z
    .strictObject({
      /** Held-out images. Paper. */
      images: integer(1).default(1000),
      /** Images that share batch statistics. Recipes: 128 a GPU; ours: a divisor of 1,000. */
      batch: integer(1).default(250),
      /**
       * Steps after which the images are replaced by others of the held-out ones that the search looks at, in turn; null:
       * always the same ones. Paper: null; an older code of the authors: 100.
       */
      refresh: z.int({ error: allowedRefresh }).min(1, { error: allowedRefresh }).nullable().default(null),
    })
    .prefault({}),
  /**
   * Ranks paths on growing parts of the ranking images and stops evaluating a path once it is clear on which side of the best
   * k it is (src/sampling/racing.ts); null, the paper: every path sees all of them. Ours. Parts are whole batches of
   * `ranking.batch`, so smaller ones spare more.
   */
  racing: z
    .strictObject(
      {
        /** Least probability that the chosen paths of a round are those of the full ranking. */
        confidence: number('a number above 0, below 1', (value) => value > 0 && value < 1).default(0.95),
        /** Images after which paths are compared for the first time; null: one batch. */
        first: z.int({ error: allowedFirst }).min(1, { error: allowedFirst }).nullable().default(null),
        /** Makes the full ranking too and counts how often it chooses the same paths: costs what racing spares. */
        audit: flag().default(false),
      },
      { error: 'null, or a section with the keys confidence, first, audit' },
    )
    .nullable()
    .default(null),
  /** Stops training once the pool changes by at most `alpha` in `every` steps; null trains to the end. */
  stop: z
    .strictObject(
      {
        /** Paper. */
        alpha: fraction().default(0.08),
        /** Recipes. (The paper's stop at epoch 46 fits about 1,000.) One step has no room for a snapshot and a comparison. */
        every: integer(2).default(10_000),
      },
      { error: 'null, or a section with the keys alpha, every' },
    )
    .nullable()
    .prefault({}),
});

const allowedComparison = 'a whole number of at least 0, or null for as many as search.validationImages';
const comparisonCount = z.int({ error: allowedComparison }).min(0, { error: allowedComparison });

const objectives = z
  .array(choice(objectiveNames), { error: allowedObjectives })
  .refine(areObjectives, { error: allowedObjectives });

const allowedFile = 'the path of a latency table, or null for none';

const predictor = z.strictObject({
  /** What learns in `weaknas`: the paper's perceptron, or the graph network that `neural-predictor` always has. */
  model: choice(predictorModels).default('perceptron'),
  /**
   * Paths evaluated before the first fit; null: 100 (`weaknas`, paper) or 172 (`neural-predictor`, paper), at most half of all
   * evaluations. Half of them are the best of the pool (`search.initial: pool`), the rest are random; in the papers all are.
   */
  examples: integerOrNull(2, 'a whole number of at least 2, or null').default(null),
  /** `weaknas`: M, the paths evaluated between two fits. Paper. */
  queries: integer(1).default(10),
  /** `weaknas`: N, those M are drawn from so many of the best predictions. Paper. */
  top: integer(1).default(100),
  /**
   * Paths that are predicted after a fit: all within the limits where there are no more, else offspring of the best
   * (search.topK, search.mutationProbability), the pool, and random ones. The paper: 10,000 on the MobileNet space.
   */
  scan: integer(1, 1_000_000).default(10_000),
});

const search = z.strictObject({
  /** How the space is searched. The paper: evolution. All methods evaluate at most `population` x `generations` paths. */
  method: choice(searchMethods).default('evolution'),
  /** Where the first paths come from: the candidate pool of the training (paper), or chance. `random` has no use for it. */
  initial: choice(['pool', 'random']).default('pool'),
  /** What ranks paths: accuracy, ties by loss (recipes), or loss, which with few images ranks better (the paper's Table 3). */
  objective: choice(['top1', 'loss']).default('top1'),
  /** What `nsga2` trades off, and the front in search.json. Ours; the first is what the paper's searches rank by. */
  objectives: objectives.default(['error', 'flops']),
  /** Paths in a generation, and alive in `regularized-evolution`. Recipes, as the next five; google-research/nasbench: 50. */
  population: integer(1).default(50),
  generations: integer(1).default(20),
  /** `evolution`: best paths so far, the parents of the next generation; with a predictor, of what it looks at. */
  topK: integer(1).default(10),
  /** `evolution`: children by mutation. */
  mutations: integer(0).default(25),
  /** For each layer; `evolution`, `nsga2` and the methods with a predictor. */
  mutationProbability: number('a number above 0, at most 1', (value) => value > 0 && value <= 1).default(0.1),
  /** `evolution`: children by crossover. */
  crossovers: integer(0).default(25),
  /** `nsga2`: how many of the children have two parents (and mutate too). Deb et al. 2002, section V. */
  crossoverProbability: fraction().default(0.9),
  /** `regularized-evolution`: paths of the sample whose best is the parent. google-research/nasbench. (Real et al. 2019: 25 of 100.) */
  tournament: integer(1).default(10),
  /** Of `weaknas` and `neural-predictor`. */
  predictor: predictor.prefault({}),
  /** Latencies of the space's operations (docs/latency.md), for limits, for objectives, and beside every candidate. Ours. */
  latencyTable: z.string({ error: allowedFile }).min(1, { error: allowedFile }).nullable().default(null),
  /** Which device of a table that has several. */
  latencyDevice: z.string({ error: 'the name of a device, or null' }).nullable().default(null),
  /** Training images for the batch-norm statistics of a candidate. Recipes: 20 batches of 8 x 128. */
  calibrationImages: integer(1).default(20_480),
  /** Recipes: 128 a GPU. */
  calibrationBatch: integer(1).default(128),
  /** Held-out images that score a candidate. Recipes: all of them. */
  validationImages: integer(1).default(5000),
  validationBatch: integer(1).default(250),
  /**
   * Held-out images, none of those that the choice looked at, on which the best path is compared with random ones; null:
   * as many as `validationImages` if so many are left, else the rest. Where none are left, those of the search. Ours.
   */
  comparisonImages: comparisonCount.nullable().default(null),
  /** Random paths under the same limit that the best path is compared with. Ours. */
  randomBaseline: integer(0).default(50),
  /** Best paths that are cut out as subnets. Ours. */
  subnets: integer(0).default(1),
});

export const engine = z.strictObject({
  /** 0: as many as the machine has processors. */
  threads: integer(0, 1024).default(0),
  /** oneDNN kernels on a CPU: faster in the spaces measured, at 32 px as well (docs/results/step-time.md). */
  onednn: flag().default(true),
  /** The same bits on the same machine, at some cost on a GPU. */
  deterministic: flag().default(true),
  precision: choice(['float32']).default('float32'),
});

const checkpoints = z.strictObject({
  /** Steps between two. Ours. */
  every: integer(1).default(1000),
  /** How many of the newest stay. Ours. */
  keep: integer(1).default(2),
  /** Those at multiples of so many steps stay as well, for a look at the whole training; null: none do. Ours. */
  keepEvery: integerOrNull(1, 'a whole number of at least 1, or null for none').default(null),
});

export const logging = z.strictObject({
  /** Steps between two lines of metrics.jsonl. Ours. */
  every: integer(1).default(50),
});

/** The sections as written; `runConfigSchema` fills in what depends on another section. */
export const sectionsSchema = z.strictObject({
  /** Of every random stream. TensorFlow takes 31 bits. */
  seed: integer(0, 2 ** 31 - 1).default(42),
  space: space.prefault({}),
  data: data.prefault({}),
  training: training.prefault({}),
  sampling: sampling.prefault({}),
  search: search.prefault({}),
  engine: engine.prefault({}),
  checkpoints: checkpoints.prefault({}),
  logging: logging.prefault({}),
});

/** A resolved config: no key is missing. `constraints.ts` checks what the keys demand of each other. */
export const runConfigSchema = sectionsSchema.transform((config) => {
  const { preset, width, resolution, classes, strides, depths } = config.space;
  const dataSet = dataSets[config.data.dataset];
  return {
    ...config,
    space: {
      preset,
      resolution: resolution ?? dataSet.resolution,
      classes: classes ?? dataSet.classes,
      width,
      strides: strides ?? [...spacePresets[preset].strides],
      depths: depths ?? tableDepths(spacePresets[preset]),
    },
  };
});

export type RunConfig = z.infer<typeof runConfigSchema>;
