/**
 * A multi-layer perceptron that predicts an accuracy from a vector, as WeakNAS uses it (Wu et al., NeurIPS 2021): four
 * layers of 1000 ReLU units, trained as scikit-learn's MLPRegressor trains by default.
 */
import type { Binding } from '../engine/binding.ts';
import { type Feed, openSession } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import { addInitialise } from '../graph/checkpoint.ts';
import { gradients } from '../graph/gradients.ts';
import { Graph, type Tensor, type Variable } from '../graph/graph.ts';
import { relu } from '../graph/ops/activations.ts';
import { add, scale } from '../graph/ops/arithmetic.ts';
import { biasAdd, matMul } from '../graph/ops/dense.ts';
import { squaredError } from '../graph/ops/loss.ts';
import { batchMean } from '../graph/ops/pooling.ts';
import { reshape } from '../graph/ops/shapes.ts';
import { adam, adamBetas } from '../graph/optimizers.ts';
import { attribute } from '../graph/types.ts';
import { createStream, permutation } from '../random/stream.ts';
import { type Predictor, standardisation } from './predictor.ts';

export interface MlpSettings {
  /** Units of each hidden layer. */
  readonly hidden: readonly number[];
  /** Adam's rate. */
  readonly learningRate: number;
  /** L2 penalty of the weights (not of the biases): penalty · |weights|² / (2 · examples of the batch). */
  readonly penalty: number;
  /** Examples of a batch, at most. */
  readonly batch: number;
  /** Passes over the examples, at most. */
  readonly epochs: number;
  /** Training ends once the loss has not fallen by this much … */
  readonly tolerance: number;
  /** … for more than so many epochs. */
  readonly patience: number;
}

/** WeakNAS' own: scikit-learn's defaults but for `hidden` and `epochs` (`max_iter`). */
export const weakNasMlp: MlpSettings = {
  hidden: [1000, 1000, 1000, 1000],
  learningRate: 1e-3,
  penalty: 1e-4,
  batch: 200,
  epochs: 100,
  tolerance: 1e-4,
  patience: 10,
};

/** Networks as vectors. */
export interface VectorEncoder<Network> {
  readonly width: number;
  readonly write: (network: Network, into: Float32Array, offset: number) => void;
}

/**
 * Rows that one call predicts: 2,048 rows of 1000 floats are 8 MB a layer, which the matrix product streams at full
 * speed, and a call's own cost is far below its product's.
 */
const scanRows = 2048;

function buildMlp(width: number, { hidden }: MlpSettings): Graph {
  const graph = new Graph();
  const { main } = graph;
  const weights: Variable[] = [];
  const layer = (x: Tensor, name: string, inputs: number, outputs: number): Tensor => {
    // Glorot's limit, for biases too, as scikit-learn starts.
    const initial = { kind: 'uniform', limit: Math.sqrt(6 / (inputs + outputs)) } as const;
    const matrix = graph.sharedVariable(`${name}/weights`, { shape: [inputs, outputs], initial, decay: true });
    if (!weights.includes(matrix)) weights.push(matrix);
    const bias = graph.sharedVariable(`${name}/bias`, { shape: [outputs], initial });
    return biasAdd(main, matMul(main, x, main.read(matrix)), main.read(bias));
  };
  const network = (x: Tensor): Tensor => {
    let value = x;
    let inputs = width;
    for (const [index, units] of hidden.entries()) {
      value = relu(main, layer(value, `hidden${index}`, inputs, units));
      inputs = units;
    }
    return reshape(main, layer(value, 'output', inputs, 1), [-1]);
  };
  const x = graph.placeholder('x', 'float32', [-1, width]);
  const prediction = network(x);
  graph.output('predict', prediction);
  const scalar = (name: string): Tensor => graph.placeholder(name, 'float32', []);
  const decay = scalar('decay');
  const error = scale(main, squaredError(main, prediction, graph.placeholder('y', 'float32', [-1])), 0.5);
  const loss = batchMean(main, error);
  const updates = gradients(
    loss,
    adam({
      learningRate: scalar('learning_rate'),
      beta1Power: scalar('beta1_power'),
      beta2Power: scalar('beta2_power'),
      weightDecay: decay,
    }),
  );
  // The penalty's gradient is the weight decay; its value is part of the loss that ends the training.
  const squares = weights
    .map((variable) =>
      main.addOne('L2Loss', {
        inputs: [main.read(variable)],
        attributes: { T: attribute.type('float32') },
        dtype: 'float32',
        shape: [],
      }),
    )
    .reduce((sum, square) => add(main, sum, square));
  graph.output('train', add(main, loss, scale(main, squares, decay)), updates);
  addInitialise(graph, [...graph.variables.values()], graph.placeholder('seed', 'int32', []), 'initialise');
  return graph;
}

