/** The supernet, or one fixed path of it, as a TensorFlow session. */
import { type EngineOptions, fittingKernels, loadAddon } from '../engine/addon.ts';
import { type Feed, openSession, type Session } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import { notFiniteVariable } from '../graph/checkpoint.ts';
import type { Variable } from '../graph/graph.ts';
import { pathKey, validatePath } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { compileNetwork, feeds, fetches, type NetworkRecipe, plannedStacks, received } from './compile.ts';
import { driveLoader, type LoaderDriver } from './loader-driver.ts';
import type { ImageBatch, MiniBatch, Scores, StackName, StackPart, StepResult, Supernet } from './supernet.ts';
import { receivedBy } from './update.ts';

export interface SessionOptions {
  readonly recipe: NetworkRecipe;
  readonly engine: EngineOptions;
  /** Images that go through the network at once when a stack is scored or calibrated with. */
  readonly batches: Readonly<Record<StackName, number>>;
}

/** Opens a supernet; its weights are undefined until `initialise` or `restore`. */
export function createSupernetSession(space: Space, options: SessionOptions): Supernet {
  return createSession(space, options);
}

/** The fixed network of one path. Its methods take only that path; its checkpoints hold the batch-norm statistics too. */
export interface Subnet extends Supernet {
  /** Takes the path's weights out of a supernet's checkpoint; it must be recalibrated next. */
  takeFromSupernet(prefix: string): void;
  /** Writes what inference needs, weights and statistics, without the slots of the optimizer. */
  saveWeights(prefix: string): void;
  /** Reads what `saveWeights` wrote. */
  restoreWeights(prefix: string): void;
}

/** Opens the fixed network of one path: no choice blocks, variables named as in the supernet. */
export function createSubnetSession(space: Space, path: Path, options: SessionOptions): Subnet {
  return createSession(space, options, path);
}

const scalar = {
  int: (value: number): Feed => ({ shape: [], values: Int32Array.of(value) }),
  float: (value: number): Feed => ({ shape: [], values: Float32Array.of(value) }),
};

/** What an endpoint that fails says of the checkpoint. */
const checkpointFailures = {
  save: 'cannot be written',
  saveWeights: 'cannot be written',
  restore: 'does not hold the variables of this network',
  restoreWeights: 'does not hold the weights of this path',
  take: 'does not hold the weights of this path',
} as const;

