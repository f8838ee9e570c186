/** What a run's config says to the loader of its data and, with the data, to a TensorFlow session. */
import type { RunConfig } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import type { NetworkRecipe } from '../supernet/compile.ts';
import type { SessionOptions } from '../supernet/session.ts';

/** Which data set, and how its training images are divided. */
export interface DataRequest {
  readonly dataset: string;
  readonly validationImages: number;
  readonly seed: number;
  /** Of images in files. */
  readonly folder?: {
    /** Where they lie, unless the command line says otherwise. */
    readonly path: string | null;
    readonly resolution: number;
    readonly classes: number;
    /** Pixels of the shorter side before the central square is cut out; null: the usual share. */
    readonly resize: number | null;
  };
}

export function dataRequest({ data, seed, space }: Pick<RunConfig, 'data' | 'seed' | 'space'>): DataRequest {
  const { dataset, validationImages, folder: path, resize } = data;
  const { resolution, classes } = space;
  const request = { dataset, validationImages, seed };
  return dataset === 'folder' ? { ...request, folder: { path, resolution, classes, resize } } : request;
}

export function networkOptions(config: RunConfig, data: Pick<DataSet, 'mean' | 'std' | 'train'>): SessionOptions {
  const { training, sampling, search, engine } = config;
  return {
    recipe: {
      mean: config.data.mean ?? data.mean,
      deviation: config.data.std ?? data.std,
      labelSmoothing: training.labelSmoothing,
      dropout: training.dropout,
      momentum: training.momentum,
      nesterov: training.nesterov,
      weightDecay: training.weightDecay,
      zeroGamma: training.zeroGamma,
      accumulate: sampling.method === 'fair',
      guard: training.divergence === 'skip',
      ...storedImages(data),
    },
    engine: { threads: engine.threads, onednn: engine.onednn, deterministic: engine.deterministic },
    batches: {
      ranking: sampling.ranking.batch,
      calibration: search.calibrationBatch,
      validation: search.validationBatch,
    },
  };
}

/** What the graph needs to know of images in files; nothing for images in memory. */
export function storedImages({ train }: Pick<DataSet, 'train'>): Pick<NetworkRecipe, 'stored'> {
  return 'names' in train ? { stored: train.stored } : {};
}
