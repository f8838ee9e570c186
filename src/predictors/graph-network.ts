/**
 * The graph network of the Neural Predictor (Wen et al., ECCV 2020, section 2.3): layers that pass values along the edges
 * and against them, the mean over the vertices, and two linear layers.
 */
import type { Binding } from '../engine/binding.ts';
import { type Feed, openSession } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import { addInitialise } from '../graph/checkpoint.ts';
import { gradients } from '../graph/gradients.ts';
import { Graph, type Tensor } from '../graph/graph.ts';
import { relu } from '../graph/ops/activations.ts';
import { add, scale } from '../graph/ops/arithmetic.ts';
import { batchMatMul, matMul } from '../graph/ops/dense.ts';
import { softmaxCrossEntropy, squaredError } from '../graph/ops/loss.ts';
import { batchMean } from '../graph/ops/pooling.ts';
import { dropout } from '../graph/ops/random.ts';
import { reshape } from '../graph/ops/shapes.ts';
import { adam, adamBetas } from '../graph/optimizers.ts';
import { createStream, permutation } from '../random/stream.ts';

export interface GraphNetworkSettings {
  /** Graph layers, and the width of each. */
  readonly layers: number;
  readonly width: number;
  /** Units of the first of the two linear layers. */
  readonly linear: number;
  readonly dropout: number;
  /** Adam's rate at the first epoch; it falls to 0 by a cosine. */
  readonly learningRate: number;
  /** Added to the gradient as weightDecay · weight. */
  readonly weightDecay: number;
  readonly epochs: number;
  readonly batch: number;
}

/** The paper's for NAS-Bench-101 and 172 examples, as its public re-implementation (ultmaster/neuralpredictor.pytorch) has them. */
export const neuralPredictorNetwork: GraphNetworkSettings = {
  layers: 3,
  width: 144,
  linear: 128,
  dropout: 0.1,
  learningRate: 1e-4,
  weightDecay: 1e-3,
  epochs: 300,
  batch: 10,
};

/** Networks as graphs of equally many vertices. */
export interface GraphEncoder<Network> {
  readonly vertices: number;
  readonly kinds: number;
  /** Writes each vertex' kind (−1: padding) and `edges[from · vertices + to]`. */
  readonly write: (network: Network, kinds: Int16Array, edges: Uint8Array) => void;
}

/** What it learns: a number, or which of two classes. */
export type GraphTask = 'value' | 'class';

export interface GraphNetwork<Network> {
  /**
   * Trains from nothing. Targets are the values, or 0 and 1 for the classes.
   * @throws GreedynasError `diverged` where the loss is not finite
   */
  train(networks: readonly Network[], targets: readonly number[], seed: number): void;
  /** Values, or how much more class 1 is likely than class 0 (a log-odds). */
  apply(networks: ArrayLike<Network>): Float32Array;
  close(): void;
}

/** Networks that one call predicts. */
const scanRows = 1024;

function build(vertices: number, kinds: number, task: GraphTask, settings: GraphNetworkSettings): Graph {
  const graph = new Graph();
  const { main } = graph;
  const { layers, width, linear } = settings;
  const nodes = graph.placeholder('nodes', 'float32', [-1, vertices, kinds]);
  const along = graph.placeholder('along', 'float32', [-1, vertices, vertices]);
  const against = graph.placeholder('against', 'float32', [-1, vertices, vertices]);
  const mean = graph.placeholder('mean', 'float32', [-1, 1, vertices]);
  const seed = graph.placeholder('dropout_seed', 'int32', [2]);
  const weights = (name: string, inputs: number, outputs: number, limit: number): Tensor =>
    main.read(
      graph.sharedVariable(name, { shape: [inputs, outputs], initial: { kind: 'uniform', limit }, decay: true }),
    );
  const network = (training: boolean): Tensor => {
    let x = nodes;
    let inputs = kinds;
    for (let layer = 0; layer < layers; layer++) {
      const flat = reshape(main, x, [-1, inputs]);
      const pass = (name: string, adjacency: Tensor): Tensor => {
        const matrix = weights(`layer${layer}/${name}`, inputs, width, Math.sqrt(6 / (inputs + width)));
        const sent = reshape(main, matMul(main, flat, matrix), [-1, vertices, width]);
        return scale(main, relu(main, batchMatMul(main, adjacency, sent)), 0.5);
      };
      x = add(main, pass('along', along), pass('against', against));
      if (training && settings.dropout > 0) x = dropout(main, x, settings.dropout, layerSeed(graph, seed, layer));
      inputs = width;
    }
    const pooled = reshape(main, batchMatMul(main, mean, x), [-1, width]);
    const outputs = task === 'value' ? 1 : 2;
    const hidden = matMul(main, pooled, weights('linear', width, linear, 1 / Math.sqrt(width)));
    return matMul(main, hidden, weights('output', linear, outputs, 1 / Math.sqrt(linear)));
  };
  const scalar = (name: string): Tensor => graph.placeholder(name, 'float32', []);
  const trained = network(true);
  const losses =
    task === 'value'
      ? squaredError(main, reshape(main, trained, [-1]), graph.placeholder('targets', 'float32', [-1]))
      : softmaxCrossEntropy(main, trained, graph.placeholder('targets', 'int32', [-1]), 0);
  const loss = batchMean(main, losses);
  const updates = gradients(
    loss,
    adam({
      learningRate: scalar('learning_rate'),
      beta1Power: scalar('beta1_power'),
      beta2Power: scalar('beta2_power'),
      weightDecay: main.constant(settings.weightDecay, 'float32'),
    }),
  );
  graph.output('train', loss, updates);
  graph.output('apply', network(false));
  addInitialise(graph, [...graph.variables.values()], graph.placeholder('seed', 'int32', []), 'initialise');
  return graph;
}

