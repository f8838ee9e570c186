/** The training batches of any data set: fed from memory, or brought by the loader in the graph. */
import type { MiniBatch } from '../supernet/supernet.ts';
import { type Augmentation, createTrainingBatches } from './batches.ts';
import type { DataSet } from './dataset.ts';
import type { TrainingBatches } from './epoch.ts';
import { type CropAugmentation, createPlannedBatches, type LoadingNetwork } from './plans.ts';

/** @throws GreedynasError `usage` for a batch size or an augmentation that does not fit the data set */
export function openTrainingBatches(options: {
  data: Pick<DataSet, 'train'>;
  batchSize: number;
  seed: number;
  /** Images in memory are padded and cropped, those in files cropped and scaled. */
  augmentation: Augmentation & CropAugmentation;
  supernet: LoadingNetwork;
}): TrainingBatches<MiniBatch> {
  const { data, ...more } = options;
  const set = data.train;
  return 'names' in set ? createPlannedBatches({ ...more, set }) : createTrainingBatches({ ...more, set });
}
