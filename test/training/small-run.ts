/** A small run without TensorFlow: config, data and surroundings that end in milliseconds. */
import type { RunConfig } from '../../src/config/schema.ts';
import { createTrainingBatches } from '../../src/data/batches.ts';
import type { DataSet, ImageSet } from '../../src/data/dataset.ts';
import { createStream } from '../../src/random/stream.ts';
import { buildSpace, spacePresets } from '../../src/space/presets.ts';
import { createRun, openRun } from '../../src/training/run-folder.ts';
import { runTraining, type SupernetRunResult, type TrainingSurroundings } from '../../src/training/supernet-run.ts';
import { createFakeSupernet, type FakeOptions, type FakeSupernet } from './fake-supernet.ts';

export const smallConfig: RunConfig = {
  seed: 42,
  space: {
    preset: 'nas-bench-macro',
    resolution: 32,
    classes: 10,
    width: 1,
    strides: [...spacePresets['nas-bench-macro'].strides],
    depths: [2, 3, 3],
  },
  data: {
    dataset: 'cifar10',
    folder: null,
    validationImages: 30,
    crop: { area: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    resize: null,
    mean: null,
    std: null,
    padding: 1,
    flip: true,
  },
  training: {
    steps: 60,
    batch: 8,
    learningRate: 0.2,
    minLearningRate: 0.001,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0,
    zeroGamma: false,
    labelSmoothing: 0.1,
    dropout: 0,
    divergence: 'halt',
    skippedInRow: 10,
  },
  sampling: {
    method: 'greedy',
    paths: 10,
    keep: 5,
    pool: 30,
    bins: null,
    flopsLimit: null,
    offered: 'all',
    epsilon: 0.8,
    warmupSteps: 7,
    ranking: { images: 20, batch: 20, refresh: null },
    racing: null,
    stop: null,
  },
  search: {
    method: 'evolution',
    initial: 'pool',
    objective: 'top1',
    objectives: ['error', 'flops'],
    population: 10,
    generations: 4,
    topK: 4,
    mutations: 5,
    mutationProbability: 0.2,
    crossovers: 5,
    crossoverProbability: 0.9,
    tournament: 4,
    predictor: { model: 'perceptron', examples: null, queries: 3, top: 6, scan: 10_000 },
    latencyTable: null,
    latencyDevice: null,
    calibrationImages: 16,
    calibrationBatch: 8,
    validationImages: 20,
    validationBatch: 10,
    comparisonImages: 10,
    randomBaseline: 12,
    subnets: 1,
  },
  engine: { threads: 1, onednn: false, deterministic: true, precision: 'float32' },
  checkpoints: { every: 10, keep: 2, keepEvery: null },
  logging: { every: 4 },
};

function images(count: number, purpose: string): ImageSet {
  const stream = createStream(1, purpose);
  const side = 4;
  return {
    images: Uint8Array.from({ length: count * side * side * 3 }, () => stream.integer(256)),
    labels: Int32Array.from({ length: count }, (_, index) => index % 10),
    count,
    height: side,
    width: side,
  };
}

export const smallData: DataSet<ImageSet> = {
  name: 'small',
  classes: Array.from({ length: 10 }, (_, index) => `class ${index}`),
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: images(50, 'train'),
  validation: images(30, 'validation'),
  loadTest: async () => images(10, 'test'),
};

export interface SmallRun {
  readonly result: SupernetRunResult;
  readonly supernet: FakeSupernet;
  readonly notices: readonly string[];
}

export interface SmallRunOptions extends FakeOptions {
  readonly config?: RunConfig;
  readonly resume?: boolean;
  /** A signal comes while this step (of the whole run) is trained. */
  readonly stopIn?: number;
  readonly name?: string;
  readonly data?: DataSet<ImageSet>;
}

/** Runs or resumes a small run in a folder below `root`. */
export async function smallRun(root: string, options: SmallRunOptions = {}): Promise<SmallRun> {
  const { config = smallConfig, resume = false, stopIn, name = 'small', data = smallData } = options;
  const notices: string[] = [];
  let step = -1;
  const supernet = createFakeSupernet(buildSpace(config.space), options);
  const surroundings: TrainingSurroundings = {
    clock: () => 0,
    loadData: async () => data,
    createBatches: () => ({
      batch(wanted) {
        step = wanted;
        const { seed, training } = config;
        return createTrainingBatches({
          set: data.train,
          batchSize: training.batch,
          seed,
          augmentation: config.data,
        }).batch(wanted);
      },
    }),
    createSupernet: async () => supernet,
    describeSession: async () => ({ started: '', host: '', pid: 0, versions: {}, engine: {}, environment: {} }),
    notice: (line) => notices.push(line),
    interrupted: () => stopIn !== undefined && step >= stopIn,
  };
  const folder = resume ? await openRun(root, name) : await createRun(root, name);
  try {
    const yaml = JSON.stringify(config);
    return { result: await runTraining(folder, config, yaml, resume, surroundings), supernet, notices };
  } finally {
    await folder.release();
  }
}
