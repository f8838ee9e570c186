/** The training batches of a retraining: those of its data set, with what is done to fed images and erased of all. */
import type { RetrainConfig } from '../config/retrain-schema.ts';
import { drawErasing, drawOperations, operationColumns, operationsPerImage } from '../data/augmentation.ts';
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
  const policy = { colorJitter, randAugment };
  const images = training.batch / training.parts;
  const batches = openTrainingBatches({
    data,
    batchSize: images,
    seed,
    augmentation: { padding, flip, crop, operations: policy },
    supernet: network,
  });
  const { stepsPerEpoch } = batches;
  const { train } = data;
  const isLoaded = 'names' in train;
  // The plans of the loader have them already.
  const layers = isLoaded ? 0 : operationsPerImage(policy);
  if (randomErasing === 0 && layers === 0) return batches;
  const side = isLoaded ? train.resolution : train.width;
  const openEpoch = epochOpener(seed, train.count);
  const operationsOf = (key: number, indices: Int32Array) => {
    const drawn = Array.from(indices, (index) => drawOperations(key, index, policy, side));
    return operationColumns(drawn, layers);
  };
  const erasedOf = (key: number, indices: Int32Array) => {
    const erased = new Int32Array(4 * images);
    for (const [row, index] of indices.entries()) {
      const box = drawErasing(key, index, randomErasing, side);
      if (box !== null) erased.set([box.top, box.left, box.height, box.width], 4 * row);
    }
    return erased;
  };
  return {
    stepsPerEpoch,
    batch(number) {
      const { order, key } = openEpoch(Math.floor(number / stepsPerEpoch));
      const first = (number % stepsPerEpoch) * images;
      const indices = order.subarray(first, first + images);
      return {
        ...batches.batch(number),
        ...(layers > 0 ? { operations: operationsOf(key, indices) } : {}),
        ...(randomErasing > 0 ? { erased: erasedOf(key, indices) } : {}),
      };
    },
  };
}
