import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createGraphNetwork, type GraphEncoder, neuralPredictorNetwork } from '../../src/predictors/graph-network.ts';
import { createMlp, weakNasMlp } from '../../src/predictors/mlp.ts';
import { createNeuralPredictor, createTwoStagePredictor } from '../../src/predictors/neural-predictor.ts';
import { standardisation } from '../../src/predictors/predictor.ts';
import { createStream, permutation } from '../../src/random/stream.ts';
import { kendall } from '../../src/statistics/kendall.ts';
import { toyBenchmark } from '../benchmarks/tables.ts';
import { engineBinding } from '../graph/engine.ts';

const benchmark = toyBenchmark();
const truth = benchmark.searched.values;
const order = Array.from(permutation(createStream(1, 'split'), benchmark.rows));
const examples = order.slice(0, 120);
const others = order.slice(120);
const targetsOf = (rows: readonly number[]): number[] => rows.map((row) => truth[row]!);
const small = { ...weakNasMlp, hidden: [32, 32], learningRate: 5e-3 };
const smallGraph = { ...neuralPredictorNetwork, layers: 2, width: 16, linear: 16, learningRate: 5e-3, epochs: 40 };

describe('standardisation', () => {
  it('has deviation 1 where all targets are equal, so that nothing is divided by 0', () => {
    expect(standardisation([3, 5])).to.deep.equal({ mean: 4, deviation: 1 });
    expect(standardisation([7, 7])).to.deep.equal({ mean: 7, deviation: 1 });
  });
});

describe('the perceptron', () => {
  it('learns to rank networks that it has not seen, in the unit of its targets', () => {
    const mlp = createMlp(engineBinding(), benchmark.vector, small);
    mlp.fit(examples, targetsOf(examples), 1);
    const predicted = mlp.predict(others);
    mlp.close();
    expect(kendall(Array.from(predicted), targetsOf(others))).to.be.above(0.85);
    const error = others.reduce((sum, row, index) => sum + (predicted[index]! - truth[row]!) ** 2, 0) / others.length;
    expect(error).to.be.below(2);
  });

  it('gives the same bits for the same seed whatever it learnt before, and other ones for another', () => {
    const mlp = createMlp(engineBinding(), benchmark.vector, small);
    const fitted = (rows: readonly number[], seed: number): number[] => {
      mlp.fit(rows, targetsOf(rows), seed);
      return Array.from(mlp.predict(others));
    };
    const first = fitted(examples, 1);
    expect(fitted(examples.slice(0, 30), 1)).not.to.deep.equal(first);
    expect(fitted(examples, 2)).not.to.deep.equal(first);
    expect(fitted(examples, 1)).to.deep.equal(first);
    mlp.close();
  });

  it('predicts a network the same alone and among many calls', () => {
    const mlp = createMlp(engineBinding(), benchmark.vector, small);
    mlp.fit(examples, targetsOf(examples), 1);
    const many = mlp.predict(Int32Array.from({ length: 5000 }, (_, index) => index % benchmark.rows));
    for (const place of [0, 2047, 2048, 4999]) {
      expect(mlp.predict([place % benchmark.rows])[0]).to.be.closeTo(many[place]!, 1e-4);
    }
    expect(mlp.predict([])).to.have.length(0);
    mlp.close();
  });

  it('stops early where the loss no longer falls', () => {
    const steps: number[] = [];
    const binding = engineBinding();
    const counting: typeof binding = Object.create(binding, {
      runSavedModel: {
        value: (...given: Parameters<typeof binding.runSavedModel>) => {
          if (given[3] === 'train:0') steps.push(1);
          return binding.runSavedModel(...given);
        },
      },
    });
    const mlp = createMlp(counting, benchmark.vector, { ...small, tolerance: 1e6, patience: 3 });
    mlp.fit(examples, targetsOf(examples), 1);
    mlp.close();
    // The first epoch falls from infinity; four more do not fall by the tolerance, one more than its patience.
    expect(steps).to.have.length(5);
  });

  it('says that it diverged, and what to do', () => {
    const mlp = createMlp(engineBinding(), benchmark.vector, { ...small, learningRate: Number.NaN });
    expect(() => mlp.fit(examples, targetsOf(examples), 1))
      .to.throw(GreedynasError, /loss is NaN in epoch 2; give a lower learning rate/)
      .with.property('code', 'diverged');
    mlp.close();
  });
});