/** Another seed for each layer, so that they do not drop the same places. */
function layerSeed(graph: Graph, seed: Tensor, layer: number): Tensor {
  if (layer === 0) return seed;
  return graph.main.addOne('AddV2', {
    inputs: [seed, graph.main.constant([layer, 0], 'int32')],
    attributes: { T: { type: 3 } },
    dtype: 'int32',
    shape: [2],
  });
}

/** The feeds of a list of networks. Adjacencies have self-loops, and rows that sum to 1. */
function encode<Network>(
  { vertices, kinds, write }: GraphEncoder<Network>,
  networks: ArrayLike<Network>,
  first: number,
  count: number,
): Record<string, Feed> {
  const square = vertices * vertices;
  const nodes = new Float32Array(count * vertices * kinds);
  const along = new Float32Array(count * square);
  const against = new Float32Array(count * square);
  const mean = new Float32Array(count * vertices);
  const kindOf = new Int16Array(vertices);
  const edges = new Uint8Array(square);
  for (let place = 0; place < count; place++) {
    write(networks[first + place]!, kindOf, edges);
    const used = kindOf.reduce((sum, kind) => sum + (kind >= 0 ? 1 : 0), 0);
    for (let vertex = 0; vertex < vertices; vertex++) {
      const kind = kindOf[vertex]!;
      if (kind >= 0) {
        nodes[(place * vertices + vertex) * kinds + kind] = 1;
        mean[place * vertices + vertex] = 1 / used;
      }
      let out = 1;
      let into = 1;
      for (let other = 0; other < vertices; other++) {
        out += edges[vertex * vertices + other]!;
        into += edges[other * vertices + vertex]!;
      }
      const row = place * square + vertex * vertices;
      for (let other = 0; other < vertices; other++) {
        const self = other === vertex ? 1 : 0;
        along[row + other] = (edges[vertex * vertices + other]! + self) / out;
        against[row + other] = (edges[other * vertices + vertex]! + self) / into;
      }
    }
  }
  return {
    'nodes:0': { shape: [count, vertices, kinds], values: nodes },
    'along:0': { shape: [count, vertices, vertices], values: along },
    'against:0': { shape: [count, vertices, vertices], values: against },
    'mean:0': { shape: [count, 1, vertices], values: mean },
  };
}

const number = (value: number): Feed => ({ shape: [], values: Float32Array.of(value) });

export function createGraphNetwork<Network>(
  binding: Binding,
  encoder: GraphEncoder<Network>,
  task: GraphTask,
  settings: GraphNetworkSettings,
): GraphNetwork<Network> {
  const session = openSession(binding, build(encoder.vertices, encoder.kinds, task, settings).encode());
  return {
    train(networks, targets, seed) {
      const stream = createStream(seed, 'graph network');
      session.run({ 'seed:0': { shape: [], values: Int32Array.of(stream.integer(2 ** 31)) } }, ['initialise:0']);
      const batch = Math.min(settings.batch, networks.length);
      const steps = Math.floor(networks.length / batch);
      let step = 0;
      for (let epoch = 0; epoch < settings.epochs; epoch++) {
        const order = permutation(stream, networks.length);
        const rate = (settings.learningRate / 2) * (1 + Math.cos((Math.PI * epoch) / settings.epochs));
        for (let index = 0; index < steps; index++) {
          // The last examples that fill no batch are left out; another order has them in the next epoch.
          const chosen = Array.from(order.subarray(index * batch, (index + 1) * batch));
          const wanted = chosen.map((example) => targets[example]!);
          step += 1;
          const [loss] = session.run(
            {
              ...encode(
                encoder,
                chosen.map((example) => networks[example]!),
                0,
                batch,
              ),
              'targets:0': {
                shape: [batch],
                values: task === 'value' ? Float32Array.from(wanted) : Int32Array.from(wanted),
              },
              ...(settings.dropout > 0
                ? { 'dropout_seed:0': { shape: [2], values: Int32Array.of(stream.integer(2 ** 31), step) } }
                : {}),
              'learning_rate:0': number(rate),
              'beta1_power:0': number(adamBetas.beta1 ** step),
              'beta2_power:0': number(adamBetas.beta2 ** step),
            },
            ['train:0'],
          );
          if (!Number.isFinite(Number(loss![0]))) {
            throw new GreedynasError(
              'diverged',
              `the graph network's loss is ${loss![0]} in epoch ${epoch + 1}; give a lower learning rate than ${settings.learningRate}`,
            );
          }
        }
      }
    },
    apply(networks) {
      const found = new Float32Array(networks.length);
      for (let first = 0; first < networks.length; first += scanRows) {
        const count = Math.min(scanRows, networks.length - first);
        const [values] = session.run(encode(encoder, networks, first, count), ['apply:0']);
        for (let place = 0; place < count; place++) {
          found[first + place] =
            task === 'value' ? Number(values![place]) : Number(values![2 * place + 1]) - Number(values![2 * place]);
        }
      }
      return found;
    },
    close: () => session.close(),
  };
}
