/** Plans that the loader in the graph works by: rows of (file, place, crop, flip, label), computed here. */
import { totalmem } from 'node:os';
import { GreedynasError } from '../errors.ts';
import type { LoadedBatch, PlannedImages, StackPlan, Supernet, TrainingPlan } from '../supernet/supernet.ts';
import { drawOperations, type OperationPolicy, operationColumns, operationsPerImage } from './augmentation.ts';
import { type CropRange, centralSquare, drawBox, drawFlip } from './crops.ts';
import type { ImageFiles } from './dataset.ts';
import { epochOpener, type TrainingBatches } from './epoch.ts';
import { explainUnreadable } from './unreadable.ts';

export interface CropAugmentation {
  readonly crop: CropRange;
  /** Mirror half of the images. */
  readonly flip: boolean;
  /** What is then done to them; none: nothing. */
  readonly operations?: OperationPolicy;
}

/** The columns that every plan has. Only names that occur are in it. */
function planImages(set: ImageFiles, indices: ArrayLike<number>): PlannedImages {
  const count = indices.length;
  const file = new Int32Array(2 * count);
  const offset = new BigInt64Array(count);
  const labels = new Int32Array(count);
  const places = new Map<number, { readonly first: number; readonly bytes: number }>();
  const names: string[] = [];
  let end = 0;
  for (let row = 0; row < count; row++) {
    const index = indices[row]!;
    const number = set.file[index]!;
    let place = places.get(number);
    if (place === undefined) {
      const name = set.names[number]!;
      place = { first: end, bytes: Buffer.byteLength(name) };
      places.set(number, place);
      names.push(name);
      end += place.bytes;
    }
    file[2 * row] = place.first;
    file[2 * row + 1] = place.bytes;
    offset[row] = BigInt(set.offset[index]!);
    labels[row] = set.labels[index]!;
  }
  return { names: names.join(''), file, offset, labels };
}

/** All images of a set in their order, as they are scored. */
export function planStack(set: ImageFiles): StackPlan {
  const scale = new Float32Array(2 * set.count);
  const corner = new Float32Array(2 * set.count);
  for (let index = 0; index < set.count; index++) {
    const square = centralSquare(set.widths[index]!, set.heights[index]!, set.resize, set.resolution);
    scale.set(square.scale, 2 * index);
    corner.set(square.corner, 2 * index);
  }
  const indices = Array.from({ length: set.count }, (_, index) => index);
  return { ...planImages(set, indices), scale, corner };
}

/** Computes the plan of any stretch of a run's training steps: a pure function of (set, batchSize, seed, augmentation, steps). */
export function createTrainingPlans(options: {
  set: ImageFiles;
  batchSize: number;
  seed: number;
  augmentation: CropAugmentation;
}): {
  readonly stepsPerEpoch: number;
  /** `kept`: of images that a network keeps, all of the set in its order. */
  plan(firstStep: number, steps: number, kept?: boolean): TrainingPlan;
} {
  const { set, batchSize, seed, augmentation } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > set.count) {
    throw new GreedynasError(
      'usage',
      `training.batch: ${batchSize} is not possible with ${set.count} training images; allowed: an integer from 1 to ${set.count}`,
    );
  }
  const stepsPerEpoch = Math.floor(set.count / batchSize);
  const openEpoch = epochOpener(seed, set.count);
  const policy = augmentation.operations;
  const layers = policy === undefined ? 0 : operationsPerImage(policy);
  return {
    stepsPerEpoch,
    plan(firstStep, steps, kept = false) {
      const count = steps * batchSize;
      const indices = new Int32Array(count);
      const boxes = new Int32Array(4 * count);
      const flips = new Uint8Array(count);
      const planned = [];
      for (let row = 0; row < count; row++) {
        const step = firstStep + Math.floor(row / batchSize);
        const { order, key } = openEpoch(Math.floor(step / stepsPerEpoch));
        const index = order[(step % stepsPerEpoch) * batchSize + (row % batchSize)]!;
        const box = drawBox(key, index, set.widths[index]!, set.heights[index]!, augmentation.crop);
        indices[row] = index;
        boxes.set([box.top, box.left, box.height, box.width], 4 * row);
        flips[row] = augmentation.flip && drawFlip(key, index) ? 1 : 0;
        if (policy !== undefined && layers > 0) planned.push(drawOperations(key, index, policy, set.resolution));
      }
      const operations = layers === 0 ? {} : { operations: operationColumns(planned, layers) };
      return {
        ...planImages(set, indices),
        batch: batchSize,
        ...(kept ? { rows: indices } : {}),
        boxes,
        flips,
        ...operations,
      };
    },
  };
}

/**
 * Images that are kept in memory as they are stored, from the first batch on: of sets up to this size, and an eighth of the machine's
 * memory. Larger ones are read from their files in every epoch; the batches are the same.
 */
const mostKeptBytes = 2 ** 31;

/** Images that one feed plans at most: 41 bytes each, 28 more for every operation, and the names; at its end the loader's queue runs empty once. */
const imagesPerFeed = 65_536;

/** What the batches of images in files need of a network. */
export type LoadingNetwork = Pick<Supernet, 'keepImages' | 'startLoader' | 'advance'>;

/**
 * The training batches of images in files, brought by the loader in the supernet's graph. `batch` may be asked for any step;
 * asked in order it goes on, anything else starts the loader anew at that step.
 */
export function createPlannedBatches(
  options: Parameters<typeof createTrainingPlans>[0] & {
    readonly supernet: LoadingNetwork;
    /** Bytes of stored images that may be kept in memory. */
    readonly mostKept?: number;
  },
): TrainingBatches<LoadedBatch> {
  const { set, supernet, batchSize, mostKept = Math.min(mostKeptBytes, totalmem() / 8) } = options;
  const { stepsPerEpoch, plan } = createTrainingPlans(options);
  const keeps = set.stored.container === 'records' && set.bytes !== null && set.bytes <= mostKept;
  let kept = false;
  const stepsPerFeed = Math.max(1, Math.floor(imagesPerFeed / batchSize));
  let next = -1;
  let end = -1;
  return {
    stepsPerEpoch,
    batch(step) {
      if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`batch(step): ${step} is not a step number`);
      if (keeps && !kept) {
        const all = planImages(
          set,
          Int32Array.from({ length: set.count }, (_, index) => index),
        );
        try {
          supernet.keepImages(all);
        } catch (error) {
          throw explainUnreadable(error, set, all, step);
        }
        kept = true;
      }
      if (step !== next || step >= end) {
        supernet.startLoader(plan(step, stepsPerFeed, kept));
        end = step + stepsPerFeed;
      }
      next = step + 1;
      try {
        return supernet.advance();
      } catch (error) {
        throw explainUnreadable(error, set, plan(step, 1), step);
      }
    },
  };
}
