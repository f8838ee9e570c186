/** A tabular benchmark: every network of a space with its accuracies, so that a search can be measured in seconds. */
import type { RandomStream } from '../random/stream.ts';

/** One accuracy of every network. */
export interface Metric {
  /** "test accuracy", "validation accuracy of CIFAR-10": as a report names it. */
  readonly name: string;
  /** Percent, by row. */
  readonly values: Float64Array;
}

/** Networks as a graph predictor reads them; every network of a table has the same number of vertices, padded. */
export interface CellGraph {
  readonly vertices: number;
  /** Kinds of vertices: operations, input, output. */
  readonly kinds: number;
  /**
   * Writes a network: `kinds[vertex]` is its kind, or −1 for padding; `edges[from · vertices + to]` is 1 for an edge.
   * Both are given zeroed or not, and are overwritten.
   */
  readonly write: (row: number, kinds: Int16Array, edges: Uint8Array) => void;
}

/** Networks as a vector of numbers, for predictors that know nothing of graphs. */
export interface VectorEncoding {
  readonly width: number;
  /** Writes `width` numbers from `offset` on. */
  readonly write: (row: number, into: Float32Array, offset: number) => void;
}

/**
 * The table that a search method works on. A network is a row, from 0. A *genotype* is a whole number that codes one
 * way to write a network down; isomorphic genotypes are the same row.
 */
export interface TabularBenchmark {
  readonly name: string;
  readonly rows: number;
  /** What a query answers. */
  readonly searched: Metric;
  /** What is reported of the network that a search chose. */
  readonly reported: Metric;
  readonly genotype: (row: number) => number;
  /** The row of a genotype, or −1: not a network, or not in the table. */
  readonly row: (genotype: number) => number;
  /** A random change of a genotype, which may have no row: draw again then. */
  readonly mutate: (genotype: number, stream: RandomStream) => number;
  /** Every genotype that differs in one decision; some may have no row. */
  readonly neighbours: (genotype: number) => readonly number[];
  readonly vector: VectorEncoding;
  readonly graph: CellGraph;
  /** A row as text that people of the field can read. */
  readonly describe: (row: number) => string;
}

/** The place of a value among all values of a metric: 1 for the best, ties share the better place. */
export interface Ranking {
  readonly best: number;
  /** Row of the best value; the first of several. */
  readonly bestRow: number;
  /** 1 + how many values are better. */
  readonly rank: (value: number) => number;
}

export function rankValues({ values }: Metric): Ranking {
  const sorted = Float64Array.from(values).sort();
  const best = sorted[sorted.length - 1]!;
  return {
    best,
    bestRow: values.indexOf(best),
    rank(value) {
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sorted[middle]! <= value) low = middle + 1;
        else high = middle;
      }
      return sorted.length - low + 1;
    },
  };
}