const number = (value: number): Feed => ({ shape: [], values: Float32Array.of(value) });

/** Compiles the perceptron; about 0.3 s. */
export function createMlp<Network>(
  binding: Binding,
  encoder: VectorEncoder<Network>,
  settings: MlpSettings = weakNasMlp,
): Predictor<Network> {
  const { width } = encoder;
  const session = openSession(binding, buildMlp(width, settings).encode());
  let unit = { mean: 0, deviation: 1 };

  /** A pass over the examples in random order; the mean loss of an example. */
  function trainEpoch(
    inputs: Float32Array,
    outputs: Float32Array,
    order: Int32Array,
    step: { number: number },
  ): number {
    let total = 0;
    for (let first = 0; first < order.length; first += settings.batch) {
      const batch = order.subarray(first, first + settings.batch);
      const x = new Float32Array(batch.length * width);
      const y = new Float32Array(batch.length);
      for (const [place, example] of batch.entries()) {
        x.set(inputs.subarray(example * width, (example + 1) * width), place * width);
        y[place] = outputs[example]!;
      }
      step.number += 1;
      const [loss] = session.run(
        {
          'x:0': { shape: [batch.length, width], values: x },
          'y:0': { shape: [batch.length], values: y },
          'decay:0': number(settings.penalty / batch.length),
          'learning_rate:0': number(settings.learningRate),
          'beta1_power:0': number(adamBetas.beta1 ** step.number),
          'beta2_power:0': number(adamBetas.beta2 ** step.number),
        },
        ['train:0'],
      );
      total += Number(loss![0]) * batch.length;
    }
    return total / order.length;
  }

  return {
    fit(networks, targets, seed) {
      unit = standardisation(targets);
      const inputs = new Float32Array(networks.length * width);
      for (const [index, network] of networks.entries()) encoder.write(network, inputs, index * width);
      const outputs = Float32Array.from(targets, (target) => (target - unit.mean) / unit.deviation);
      const stream = createStream(seed, 'perceptron');
      session.run({ 'seed:0': { shape: [], values: Int32Array.of(stream.integer(2 ** 31)) } }, ['initialise:0']);
      const step = { number: 0 };
      let best = Number.POSITIVE_INFINITY;
      let stalled = 0;
      for (let epoch = 0; epoch < settings.epochs && stalled <= settings.patience; epoch++) {
        const loss = trainEpoch(inputs, outputs, permutation(stream, networks.length), step);
        if (!Number.isFinite(loss)) {
          throw new GreedynasError(
            'diverged',
            `the perceptron's loss is ${loss} in epoch ${epoch + 1}; give a lower learning rate than ${settings.learningRate}`,
          );
        }
        stalled = loss > best - settings.tolerance ? stalled + 1 : 0;
        best = Math.min(best, loss);
      }
    },
    predict(networks) {
      const predictions = new Float32Array(networks.length);
      for (let first = 0; first < networks.length; first += scanRows) {
        const count = Math.min(scanRows, networks.length - first);
        const x = new Float32Array(count * width);
        for (let place = 0; place < count; place++) encoder.write(networks[first + place]!, x, place * width);
        const [found] = session.run({ 'x:0': { shape: [count, width], values: x } }, ['predict:0']);
        for (let place = 0; place < count; place++) {
          predictions[first + place] = Number(found![place]) * unit.deviation + unit.mean;
        }
      }
      return predictions;
    },
    close: () => session.close(),
  };
}
