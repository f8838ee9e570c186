/** A network under retraining as a TensorFlow session. */
import { type EngineOptions, fittingKernels, loadAddon } from '../engine/addon.ts';
import { type Feed, openSession } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import type { Path, Space } from '../space/space.ts';
import { driveLoader } from '../supernet/loader-driver.ts';
import type {
  ImageBatch,
  LoadedBatch,
  MiniBatch,
  PlannedImages,
  Scores,
  StackPlan,
  TrainingPlan,
} from '../supernet/supernet.ts';
import { compileRetraining, feeds, fetches, type RetrainRecipe } from './compile.ts';

/** Images that are fed, or those that the graph's loader has; with what is done to them where the recipe has operations or erasing. */
export type RetrainBatch = MiniBatch & {
  /** Of images that are fed: numbers of operations, `[batch, operations]`, and their values, six each. */
  readonly operations?: TrainingPlan['operations'];
  /** Top, left, height, width for each image, `[batch, 4]`; 0 erases nothing. */
  readonly erased?: Int32Array;
};

export interface RetrainStep {
  /** The parts of the mini-batch, as many as the recipe says, of equal size; the next is asked for when the one before is done. */
  readonly parts: Iterable<RetrainBatch>;
  readonly learningRate: number;
  /** Share of the new weights in the moving averages. */
  readonly averageFactor: number;
  /** What decides what is dropped, for each part. */
  readonly dropSeeds: readonly number[];
}

/** Which weights: the current ones or their moving averages. */
export type WeightSet = 'current' | 'average';

export interface RetrainNetwork {
  /** Sets every weight to its initial value and every slot to its start, and the averages to the weights. */
  initialise(seed: number): void;
  /** The same, with weights and statistics of a subnet's checkpoint. Throws `io` if it is of another network. */
  initialiseFrom(seed: number, prefix: string): void;
  /** One update. `loss` is the mean over the mini-batch, label smoothing included, before the update. */
  trainStep(step: RetrainStep): { readonly loss: number; readonly correct: number };
  /** As a supernet's: of networks whose recipe has `stored`. */
  keepImages(images: PlannedImages): void;
  startLoader(plan: TrainingPlan): void;
  advance(): LoadedBatch;
  /** Scores images with running statistics, without label smoothing. Stack plans are for networks whose recipe has `stored`. */
  evaluate(weights: WeightSet, batches: Iterable<ImageBatch | StackPlan>): Omit<Scores, 'correct'>;
  /** Everything, slots and averages included. Throws `io`. */
  save(prefix: string): void;
  restore(prefix: string): void;
  /** Weights and statistics alone, under their own names whichever set they are of: a subnet's checkpoint. */
  saveWeights(weights: WeightSet, prefix: string): void;
  close(): void;
}

const failures = {
  save: 'cannot be written',
  saveWeights: 'cannot be written',
  saveAverage: 'cannot be written',
  restore: 'does not hold the variables of this training',
  take: 'does not hold the weights of this network',
} as const;