describe('the graph network', () => {
  it('learns to rank networks that it has not seen', () => {
    const predictor = createNeuralPredictor(engineBinding(), benchmark.graph, smallGraph);
    predictor.fit(examples, targetsOf(examples), 1);
    const predicted = Array.from(predictor.predict(others));
    predictor.close();
    expect(kendall(predicted, targetsOf(others))).to.be.above(0.8);
  });

  it('gives the same bits for the same seed whatever it learnt before', () => {
    const predictor = createNeuralPredictor(engineBinding(), benchmark.graph, { ...smallGraph, epochs: 3 });
    const fitted = (rows: readonly number[], seed: number): number[] => {
      predictor.fit(rows, targetsOf(rows), seed);
      return Array.from(predictor.predict(others));
    };
    const first = fitted(examples, 1);
    expect(fitted(examples.slice(0, 40), 3)).not.to.deep.equal(first);
    expect(fitted(examples, 1)).to.deep.equal(first);
    predictor.close();
  });

  it('does not see how vertices are numbered, nor padding, but sees where an edge leads', () => {
    // Graphs of four vertices at most: kinds, then edges.
    const graphs: [number[], [number, number][]][] = [
      [
        [0, 1, 2, 1],
        [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
      ],
      [
        [2, 1, 0, 1],
        [
          [2, 3],
          [3, 0],
          [0, 1],
        ],
      ],
      [
        [0, 1, 2, -1],
        [
          [0, 1],
          [1, 2],
        ],
      ],
      [
        [-1, 2, 1, 0],
        [
          [3, 2],
          [2, 1],
        ],
      ],
      [
        [0, 1, 2, 1],
        [
          [1, 0],
          [1, 2],
          [2, 3],
        ],
      ],
    ];
    const encoder: GraphEncoder<number> = {
      vertices: 4,
      kinds: 3,
      write(index, kinds, edges) {
        const [given, pairs] = graphs[index]!;
        kinds.set(given);
        edges.fill(0);
        for (const [from, to] of pairs) edges[from * 4 + to] = 1;
      },
    };
    const network = createGraphNetwork(engineBinding(), encoder, 'value', { ...smallGraph, epochs: 2 });
    network.train([0, 2, 4], [1, -1, 0.5], 1);
    const [chain, renumbered, short, padded, turned] = network.apply([0, 1, 2, 3, 4]);
    network.close();
    expect(renumbered).to.be.closeTo(chain!, 1e-5);
    expect(padded).to.be.closeTo(short!, 1e-5);
    expect(Math.abs(turned! - chain!)).to.be.above(1e-3);
    expect(Math.abs(short! - chain!)).to.be.above(1e-3);
  });

  it('says that it diverged', () => {
    const predictor = createNeuralPredictor(engineBinding(), benchmark.graph, {
      ...smallGraph,
      learningRate: Number.NaN,
    });
    expect(() => predictor.fit(examples, targetsOf(examples), 1))
      .to.throw(GreedynasError, /loss is NaN in epoch 1/)
      .with.property('code', 'diverged');
    predictor.close();
  });
});

describe('the two-stage predictor', () => {
  const median = [...truth].sort((a, b) => a - b)[Math.floor(truth.length / 2)]!;

  it('puts every network of the upper class before every one of the lower', () => {
    const predictor = createTwoStagePredictor(engineBinding(), benchmark.graph, {
      threshold: median,
      regressor: smallGraph,
      classifier: smallGraph,
    });
    predictor.fit(examples, targetsOf(examples), 1);
    const predicted = predictor.predict(others);
    predictor.close();
    const lower = targetsOf(examples).filter((target) => target <= median);
    const mean = lower.reduce((sum, target) => sum + target) / lower.length;
    const right = others.filter(
      (row, index) => truth[row]! > median === predicted[index]! >= Math.fround(median),
    ).length;
    expect(right / others.length).to.be.above(0.85);
    for (const value of predicted) expect(value >= Math.fround(median) || value === Math.fround(mean)).to.equal(true);
  });

  it('is the one-stage predictor where all examples are of one class', () => {
    const options = { threshold: 0, regressor: { ...smallGraph, epochs: 3 }, classifier: smallGraph };
    const two = createTwoStagePredictor(engineBinding(), benchmark.graph, options);
    const one = createNeuralPredictor(engineBinding(), benchmark.graph, options.regressor);
    for (const predictor of [two, one]) predictor.fit(examples, targetsOf(examples), 1);
    expect(Array.from(two.predict(others))).to.deep.equal(Array.from(one.predict(others)));
    for (const predictor of [two, one]) predictor.close();
  });
});
