/** Percentile intervals by the bootstrap: Efron, Annals of Statistics 7 (1979) 1. */
import type { RandomStream } from '../random/stream.ts';
import { quantile } from './percentile.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** Items that are drawn from, at least 1. */
  readonly count: number;
  /** Figures of a sample, given as indices 0 … count − 1, with repetitions. Each call returns equally many. */
  readonly figures: (sample: readonly number[]) => readonly number[];
  /** Samples drawn; each has as many items as there are. */
  readonly samples: number;
  readonly stream: RandomStream;
  /** Share of the samples that the interval holds, in (0, 1). */
  readonly confidence?: number;
}

/**
 * An interval for each figure. All figures come from the same samples, so one that is a difference is a paired one. A
 * sample whose figure is NaN (all its items tie) does not count for that figure; NaN bounds where none counts.
 */
export function bootstrapIntervals(options: BootstrapOptions): Interval[] {
  const { count, figures, samples, stream, confidence = 0.95 } = options;
  const columns: number[][] = [];
  for (let round = 0; round < samples; round++) {
    const sample = Array.from({ length: count }, () => stream.integer(count));
    for (const [column, value] of figures(sample).entries()) {
      const values = columns[column] ?? [];
      columns[column] = values;
      if (!Number.isNaN(value)) values.push(value);
    }
  }
  const tail = (1 - confidence) / 2;
  return columns.map((values) =>
    values.length === 0
      ? { low: Number.NaN, high: Number.NaN }
      : { low: quantile(values, tail), high: quantile(values, 1 - tail) },
  );
}
