/** What training and search need from a supernet, whatever it runs on; `session.ts` is the TensorFlow one. */
import type { Path } from '../space/space.ts';

/** uint8 images `[count, height, width, 3]`, row-major, and their class indices `[count]`. */
export interface ImageBatch {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
}

/** Where images lie in files; the graph reads and decodes them (`loader.ts`). All columns have one entry an image. */
export interface PlannedImages {
  /** The names of all files, one after another. */
  readonly names: string;
  /** First byte of the image's file name in `names` (as UTF-8) and its length, `[count, 2]`. */
  readonly file: Int32Array;
  /** Byte of the file at which the image's record begins; not looked at where each file is an image. */
  readonly offset: BigInt64Array;
  readonly labels: Int32Array;
}

/** Augmented images for training steps: `batch` of them a step, in order. */
export interface TrainingPlan extends PlannedImages {
  readonly batch: number;
  /** Where the image stands among those that `keepImages` read; absent: it is read from its file. */
  readonly rows?: Int32Array;
  /** What is cut out of the image and scaled to the network's resolution: top, left, height, width in pixels, `[count, 4]`. */
  readonly boxes: Int32Array;
  /** 1: mirrored afterwards. */
  readonly flips: Uint8Array;
  /** Of a loader with `operations`: numbers of what is then done to the image, `[count, operations]`, and their values, six each. */
  readonly operations?: { readonly operations: Int32Array; readonly values: Float32Array };
}

/** Images as they are scored: scaled, then cut out. */
export interface StackPlan extends PlannedImages {
  /** Vertical and horizontal, `[count, 2]`. */
  readonly scale: Float32Array;
  /** Top and left of the cut-out in the scaled image, in pixels, `[count, 2]`. */
  readonly corner: Float32Array;
}

/** The mini-batch that the loader in the graph has at hand. */
export interface LoadedBatch {
  /** How many images it has. */
  readonly loaded: number;
}

/** What a training step learns from: images that are fed, or those that the graph's loader has. */
export type MiniBatch = ImageBatch | LoadedBatch;

export function batchSize(batch: MiniBatch): number {
  return 'loaded' in batch ? batch.loaded : batch.labels.length;
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

/** Images `start` … `start + count − 1` of a stack. */
export interface StackPart {
  readonly start: number;
  readonly count: number;
}

export interface Supernet {
  /** Sets every variable to its initial value, a pure function of (seed, variable name), and every slot to zero. */
  initialise(seed: number): void;
  /**
   * One optimiser step of one path on one mini-batch. Only the path's variables and slots move. `dropoutSeed` decides
   * what dropout drops, where the recipe has dropout.
   */
  trainStep(path: Path, batch: MiniBatch, learningRate: number, dropoutSeed?: number): StepResult;
  /**
   * Adds the gradients of one path on one mini-batch to those since the last update; nothing moves. Paths of one update
   * may be the same or different ones. Dropout drops something else in each call of an update, also with equal seeds.
   * Only for networks whose recipe accumulates.
   */
  accumulate(path: Path, batch: MiniBatch, dropoutSeed?: number): StepResult;
  /**
   * One optimiser step with the accumulated gradients times `factor` (default 1: their sum; 1 / n makes the mean of n equal
   * parts of a batch). The variables of the accumulated paths move, once each, and nothing else. Throws if nothing was
   * accumulated. With the recipe's `guard`: none of them moves if an accumulated loss was not finite.
   * @returns how many variables were withheld from the update, as {@link StepResult}
   */
  update(learningRate: number, factor?: number): number;
  /** Reads images, as they are stored in records, into the memory of the process; plans with `rows` then take them from there. Throws `io`. */
  keepImages(images: PlannedImages): void;
  /** Takes up a plan: decoding begins. Only for networks whose recipe has `stored`, as the next. */
  startLoader(plan: TrainingPlan): void;
  /** Brings the next mini-batch of the plan, waiting for it if need be. Throws `io` if an image cannot be read or decoded. */
  advance(): LoadedBatch;
  /** Keeps a stack of images on the device. Loading it again replaces it. */
  loadStack(name: StackName, batch: ImageBatch | StackPlan): void;
  /**
   * Scores a path on the `ranking` stack with batch statistics and label smoothing (recipes 1.2), in batches of the configured
   * size; with `part`, on those of its images alone. As batches are normalised by themselves, a part must begin and end
   * where a batch does: then each image has the loss that it has in the whole. Throws RangeError for other parts.
   */
  rank(path: Path, part?: StackPart): Scores;
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
