import { expect } from 'chai';
import { backward, gradients } from '../../src/graph/gradients.ts';
import { Graph, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { relu } from '../../src/graph/ops/activations.ts';
import { add, scale } from '../../src/graph/ops/arithmetic.ts';
import { batchNorm } from '../../src/graph/ops/batch-norm.ts';
import { conv2d } from '../../src/graph/ops/convolution.ts';
import { matMul } from '../../src/graph/ops/dense.ts';
import { softmaxCrossEntropy } from '../../src/graph/ops/loss.ts';
import { batchMean, globalAveragePool } from '../../src/graph/ops/pooling.ts';
import { momentumSgd } from '../../src/graph/optimizers.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { changed, noise, openTraining, type TrainingGraph, type Value } from './training-graph.ts';

const index = (value: number): Value => ({ shape: [], values: Int32Array.of(value) });

const images: Value = { shape: [3, 4, 4, 2], values: noise(96, 1).map((value) => value * 3) };

function weights(scope: Scope, name: string, shape: readonly number[]): Tensor {
  return scope.read(scope.graph.variable(name, { shape }));
}

describe('switchCase: a training step', () => {
  const classes = 3;
  const labels: Value = Int32Array.of(0, 2, 1);
  let training: TrainingGraph;
  before(() => {
    const graph = new Graph();
    const { main } = graph;
    const x = graph.placeholder('x', 'float32', [-1, 4, 4, 2]);
    const sink = momentumSgd({
      learningRate: main.constant(0.1, 'float32'),
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0.01,
    });
    const block =
      (layer: string) =>
      (name: string, kernel: number) =>
      (input: Tensor) =>
      (scope: Scope): Tensor[] => {
        const w = graph.variable(`${layer}/${name}/weights`, { shape: [kernel, kernel, 2, 2], decay: true });
        const gamma = weights(scope, `${layer}/${name}/gamma`, [2]);
        const beta = weights(scope, `${layer}/${name}/beta`, [2]);
        return [relu(scope, batchNorm(scope, conv2d(scope, input, scope.read(w), 1), gamma, beta).y)];
      };
    let y = conv2d(main, x, weights(main, 'stem', [1, 1, 2, 2]), 1);
    for (const layer of ['one', 'two']) {
      const make = block(layer);
      [y] = switchCase(main, {
        name: layer,
        index: graph.placeholder(`index/${layer}`, 'int32', []),
        branches: [make('a', 1)(y), make('b', 3)(y), () => [y]],
      }) as [Tensor];
    }
    const logits = matMul(main, globalAveragePool(main, y), weights(main, 'head', [2, classes]));
    const loss = batchMean(main, softmaxCrossEntropy(main, logits, graph.placeholder('labels', 'int32', [-1]), 0.1));
    training = openTraining(graph, { step: { tensor: loss, after: gradients(loss, sink) } });
    const start = Object.entries(sizesOf(graph)).map(([name, size], number): [string, Float32Array] => [
      name,
      noise(size, 50 + number),
    ]);
    training.set(Object.fromEntries(start));
  });
  after(() => training.close());

  const operations = ['a', 'b', null] as const;
  const moved = (layer: string, operation: string | null): string[] =>
    operation === null ? [] : ['weights', 'gamma', 'beta'].map((name) => `${layer}/${operation}/${name}`);

  for (const [first, one] of operations.entries()) {
    for (const [second, two] of operations.entries()) {
      it(`moves exactly the chosen variables and slots, bit for bit nothing else: ${one ?? 'skip'} ${two ?? 'skip'}`, () => {
        const before = training.read();
        const step = { x: images, labels, 'index/one': index(first), 'index/two': index(second) };
        const [loss] = training.run('step', step);
        expect(loss).to.be.above(0);
        const chosen = ['stem', 'head', ...moved('one', one), ...moved('two', two)];
        const expected = chosen.flatMap((name) => [name, `${name}/momentum`]);
        expect(changed(before, training.read()).sort()).to.deep.equal(expected.sort());
        expect(Object.keys(before)).to.have.length(28);
      });
    }
  }

  it('lowers the loss when it is repeated', () => {
    const step = { x: images, labels, 'index/one': index(1), 'index/two': index(0) };
    const losses = Array.from({ length: 20 }, () => training.run('step', step)[0]!);
    expect(losses.at(-1)).to.be.below(losses[0]! - 0.05);
  });
});

describe('switchCase: an update within a branch', () => {
  it('does not overtake the read of the forward branch, even where the gradient does not depend on the forward values', () => {
    const graph = new Graph();
    const { main } = graph;
    const size = 200;
    const square: Value = { shape: [size, size], values: new Float32Array(size * size).fill(1e-3) };
    const x = graph.placeholder('x', 'float32', [size, size]);
    const w = graph.variable('w', { shape: [size, size] });
    const [y] = switchCase(main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [
        (scope) => {
          // Slow, and first in line: the read comes late.
          let slow = x;
          for (let depth = 0; depth < 6; depth++) slow = relu(scope, matMul(scope, slow, x));
          return [add(scope, scope.read(w), scale(scope, slow, 0))];
        },
        (scope) => [scale(scope, x, 2)],
      ],
    });
    const gradient = graph.placeholder('gradient', 'float32', [size, size]);
    const sink = momentumSgd({
      learningRate: main.constant(1, 'float32'),
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
    });
    backward({ outputs: [{ tensor: y!, gradient }], from: main, into: main, sink });
    const training = openTraining(graph, { step: { tensor: y!, after: main.updates.splice(0) } });
    const zero = new Float32Array(size * size);
    training.set({ 'w/momentum': zero });
    let wrong = 0;
    for (let step = 0; step < 80; step++) {
      training.set({ w: zero });
      const found = training.run('step', { x: square, gradient: square, index: index(0) });
      if (found.some((value) => value !== 0)) wrong += 1;
    }
    training.close();
    expect(wrong, 'steps that computed with the new weights').to.equal(0);
  });
});

function sizesOf(graph: Graph): Record<string, number> {
  return Object.fromEntries(
    [...graph.variables.values()].map(({ name, shape }) => [name, (shape ?? []).reduce((a, b) => a * b, 1)]),
  );
}
