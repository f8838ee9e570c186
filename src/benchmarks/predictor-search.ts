/** WeakNAS and the Neural Predictor as searches on a table. */
import type { Predictor } from '../predictors/predictor.ts';
import { topPlaces } from '../predictors/top.ts';
import { chooseWeakly, type WeakNasSettings, weakNasDefaults } from '../predictors/weak-nas.ts';
import type { RandomStream } from '../random/stream.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { drawDistinct } from './draw.ts';
import type { TableMethod } from './method.ts';

/**
 * Which rows a predictor looks at each iteration. `all`: the whole table, as the paper does. `part`: so many fresh random
 * rows, and the neighbours of the best known; for budgets of 1,000 and more, where whole scans take hours.
 */
export type Scan = { readonly kind: 'all' } | { readonly kind: 'part'; readonly rows: number };

/** Networks whose neighbours a partial scan looks at. */
const bestKnown = 20;

/** NAS-Bench-101's settings are the paper's; on the small tables it begins with 10 networks. */
export function weakNasSettings(benchmark: TabularBenchmark): WeakNasSettings {
  return benchmark.name.startsWith('nasbench101') ? weakNasDefaults : { ...weakNasDefaults, initial: 10 };
}

function unknownRows(benchmark: TabularBenchmark, known: ReadonlyMap<number, number>): Int32Array {
  const rows = new Int32Array(benchmark.rows - known.size);
  let count = 0;
  for (let row = 0; row < benchmark.rows; row++) if (!known.has(row)) rows[count++] = row;
  return rows;
}

function partOfTable(
  benchmark: TabularBenchmark,
  known: ReadonlyMap<number, number>,
  count: number,
  stream: RandomStream,
): Int32Array {
  const rows = new Set<number>();
  const best = [...known].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB).slice(0, bestKnown);
  for (const [row] of best) {
    for (const genotype of benchmark.neighbours(benchmark.genotype(row))) {
      const neighbour = benchmark.row(genotype);
      if (neighbour >= 0 && !known.has(neighbour)) rows.add(neighbour);
    }
  }
  let drawn = 0;
  for (const row of drawDistinct(stream, benchmark.rows)) {
    if (drawn++ >= count) break;
    if (!known.has(row)) rows.add(row);
  }
  return Int32Array.from(rows);
}

export function weakNas(predictor: Predictor<number>, scan: Scan, given?: WeakNasSettings): TableMethod {
  return function* ({ benchmark, stream }) {
    const settings = given ?? weakNasSettings(benchmark);
    const known = new Map<number, number>();
    for (const row of drawDistinct(stream, benchmark.rows)) {
      known.set(row, yield row);
      if (known.size >= settings.initial) break;
    }
    for (;;) {
      const candidates =
        scan.kind === 'all' ? unknownRows(benchmark, known) : partOfTable(benchmark, known, scan.rows, stream);
      if (candidates.length === 0) return;
      const networks = [...known.keys()];
      const accuracies = [...known.values()];
      for (const row of chooseWeakly({ predictor, networks, accuracies, candidates, settings, stream })) {
        known.set(row, yield row);
      }
    }
  };
}

/** The paper's number of examples for NAS-Bench-101. */
export const neuralPredictorExamples = 172;

/** N random networks, one fit, then the K = budget − N networks of the best predictions, best first. */
export function neuralPredictorSearch(predictor: Predictor<number>, examples = neuralPredictorExamples): TableMethod {
  return function* ({ benchmark, stream, budget }) {
    const known = new Map<number, number>();
    for (const row of drawDistinct(stream, benchmark.rows)) {
      known.set(row, yield row);
      if (known.size >= examples) break;
    }
    if (known.size >= benchmark.rows) return;
    predictor.fit([...known.keys()], [...known.values()], stream.integer(2 ** 31));
    const candidates = unknownRows(benchmark, known);
    for (const place of topPlaces(predictor.predict(candidates), budget - known.size)) yield candidates[place]!;
  };
}
