/** A compiled network whose variables tests can read. */
import type { Feed } from '../../src/engine/session.ts';
import type { Kernels } from '../../src/graph/graph.ts';
import type { Path, Space } from '../../src/space/space.ts';
import { compileNetwork, feeds, fetches, type NetworkRecipe } from '../../src/supernet/compile.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { openGraph } from '../graph/engine.ts';
import type { VariableValues } from '../graph/training-graph.ts';

export interface OpenNetwork {
  initialise(seed: number): void;
  /** Returns the loss. `path` is not fed to a fixed network. */
  train(path: Path, batch: ImageBatch, learningRate: number): number;
  loadCalibration(batch: ImageBatch): void;
  /** Moves the running statistics towards those of rows `start` … `start + count − 1`. */
  recalibrate(path: Path, start: number, count: number, factor: number): void;
  read(): VariableValues;
  close(): void;
}

const int = (value: number): Feed => ({ shape: [], values: Int32Array.of(value) });
const float = (value: number): Feed => ({ shape: [], values: Float32Array.of(value) });

/** With `fixed`, the network of that path without choice blocks. */
export function openNetwork(space: Space, recipe: NetworkRecipe, fixed?: Path, kernels?: Kernels): OpenNetwork {
  const graph = compileNetwork(space, recipe, fixed, kernels);
  const variables = [...graph.variables.values()].filter(({ dtype }) => dtype === 'float32');
  for (const variable of variables) graph.output(`test/${variable.name}`, graph.main.read(variable));
  const session = openGraph(graph);
  const pathFeed = (path: Path) =>
    fixed === undefined ? { [feeds.path]: { shape: [path.length], values: Int32Array.from(path) } } : {};
  const batchFeeds = ({ images, labels }: ImageBatch) => ({
    [feeds.images]: { shape: [labels.length, space.resolution, space.resolution, 3], values: images },
    [feeds.labels]: { shape: [labels.length], values: labels },
  });
  return {
    initialise: (seed) => void session.run({ [feeds.seed]: int(seed) }, fetches.initialise),
    train(path, batch, learningRate) {
      const step = { ...pathFeed(path), ...batchFeeds(batch), [feeds.learningRate]: float(learningRate) };
      return Number(session.run(step, fetches.train)[0]![0]);
    },
    loadCalibration: (batch) => void session.run(batchFeeds(batch), fetches.calibration),
    recalibrate(path, start, count, factor) {
      const part = { [feeds.start]: int(start), [feeds.count]: int(count), [feeds.factor]: float(factor) };
      session.run({ ...pathFeed(path), ...part }, fetches.recalibrate);
    },
    read() {
      const found = session.run(
        {},
        variables.map(({ name }) => `test/${name}:0`),
      );
      return Object.fromEntries(variables.map(({ name }, index) => [name, Float32Array.from(found[index]!, Number)]));
    },
    close: () => session.close(),
  };
}
