/**
 * What a run's training batches are, of every kind of data set: the order of an epoch's images and the key of its augmentation
 * are a pure function of (seed, epoch).
 */
import { createStream, permutation } from '../random/stream.ts';
import type { ImageBatch } from '../supernet/supernet.ts';
import { epochKey } from './counter-hash.ts';

/**
 * The training batches of a run. `batch` may be asked for any step in any order, so resuming needs no state. `Feed` is what the training
 * step is fed with: images here; a loader that runs inside the graph (tf.data) has `Feed = null` and uses the call to
 * move its iterator to `step`.
 */
export interface TrainingBatches<Feed = ImageBatch> {
  readonly stepsPerEpoch: number;
  /** The batch of optimiser step `step`, counted from 0 over all epochs. The arrays belong to the caller. */
  batch(step: number): Feed;
}

export interface Epoch {
  /** A permutation of the indices of all images. */
  readonly order: Int32Array;
  /** Of the draws of crops and flips. */
  readonly key: number;
}

/** Gives epochs by number; keeps the last one, since steps ask for the same one many times. */
export function epochOpener(seed: number, count: number): (epoch: number) => Epoch {
  let current: (Epoch & { readonly epoch: number }) | null = null;
  return (epoch) => {
    if (current?.epoch !== epoch) {
      const order = permutation(createStream(seed, `data/order/${epoch}`), count);
      current = { epoch, order, key: epochKey(seed, epoch) };
    }
    return current;
  };
}
