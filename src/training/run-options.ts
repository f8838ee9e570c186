/** What a run's config says to the loader of its data and, with the data, to a TensorFlow session. */
import type { RunConfig } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import type { SessionOptions } from '../supernet/session.ts';

/** Which data set, and how its training images are divided. */
export interface DataRequest {
  readonly dataset: string;
  readonly validationImages: number;
  readonly seed: number;
}

export function dataRequest({ data, seed }: RunConfig): DataRequest {
  return { dataset: data.dataset, validationImages: data.validationImages, seed };
}

export function networkOptions(config: RunConfig, data: Pick<DataSet, 'mean' | 'std'>): SessionOptions {
  const { training, sampling, search, engine } = config;
  return {
    recipe: {
      mean: data.mean,
      deviation: data.std,
      labelSmoothing: training.labelSmoothing,
      dropout: training.dropout,
      momentum: training.momentum,
      nesterov: training.nesterov,
      weightDecay: training.weightDecay,
      zeroGamma: training.zeroGamma,
      accumulate: sampling.method === 'fair',
      guard: training.divergence === 'skip',
    },
    engine: { threads: engine.threads, onednn: engine.onednn, deterministic: engine.deterministic },
    batches: {
      ranking: sampling.ranking.batch,
      calibration: search.calibrationBatch,
      validation: search.validationBatch,
    },
  };
}
