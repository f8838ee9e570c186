/** A supernet without TensorFlow: a weight for each operation, trained towards a hidden goal. Its state decides its results. */
import { readFileSync, writeFileSync } from 'node:fs';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import type { Path, Space } from '../../src/space/space.ts';
import type {
  ImageBatch,
  MiniBatch,
  Scores,
  StackName,
  StackPart,
  StackPlan,
  StepResult,
  Supernet,
} from '../../src/supernet/supernet.ts';

export interface FakeSupernet extends Supernet {
  /** Paths trained since it was made, in order. */
  readonly trained: Path[];
  readonly saved: string[];
  /** Ranking stacks in the order in which they were loaded. */
  readonly loaded: ImageBatch[];
  weights(): readonly (readonly number[])[];
}

export interface FakeOptions {
  /** Calls of trainStep, from 0, whose loss is NaN; they change no weight. */
  readonly divergeAt?: number | readonly number[];
  /** The call of trainStep that leaves a weight that is NaN, though its loss is finite. */
  readonly poisonAt?: number;
  /** Bytes that a save writes beside the weights themselves. */
  readonly weightBytes?: number;
  /** What `savedBytes` says, if not the truth. */
  readonly savedBytes?: number;
  /** Called before each training step. */
  readonly onTrain?: (calls: number) => void;
}

export function createFakeSupernet(space: Space, options: FakeOptions = {}): FakeSupernet {
  let weights = space.layers.map((layer) => layer.operations.map(() => 0));
  // How good an operation can become; known to the objective alone.
  const goals = space.layers.map((layer, index) =>
    layer.operations.map((_, operation) => createStream(7, `goal/${index}/${operation}`).uniform()),
  );
  const stacks = new Map<StackName, ImageBatch>();
  const trained: Path[] = [];
  const saved: string[] = [];
  const loaded: ImageBatch[] = [];
  let calls = 0;
  let waiting: Path[] = [];
  /** Whether the losses of the waiting ones are. */
  let finite = true;

  const quality = (path: Path): number =>
    path.reduce((sum, operation, layer) => sum + weights[layer]![operation]! * goals[layer]![operation]!, 0) /
    path.length;

  const score = (path: Path, name: StackName, part?: StackPart): Scores => {
    const stack = stacks.get(name);
    if (stack === undefined) {
      throw new Error(`no ${name} stack was loaded`);
    }
    const loss = 2.3 * Math.exp(-quality(path));
    const { start, count } = part ?? { start: 0, count: stack.labels.length };
    const labels = stack.labels.subarray(start, start + count);
    const losses = Float32Array.from(labels, (label) => loss * (1 + label / 100));
    const mean = losses.reduce((sum, each) => sum + each, 0) / losses.length;
    const hits = Math.round(losses.length * Math.exp(-loss));
    const correct = Uint8Array.from(losses, (_, index) => (index < hits ? 1 : 0));
    return { losses, correct, loss: mean, top1: Math.exp(-loss), top5: 1 };
  };

  const accumulate = (path: Path, given: MiniBatch): StepResult => {
    const batch = fedBatch(given);
    options.onTrain?.(calls);
    const diverged = [options.divergeAt ?? []].flat().includes(calls);
    calls += 1;
    trained.push(path);
    waiting.push(path);
    finite &&= !diverged;
    if (diverged) return { loss: Number.NaN, correct: 0, withheld: 0 };
    const loss = 2.3 * Math.exp(-quality(path)) + batch.images[0]! / 10_000;
    return { loss, correct: Math.round(batch.labels.length * Math.exp(-loss)), withheld: 0 };
  };
  const update = (learningRate: number): number => {
    const withheld = finite ? 0 : waiting.length;
    for (const path of finite ? waiting : []) {
      for (const [layer, operation] of path.entries()) {
        weights[layer]![operation]! += learningRate * (1 - weights[layer]![operation]!);
      }
    }
    waiting = [];
    finite = true;
    if (options.poisonAt === calls - 1) weights[0]![0] = Number.NaN;
    return withheld;
  };

  return {
    trained,
    saved,
    loaded,
    weights: () => weights,
    initialise(seed) {
      weights = space.layers.map((layer, index) =>
        layer.operations.map((_, operation) => createStream(seed, `weight/${index}/${operation}`).uniform() * 0.01),
      );
    },
    trainStep(path, batch, learningRate) {
      const result = accumulate(path, batch);
      return { ...result, withheld: update(learningRate) };
    },
    accumulate,
    update,
    keepImages: unexpected,
    startLoader: unexpected,
    advance: unexpected,
    loadStack(name, given) {
      const batch = fedBatch(given);
      stacks.set(name, batch);
      if (name === 'ranking') loaded.push(batch);
    },
    rank: (path, part) => score(path, 'ranking', part),
    recalibrate() {
      if (!stacks.has('calibration')) {
        throw new Error('no calibration stack was loaded');
      }
    },
    evaluate: (path) => score(path, 'validation'),
    savedBytes: options.savedBytes ?? 1000 + (options.weightBytes ?? 0),
    save(prefix) {
      if (!weights.flat().every(Number.isFinite)) throw new GreedynasError('diverged', 'the weights diverged: layer 0');
      saved.push(prefix);
      writeFileSync(`${prefix}.index`, 'fake weights');
      if (options.weightBytes !== undefined) writeFileSync(`${prefix}.more`, Buffer.alloc(options.weightBytes));
      writeFileSync(`${prefix}.data-00000-of-00001`, JSON.stringify(weights));
    },
    restore(prefix) {
      weights = JSON.parse(readFileSync(`${prefix}.data-00000-of-00001`, 'utf8'));
    },
    close() {},
  };
}

function unexpected(): never {
  throw new Error('the small run has its images in memory');
}

/** A batch of images in memory, which all batches of the small run are. */
export function fedBatch(batch: MiniBatch | StackPlan): ImageBatch {
  return 'images' in batch ? batch : unexpected();
}
