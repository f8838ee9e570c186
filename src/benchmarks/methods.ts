/** The search methods by name, and what each needs. */
import type { Binding } from '../engine/binding.ts';
import { GreedynasError } from '../errors.ts';
import { createMlp, weakNasMlp } from '../predictors/mlp.ts';
import { createNeuralPredictor, createTwoStagePredictor } from '../predictors/neural-predictor.ts';
import type { Predictor } from '../predictors/predictor.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { localSearch } from './local-search.ts';
import type { TableMethod } from './method.ts';
import { neuralPredictorSearch, type Scan, weakNas, weakNasSettings } from './predictor-search.ts';
import { randomSearch } from './random-search.ts';
import { regularisedEvolution } from './regularised-evolution.ts';

export const methodNames = [
  'random',
  'evolution',
  'local-search',
  'neural-predictor',
  'neural-predictor-two-stage',
  'weaknas',
  'weaknas-neural-predictor',
  'weaknas-neural-predictor-two-stage',
] as const;
export type MethodName = (typeof methodNames)[number];

/** A method as it is asked for: `weaknas`, `neural-predictor@50`. */
export interface MethodChoice {
  readonly text: string;
  readonly name: MethodName;
  /** Random networks that the predictor begins with; null: the method's own number. */
  readonly initial: number | null;
}

/** Whether a method learns a predictor, and so needs TensorFlow. */
export function usesPredictor(name: MethodName): boolean {
  return !['random', 'evolution', 'local-search'].includes(name);
}

/** @throws GreedynasError `usage` for an unknown name, or a number that the method does not take */
export function parseMethod(text: string): MethodChoice {
  const [head = '', number, ...rest] = text.split('@');
  const name = methodNames.find((known) => known === head);
  if (name === undefined || rest.length > 0) {
    throw new GreedynasError('usage', `--method ${text}: allowed are ${methodNames.join(', ')}`);
  }
  if (number === undefined) return { text, name, initial: null };
  const initial = Number(number);
  if (!usesPredictor(name) || !Number.isInteger(initial) || initial < 2) {
    throw new GreedynasError(
      'usage',
      `--method ${text}: after @ stands a whole number from 2, the random networks that a predictor begins with (neural-predictor@50)`,
    );
  }
  return { text, name, initial };
}

/** Networks above it are the upper class of the two-stage predictor. The paper has 91 % for NAS-Bench-101 alone. */
function upperClass(benchmark: TabularBenchmark): number {
  if (benchmark.name.startsWith('nasbench101')) return 91;
  const sorted = Float64Array.from(benchmark.searched.values).sort();
  return sorted[Math.floor(sorted.length / 4)]!;
}

/**
 * The predictor of a method, compiled for a benchmark.
 * @param units of each layer of WeakNAS' perceptron
 */
export function createMethodPredictor(
  name: MethodName,
  benchmark: TabularBenchmark,
  binding: Binding,
  units: number,
): Predictor<number> {
  switch (name) {
    case 'weaknas':
      return createMlp(binding, benchmark.vector, { ...weakNasMlp, hidden: weakNasMlp.hidden.map(() => units) });
    case 'neural-predictor':
    case 'weaknas-neural-predictor':
      return createNeuralPredictor(binding, benchmark.graph);
    case 'neural-predictor-two-stage':
    case 'weaknas-neural-predictor-two-stage':
      return createTwoStagePredictor(binding, benchmark.graph, { threshold: upperClass(benchmark) });
    default:
      throw new RangeError(`${name} has no predictor`);
  }
}

/** @param predictor needed by the methods that have one; not closed */
export function createMethod(
  { name, initial }: MethodChoice,
  benchmark: TabularBenchmark,
  predictor: Predictor<number> | null,
  { scan, top }: { readonly scan: Scan; readonly top: number },
): TableMethod {
  switch (name) {
    case 'random':
      return randomSearch;
    case 'evolution':
      return regularisedEvolution();
    case 'local-search':
      return localSearch;
    default: {
      if (predictor === null) throw new RangeError(`${name} needs a predictor`);
      if (name.startsWith('neural-predictor')) {
        return neuralPredictorSearch(predictor, ...(initial === null ? [] : [initial]));
      }
      const settings = weakNasSettings(benchmark);
      return weakNas(predictor, scan, { ...settings, top, initial: initial ?? settings.initial });
    }
  }
}
