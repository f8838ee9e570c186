/**
 * The Neural Predictor (Wen et al., ECCV 2020): a graph network that predicts accuracy; in two stages a classifier first
 * sorts out the networks that are too bad to learn from.
 */
import type { Binding } from '../engine/binding.ts';
import {
  createGraphNetwork,
  type GraphEncoder,
  type GraphNetworkSettings,
  neuralPredictorNetwork,
} from './graph-network.ts';
import { type Predictor, standardisation } from './predictor.ts';

/** One stage: a regressor on all examples. */
export function createNeuralPredictor<Network>(
  binding: Binding,
  encoder: GraphEncoder<Network>,
  settings: GraphNetworkSettings = neuralPredictorNetwork,
): Predictor<Network> {
  const network = createGraphNetwork(binding, encoder, 'value', settings);
  let unit = { mean: 0, deviation: 1 };
  return {
    fit(networks, targets, seed) {
      unit = standardisation(targets);
      network.train(
        networks,
        targets.map((target) => (target - unit.mean) / unit.deviation),
        seed,
      );
    },
    predict: (networks) => network.apply(networks).map((value) => value * unit.deviation + unit.mean),
    close: () => network.close(),
  };
}

export interface TwoStageOptions {
  /** Networks above it are worth a regression: 91 % on NAS-Bench-101 in the paper. In the unit of the targets. */
  readonly threshold: number;
  readonly regressor?: GraphNetworkSettings;
  readonly classifier?: GraphNetworkSettings;
}

/** Adam's rate of the paper's classifier is twice the regressor's. */
const classifierNetwork: GraphNetworkSettings = { ...neuralPredictorNetwork, learningRate: 2e-4 };

/**
 * Two stages: a classifier on all examples, then a regressor on those above the threshold. A network of the lower class
 * is predicted to have the lower class' mean accuracy, one of the upper class at least the threshold, so that every
 * upper one comes before every lower one.
 */
export function createTwoStagePredictor<Network>(
  binding: Binding,
  encoder: GraphEncoder<Network>,
  { threshold, regressor = neuralPredictorNetwork, classifier = classifierNetwork }: TwoStageOptions,
): Predictor<Network> {
  const classes = createGraphNetwork(binding, encoder, 'class', classifier);
  const values = createNeuralPredictor(binding, encoder, regressor);
  /** Mean accuracy of the lower class; null where all examples are of one class, so that there is nothing to sort. */
  let lower: number | null = null;
  return {
    fit(networks, targets, seed) {
      const upper = targets.flatMap((target, index) => (target > threshold ? [index] : []));
      const below = targets.filter((target) => target <= threshold);
      if (upper.length === 0 || below.length === 0) {
        lower = null;
        values.fit(networks, targets, seed);
        return;
      }
      lower = below.reduce((sum, target) => sum + target, 0) / below.length;
      classes.train(
        networks,
        targets.map((target) => (target > threshold ? 1 : 0)),
        seed,
      );
      values.fit(
        upper.map((index) => networks[index]!),
        upper.map((index) => targets[index]!),
        seed,
      );
    },
    predict(networks) {
      const predictions = values.predict(networks);
      if (lower === null) return predictions;
      const mean = lower;
      return classes.apply(networks).map((odds, index) => (odds > 0 ? Math.max(predictions[index]!, threshold) : mean));
    },
    close() {
      classes.close();
      values.close();
    },
  };
}