function createSession(space: Space, { recipe, engine, batches }: SessionOptions, fixed?: Path): Subnet {
  const graph = compileNetwork(space, recipe, fixed, fittingKernels(engine));
  const savedBytes = bytesOf([...graph.variables.values()].filter(({ saved, dtype }) => saved && dtype === 'float32'));
  const session: Session = openSession(loadAddon(engine), graph.encode());
  const stackSizes = new Map<StackName, number>();
  const accumulates = recipe.accumulate ?? false;
  let calibrated: string | null = null;
  /** Paths whose gradients wait for the update, and whether the losses of all are finite. */
  let waiting: Path[] = [];
  let finite = true;
  // The graph counts on; what one step withheld is the difference.
  let withheldBefore = 0;

  const pathFeed = (path: Path): Record<string, Feed> => {
    // TensorFlow would take the last operation for every index that is none.
    validatePath(space, path);
    if (fixed === undefined) return { [feeds.path]: { shape: [path.length], values: Int32Array.from(path) } };
    if (pathKey(path) !== pathKey(fixed)) throw new RangeError('this network is fixed to another path');
    return {};
  };
  const batchFeeds = ({ images, labels }: ImageBatch): Record<string, Feed> => ({
    [feeds.images]: { shape: [labels.length, space.resolution, space.resolution, 3], values: images },
    [feeds.labels]: { shape: [labels.length], values: labels },
  });
  const loader = (): LoaderDriver => {
    if (recipe.stored === undefined) throw new Error('this network has no loader: compile it with recipe.stored');
    driver ??= driveLoader(session, engine);
    return driver;
  };
  let driver: LoaderDriver | null = null;
  /**
   * Goes over a stack, or the batches of it that make up `only`, in batches as equal as can be, none above the size asked
   * for, in order.
   */
  const overStack = (
    name: StackName,
    visit: (start: number, count: number, number: number) => void,
    only?: StackPart,
  ): void => {
    const size = sizeOf(name);
    const { start: from, count } = only ?? { start: 0, count: size };
    const parts = Math.ceil(size / batches[name]);
    const edges = Array.from({ length: parts + 1 }, (_, part) => Math.floor((part * size) / parts));
    const [first, end] = [edges.indexOf(from), edges.indexOf(from + count)];
    if (first < 0 || end <= first) {
      throw new RangeError(
        `images ${from} to ${from + count - 1} are no batches of the ${name} images, which end at ${edges.slice(1).join(', ')}`,
      );
    }
    for (let part = first; part < end; part++) visit(edges[part]!, edges[part + 1]! - edges[part]!, part);
  };
  const sizeOf = (name: StackName): number => {
    const size = stackSizes.get(name);
    if (size === undefined) throw new Error(`the ${name} images are not loaded: call loadStack('${name}', …) first`);
    return size;
  };
  const score = (endpoint: 'rank' | 'evaluate', name: StackName, path: Path, only?: StackPart): Scores => {
    const size = only?.count ?? sizeOf(name);
    const offset = only?.start ?? 0;
    const losses = new Float32Array(size);
    const correct = new Uint8Array(losses.length);
    let sum = 0;
    let top1 = 0;
    let top5 = 0;
    const visit = (start: number, count: number): void => {
      const part = { ...pathFeed(path), [feeds.start]: scalar.int(start), [feeds.count]: scalar.int(count) };
      const [each, first, five] = session.run(part, fetches[endpoint]) as [Float32Array, Int32Array, Int32Array];
      losses.set(each, start - offset);
      correct.set(first, start - offset);
      for (const loss of each) sum += loss;
      for (const hit of first) top1 += hit;
      for (const hit of five) top5 += hit;
    };
    overStack(name, visit, only);
    return { losses, correct, loss: sum / size, top1: top1 / size, top5: top5 / size };
  };

  const newlyWithheld = (counted: Float32Array): number => {
    const withheld = counted[0]! - withheldBefore;
    withheldBefore = counted[0]!;
    return withheld;
  };
  /** Runs the training endpoint; `part` counts its runs since the last update. */
  const train = (
    path: Path,
    batch: MiniBatch,
    dropoutSeed: number,
    part: number,
    more: Record<string, Feed>,
  ): StepResult => {
    const step = {
      ...pathFeed(path),
      ...('loaded' in batch ? {} : batchFeeds(batch)),
      ...more,
      ...(recipe.dropout > 0 ? { [feeds.dropoutSeed]: { shape: [2], values: Int32Array.of(dropoutSeed, part) } } : {}),
    };
    calibrated = null;
    const [loss, hits, counted] = session.run(step, fetches.train) as [Float32Array, Int32Array, Float32Array];
    let correct = 0;
    for (const hit of hits) correct += hit;
    return { loss: loss[0]!, correct, withheld: newlyWithheld(counted) };
  };
  const accumulate = (path: Path, batch: MiniBatch, dropoutSeed = 0): StepResult => {
    if (!accumulates) throw new Error('this network does not accumulate gradients: compile it with recipe.accumulate');
    const result = train(path, batch, dropoutSeed, waiting.length, {});
    waiting.push(path);
    finite &&= Number.isFinite(result.loss);
    return result;
  };
  const update = (learningRate: number, factor = 1): number => {
    if (waiting.length === 0) throw new Error('there are no gradients to update with: call accumulate first');
    const operations = receivedBy(space, waiting);
    calibrated = null;
    const [counted] = session.run(
      {
        [feeds.learningRate]: scalar.float(learningRate),
        // The guard withholds an update whose factor is not finite.
        [feeds.factor]: scalar.float(finite ? factor : Number.NaN),
        ...(fixed === undefined ? { [received]: { shape: [operations.length], values: operations } } : {}),
      },
      fetches.update,
    ) as [Float32Array];
    waiting = [];
    finite = true;
    return newlyWithheld(counted);
  };

  const checkpoint = (endpoint: keyof typeof checkpointFailures, prefix: string): void => {
    try {
      session.run({ [feeds.prefix]: { text: prefix } }, fetches[endpoint]);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const variable = notFiniteVariable(reason);
      if (variable !== null) {
        throw new GreedynasError('diverged', `the weights diverged: ${variable} is not finite`, { cause });
      }
      const problem = checkpointFailures[endpoint];
      throw new GreedynasError('io', `the checkpoint ${prefix} ${problem}: ${reason}`, { cause });
    }
  };

  return {
    initialise(seed) {
      session.run({ [feeds.seed]: scalar.int(seed) }, fetches.initialise);
      calibrated = null;
      withheldBefore = 0;
      waiting = [];
      finite = true;
    },
    trainStep(path, batch, learningRate, dropoutSeed = 0) {
      if (!accumulates) {
        return train(path, batch, dropoutSeed, 0, { [feeds.learningRate]: scalar.float(learningRate) });
      }
      if (waiting.length > 0) throw new Error('gradients wait for an update: call update before trainStep');
      const result = accumulate(path, batch, dropoutSeed);
      return { ...result, withheld: update(learningRate) };
    },
    accumulate,
    update,
    keepImages: (images) => loader().keep(images),
    startLoader: (plan) => loader().start(plan),
    advance: () => loader().advance(),
    loadStack(name, batch) {
      if ('names' in batch) loader().run(loader().stackFeeds(batch), plannedStacks[name]);
      else session.run(batchFeeds(batch), fetches[name]);
      stackSizes.set(name, batch.labels.length);
    },
    rank: (path, part) => score('rank', 'ranking', path, part),
    recalibrate(path) {
      calibrated = null;
      overStack('calibration', (start, count, number) => {
        const part = { ...pathFeed(path), [feeds.start]: scalar.int(start), [feeds.count]: scalar.int(count) };
        session.run({ ...part, [feeds.factor]: scalar.float(1 / (number + 1)) }, fetches.recalibrate);
      });
      calibrated = pathKey(path);
    },
    evaluate(path) {
      if (calibrated !== pathKey(path)) throw new Error('recalibrate this path before evaluating it');
      return score('evaluate', 'validation', path);
    },
    savedBytes,
    save(prefix) {
      if (waiting.length > 0) throw new Error('gradients wait for an update: call update before save');
      checkpoint('save', prefix);
    },
    restore(prefix) {
      checkpoint('restore', prefix);
      withheldBefore = 0;
      waiting = [];
      finite = true;
      // A fixed network's checkpoint holds its running statistics.
      calibrated = fixed === undefined ? null : pathKey(fixed);
    },
    takeFromSupernet(prefix) {
      checkpoint('take', prefix);
      calibrated = null;
      withheldBefore = 0;
    },
    saveWeights: (prefix) => checkpoint('saveWeights', prefix),
    restoreWeights(prefix) {
      checkpoint('restoreWeights', prefix);
      withheldBefore = 0;
      calibrated = fixed === undefined ? null : pathKey(fixed);
    },
    close: () => session.close(),
  };
}

/** Of float32 values. */
function bytesOf(variables: readonly Variable[]): number {
  return variables.reduce((sum, { shape }) => sum + 4 * (shape ?? []).reduce((count, size) => count * size, 1), 0);
}
