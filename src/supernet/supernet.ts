/** What training and search need from a supernet, whatever it runs on; `session.ts` is the TensorFlow one. */
import type { Path } from '../space/space.ts';

/** uint8 images `[count, height, width, 3]`, row-major, and their class indices `[count]`. */
export interface ImageBatch {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
}

export interface StepResult {
  /** Mean loss of the mini-batch, label smoothing included, before the update. */
  readonly loss: number;
  /** Images of the mini-batch whose highest logit is their class. */
  readonly correct: number;
  /**
   * Variables whose update was withheld because the loss, then all of them, or their own gradient was not finite. Always 0
   * without the recipe's `guard`: then what is not finite is applied as well.
   */
  readonly withheld: number;
}

/** Scores of the images of one stack, in their order. */
export interface Scores {
  /** Cross-entropy of each image, in nats. */
  readonly losses: Float32Array;
  /** 1 for each image whose class is the highest logit, else 0. */
  readonly correct: Uint8Array;
  /** The mean of the losses. */
  readonly loss: number;
  /** Shares of images whose class is the highest logit, and among the five highest, in [0, 1]. */
  readonly top1: number;
  readonly top5: number;
}

/** Stacks of images that stay on the device: `ranking` and `validation` are scored, `calibration` sets batch-norm statistics. */
export const stackNames = ['ranking', 'validation', 'calibration'] as const;
export type StackName = (typeof stackNames)[number];

export interface Supernet {
  /** Sets every variable to its initial value, a pure function of (seed, variable name), and every slot to zero. */
  initialise(seed: number): void;
  /**
   * One optimiser step of one path on one mini-batch. Only the path's variables and slots move. `dropoutSeed` decides
   * what dropout drops, where the recipe has dropout.
   */
  trainStep(path: Path, batch: ImageBatch, learningRate: number, dropoutSeed?: number): StepResult;
  /**
   * Adds the gradients of one path on one mini-batch to those since the last update; nothing moves. Paths of one update
   * may be the same or different ones. Dropout drops something else in each call of an update, also with equal seeds.
   * Only for networks whose recipe accumulates.
   */
  accumulate(path: Path, batch: ImageBatch, dropoutSeed?: number): StepResult;
  /**
   * One optimiser step with the accumulated gradients times `factor` (default 1: their sum; 1 / n makes the mean of n equal
   * parts of a batch). The variables of the accumulated paths move, once each, and nothing else. Throws if nothing was
   * accumulated. With the recipe's `guard`: none of them moves if an accumulated loss was not finite.
   * @returns how many variables were withheld from the update, as {@link StepResult}
   */
  update(learningRate: number, factor?: number): number;
  /** Keeps a stack of images on the device. Loading it again replaces it. */
  loadStack(name: StackName, batch: ImageBatch): void;
  /** Scores a path on the `ranking` stack with batch statistics and label smoothing (recipes 1.2), in batches of the configured size. */
  rank(path: Path): Scores;
  /** Resets the path's batch-norm statistics and sets them to the average over the `calibration` stack. */
  recalibrate(path: Path): void;
  /** Scores a path on the `validation` stack with the running statistics: recalibrate the same path first. No label smoothing. */
  evaluate(path: Path): Scores;
  /**
   * Writes every variable and slot as a TensorFlow checkpoint: `<prefix>.index` and `<prefix>.data-00000-of-00001`. Throws
   * `io`, and `diverged` if a value is not finite: then no file is written. Between `accumulate` and `update` it throws too: a
   * checkpoint holds no gradients.
   */
  save(prefix: string): void;
  /** Bytes of the values that `save` writes; its index takes some thousands more. */
  readonly savedBytes: number;
  /** Reads one back. Throws `io`, and leaves everything as it was, if it is not a checkpoint of this network. */
  restore(prefix: string): void;
  close(): void;
}
