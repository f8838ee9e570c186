/** The training batches of a retraining: those of its data set, with what is erased of each image. */
import type { RetrainConfig } from '../config/retrain-schema.ts';
import { drawErasing } from '../data/augmentation.ts';
import type { DataSet } from '../data/dataset.ts';
import { epochOpener } from '../data/epoch.ts';
import type { LoadingNetwork } from '../data/plans.ts';
import { openTrainingBatches } from '../data/training-batches.ts';
import type { RetrainBatch } from './session.ts';

export interface RetrainBatches {
  /** Whole ones in an epoch. */
  readonly stepsPerEpoch: number;
  /** Batch `number` from 0 over all epochs: a pure function of (config, data, number). */
  batch(number: number): RetrainBatch;
}

/** Parts of updates, `training.batch / training.parts` images each. Throws as `openTrainingBatches`. */
export function openRetrainBatches(
  config: RetrainConfig,
  data: Pick<DataSet, 'train'>,
  network: LoadingNetwork,
): RetrainBatches {
  const { seed, training } = config;
  const { padding, flip, crop, colorJitter, randAugment, randomErasing } = config.data;
  const images = training.batch / training.parts;
  const batches = openTrainingBatches({
    data,
    batchSize: images,
    seed,
    augmentation: { padding, flip, crop, operations: { colorJitter, randAugment } },
    supernet: network,
  });
  if (randomErasing === 0) return batches;
  const { stepsPerEpoch } = batches;
  const { train } = data;
  const side = 'names' in train ? train.resolution : train.width;
  const openEpoch = epochOpener(seed, train.count);
  return {
    stepsPerEpoch,
    batch(number) {
      const { order, key } = openEpoch(Math.floor(number / stepsPerEpoch));
      const first = (number % stepsPerEpoch) * images;
      const erased = new Int32Array(4 * images);
      for (let row = 0; row < images; row++) {
        const box = drawErasing(key, order[first + row]!, randomErasing, side);
        if (box !== null) erased.set([box.top, box.left, box.height, box.width], 4 * row);
      }
      return { ...batches.batch(number), erased };
    },
  };
}
