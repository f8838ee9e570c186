/** Drives the loader of an open graph: feeds it plans, asks for batches, and says so when images cannot be read. */
import { availableParallelism } from 'node:os';
import type { EngineOptions } from '../engine/addon.ts';
import type { Feed, Session } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import { operationValues } from '../graph/ops/augmentation.ts';
import { loaderFeeds, loaderFetches } from './loader.ts';
import type { LoadedBatch, PlannedImages, StackPlan, TrainingPlan } from './supernet.ts';

/** Images that the loader could not read or decode; the message is TensorFlow's. */
class UnreadableImages extends GreedynasError {
  constructor(reason: string, options?: ErrorOptions) {
    super('io', `the images cannot be read: ${reason}`, options);
  }
}

type Operations = NonNullable<TrainingPlan['operations']>;

export interface LoaderDriver {
  /** Reads images as they are stored into memory. Throws `io` if a record cannot be read. */
  keep(images: PlannedImages): void;
  /** Takes up a plan: decoding begins. */
  start(plan: TrainingPlan): void;
  /** Brings the next mini-batch of the plan, waiting for it if need be. Throws `io` if an image cannot be read or decoded. */
  advance(): LoadedBatch;
  /** What an endpoint that looks at a stack of images is fed with. */
  stackFeeds(plan: StackPlan): Record<string, Feed>;
  /** What the operations on so many images that are fed are fed with (`addFedOperations`). */
  operationFeeds(operations: Operations, images: number): Record<string, Feed>;
  /** Runs an endpoint that reads images; a failure names the data, not the graph. */
  run(feeds: Record<string, Feed>, endpoint: readonly string[]): ReturnType<Session['run']>;
}

export function driveLoader(session: Pick<Session, 'run'>, { threads }: Pick<EngineOptions, 'threads'>): LoaderDriver {
  const workers = threads === 0 ? availableParallelism() : threads;
  const scalar = (value: number): Feed => ({ shape: [], values: Int32Array.of(value) });
  const planFeeds = (plan: PlannedImages, batch: number): Record<string, Feed> => {
    const count = plan.labels.length;
    return {
      [loaderFeeds.names]: { text: plan.names },
      [loaderFeeds.file]: { shape: [count, 2], values: plan.file },
      [loaderFeeds.offset]: { shape: [count], values: plan.offset },
      [loaderFeeds.labels]: { shape: [count], values: plan.labels },
      [loaderFeeds.batch]: scalar(batch),
      [loaderFeeds.workers]: scalar(workers),
    };
  };
  const operationFeeds = ({ operations, values }: Operations, images: number): Record<string, Feed> => {
    const each = operations.length / images;
    return {
      [loaderFeeds.operations]: { shape: [images, each], values: operations },
      [loaderFeeds.values]: { shape: [images, each * operationValues], values },
      [loaderFeeds.workers]: scalar(workers),
    };
  };
  const run: LoaderDriver['run'] = (feeds, endpoint) => {
    try {
      return session.run(feeds, endpoint);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnreadableImages(reason.replace(/^Session fail to run with error: /, '').split('\n')[0]!, { cause });
    }
  };
  /** Images of a step of the training plan at hand. */
  let planned = 0;
  return {
    keep: (images) => {
      run(planFeeds(images, images.labels.length), loaderFetches.keep);
    },
    start(plan) {
      const { rows } = plan;
      const count = plan.labels.length;
      planned = plan.batch;
      run(
        {
          ...planFeeds(plan, plan.batch),
          ...(plan.operations === undefined ? {} : operationFeeds(plan.operations, count)),
          ...(rows === undefined ? {} : { [loaderFeeds.rows]: { shape: [count], values: rows } }),
          [loaderFeeds.boxes]: { shape: [count, 4], values: plan.boxes },
          [loaderFeeds.flips]: { shape: [count], values: plan.flips },
        },
        rows === undefined ? loaderFetches.start : loaderFetches.startKept,
      );
    },
    advance() {
      run({}, loaderFetches.advance);
      return { loaded: planned };
    },
    stackFeeds(plan) {
      const count = plan.labels.length;
      return {
        ...planFeeds(plan, count),
        [loaderFeeds.scale]: { shape: [count, 2], values: plan.scale },
        [loaderFeeds.corner]: { shape: [count, 2], values: plan.corner },
      };
    },
    operationFeeds,
    run,
  };
}
