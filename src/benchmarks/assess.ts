/** How well a predictor predicts: fitted on a few random networks of a table, measured on all the others. */
import type { Predictor } from '../predictors/predictor.ts';
import type { RandomStream } from '../random/stream.ts';
import { kendall } from '../statistics/kendall.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { drawDistinct } from './draw.ts';

export interface Fit {
  /** Networks that it was measured on. */
  readonly networks: number;
  /** Mean squared error, in percent². */
  readonly mse: number;
  /** τ-b between predicted and true accuracy. */
  readonly kendall: number;
  /** 1 − squared error / variance of the truth: 1 is perfect, 0 as good as the mean. */
  readonly r2: number;
}

export interface Assessment {
  /** Networks that it was fitted on. */
  readonly examples: number;
  readonly all: Fit;
  /** On networks above 91 %, where the paper's two-stage predictor is measured; null where there are fewer than two. */
  readonly upper: Fit | null;
  /** [true, predicted] in percent of a random 2,000 of them, for a scatter plot. */
  readonly sample: readonly (readonly [number, number])[];
}

/** The paper sorts NAS-Bench-101's networks at this accuracy, in percent. */
const upperAccuracy = 91;
const sampleSize = 2000;

export function measureFit(predicted: readonly number[], truth: readonly number[]): Fit {
  const mean = truth.reduce((sum, value) => sum + value, 0) / truth.length;
  let error = 0;
  let spread = 0;
  for (const [index, value] of truth.entries()) {
    error += (value - predicted[index]!) ** 2;
    spread += (value - mean) ** 2;
  }
  return {
    networks: truth.length,
    mse: error / truth.length,
    kendall: kendall(predicted, truth),
    r2: spread === 0 ? Number.NaN : 1 - error / spread,
  };
}

/** Fits on `examples` rows drawn from the stream; accuracies are those that queries answer. */
export function assessPredictor(
  benchmark: TabularBenchmark,
  predictor: Predictor<number>,
  examples: number,
  stream: RandomStream,
): Assessment {
  const { values } = benchmark.searched;
  const rows: number[] = [];
  for (const row of drawDistinct(stream, benchmark.rows)) {
    if (rows.length >= examples) break;
    rows.push(row);
  }
  const fitted = new Set(rows);
  predictor.fit(
    rows,
    rows.map((row) => values[row]!),
    stream.integer(2 ** 31),
  );
  const others = Int32Array.from(values.keys()).filter((row) => !fitted.has(row));
  const predicted = Array.from(predictor.predict(others));
  const truth = Array.from(others, (row) => values[row]!);
  const upper = [...truth.keys()].filter((index) => truth[index]! > upperAccuracy);
  const sample: [number, number][] = [];
  for (const index of drawDistinct(stream, truth.length)) {
    if (sample.length >= sampleSize) break;
    sample.push([truth[index]!, predicted[index]!]);
  }
  return {
    examples,
    all: measureFit(predicted, truth),
    upper:
      upper.length < 2
        ? null
        : measureFit(
            upper.map((index) => predicted[index]!),
            upper.map((index) => truth[index]!),
          ),
    sample,
  };
}