export function openRetraining(
  space: Space,
  path: Path,
  { recipe, engine }: { readonly recipe: RetrainRecipe; readonly engine: EngineOptions },
): RetrainNetwork {
  const session = openSession(
    loadAddon(engine),
    compileRetraining(space, path, recipe, fittingKernels(engine)).encode(),
  );
  const scalar = (value: number): Feed => ({ shape: [], values: Float32Array.of(value) });
  const batchFeeds = ({ images, labels }: ImageBatch): Record<string, Feed> => ({
    [feeds.images]: { shape: [labels.length, space.resolution, space.resolution, 3], values: images },
    [feeds.labels]: { shape: [labels.length], values: labels },
  });
  const loader = driveLoader(session, engine);
  const erasedFeeds = (erased: Int32Array | undefined): Record<string, Feed> => {
    if (!recipe.erasing) return {};
    if (erased === undefined) throw new RangeError('a batch without what is erased of it, the graph is made to erase');
    return { [feeds.erased]: { shape: [erased.length / 4, 4], values: erased } };
  };
  const operationFeeds = ({ operations, ...part }: RetrainBatch): Record<string, Feed> => {
    if (recipe.operations === 0 || 'loaded' in part) return {};
    if (operations === undefined) throw new RangeError('a batch without operations, the graph is made for them');
    return loader.operationFeeds(operations, part.labels.length);
  };
  const checkpoint = (endpoint: keyof typeof failures, prefix: string): void => {
    try {
      session.run({ [feeds.prefix]: { text: prefix } }, fetches[endpoint]);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GreedynasError('io', `the checkpoint ${prefix} ${failures[endpoint]}: ${reason}`, { cause });
    }
  };
  const startAverage = (): void => {
    if (recipe.average) session.run({}, fetches.startAverage);
  };
  const initialiseAll = (seed: number): void => {
    session.run({ [feeds.seed]: { shape: [], values: Int32Array.of(seed) } }, fetches.initialise);
  };
  return {
    initialise(seed) {
      initialiseAll(seed);
      startAverage();
    },
    initialiseFrom(seed, prefix) {
      initialiseAll(seed);
      checkpoint('take', prefix);
      startAverage();
    },
    trainStep({ parts, learningRate, averageFactor, dropSeeds }) {
      const update = {
        [feeds.learningRate]: scalar(learningRate),
        ...(recipe.average ? { [feeds.averageFactor]: scalar(averageFactor) } : {}),
      };
      const drops = recipe.dropout > 0 || recipe.dropPath > 0 || recipe.erasing;
      let loss = 0;
      let correct = 0;
      let index = 0;
      for (const part of parts) {
        if (index === recipe.parts)
          throw new RangeError(`more parts than ${recipe.parts}, which the graph is made for`);
        const seed: Feed = { shape: [2], values: Int32Array.of(dropSeeds[index]!, 0) };
        const fed = {
          ...('loaded' in part ? {} : batchFeeds(part)),
          ...operationFeeds(part),
          ...erasedFeeds(part.erased),
          ...(recipe.parts === 1 ? update : {}),
          ...(drops ? { [feeds.dropSeed]: seed } : {}),
        };
        const [mean, hits] = session.run(fed, fetches.train) as [Float32Array, Int32Array];
        loss += mean[0]! / recipe.parts;
        for (const hit of hits) correct += hit;
        index += 1;
      }
      if (index < recipe.parts) throw new RangeError(`a step of ${index} parts, the graph is made for ${recipe.parts}`);
      if (recipe.parts > 1) session.run(update, fetches.update);
      return { loss, correct };
    },
    keepImages: loader.keep,
    startLoader: loader.start,
    advance: loader.advance,
    evaluate(weights, batches) {
      const each: number[] = [];
      let [top1, top5] = [0, 0];
      for (const batch of batches) {
        const endpoint = weights === 'average' ? fetches.evaluateAverage : fetches.evaluate;
        const scored =
          'names' in batch ? loader.run(loader.stackFeeds(batch), endpoint) : session.run(batchFeeds(batch), endpoint);
        const [losses, first, five] = scored as [Float32Array, Int32Array, Int32Array];
        for (const value of losses) each.push(value);
        for (const hit of first) top1 += hit;
        for (const hit of five) top5 += hit;
      }
      const losses = Float32Array.from(each);
      const sum = losses.reduce((total, value) => total + value, 0);
      const count = losses.length;
      return { losses, loss: sum / count, top1: top1 / count, top5: top5 / count };
    },
    save: (prefix) => checkpoint('save', prefix),
    restore: (prefix) => checkpoint('restore', prefix),
    saveWeights: (weights, prefix) => checkpoint(weights === 'average' ? 'saveAverage' : 'saveWeights', prefix),
    close: () => session.close(),
  };
}
