/** The order of an epoch's images and the key of its augmentation: a pure function of (seed, epoch), for every kind of data set. */
import { createStream, permutation } from '../random/stream.ts';
import { epochKey } from './counter-hash.ts';

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
