/** NAS-Bench-101 as a tabular benchmark: 423,624 cells in typed arrays, found by their isomorphism class. */
import { GreedynasError } from '../errors.ts';
import type { Metric, TabularBenchmark } from './benchmark.ts';
import {
  type Cell,
  cellNeighbours,
  cellOperations,
  emptyCell,
  isInSpace,
  maxVertices,
  mutateCell,
  pruneCell,
  writeCellKey,
} from './nas-bench-101-cell.ts';

/** What a reader of one of the file formats hands over. */
export interface CellTable {
  /** For errors. */
  readonly file: string;
  /** By row. */
  readonly genotypes: Int32Array;
  readonly searched: Metric;
  readonly reported: Metric;
}

/** Rows by the key of their cell: open addressing in typed arrays, since a Map of 423,624 strings takes 60 MB and 1 s. */
export interface CellIndex {
  /** The row of a cell, or −1. */
  find(cell: Cell): number;
  /** Returns the row that has this cell already, or −1 after it was added as `row`. */
  add(cell: Cell, row: number): number;
}

export function createCellIndex(rows: number): CellIndex {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2, rows) * 2));
  const table = new Int32Array(slots);
  const halves = new Int32Array(2 * rows);
  const keys = new Int32Array(2);
  /** The slot of the key in `keys`: its own, or the free one where it belongs. */
  const slotOfKey = (): number => {
    let slot = keys[0]! & (slots - 1);
    for (;;) {
      const row = table[slot]! - 1;
      if (row < 0 || (halves[2 * row] === keys[0] && halves[2 * row + 1] === keys[1])) return slot;
      slot = (slot + 1) & (slots - 1);
    }
  };
  return {
    find(cell) {
      writeCellKey(cell, keys);
      return table[slotOfKey()]! - 1;
    },
    add(cell, row) {
      writeCellKey(cell, keys);
      const slot = slotOfKey();
      const found = table[slot]! - 1;
      if (found >= 0) return found;
      table[slot] = row + 1;
      halves.set(keys, 2 * row);
      return -1;
    },
  };
}

/** Kinds of vertices for the graph predictor: the operations by code, then input and output. */
const inputKind = cellOperations.length;
const outputKind = inputKind + 1;

/** Upper-triangular bits of the columns 1 … 6 (21), and for the vertices 1 … 6 which of 4 kinds each is (24). */
const vectorWidth = 45;

/** @throws GreedynasError `io` where two rows hold the same cell, or a row holds none of the space */
export function createNasBench101({ file, genotypes, searched, reported }: CellTable): TabularBenchmark {
  const rows = genotypes.length;
  const index = createCellIndex(rows);
  const cell = emptyCell();
  for (let row = 0; row < rows; row++) {
    pruneCell(genotypes[row]!, cell);
    if (!isInSpace(cell)) {
      throw new GreedynasError(
        'io',
        `${file}: row ${row} is no cell of NAS-Bench-101: input and output must be connected by at most 9 edges. Get the file anew.`,
      );
    }
    const twin = index.add(cell, row);
    if (twin >= 0) {
      throw new GreedynasError('io', `${file}: rows ${twin} and ${row} hold the same cell. Get the file anew.`);
    }
  }
  return {
    name: 'nasbench101',
    rows,
    searched,
    reported,
    genotype: (row) => genotypes[row]!,
    row(genotype) {
      pruneCell(genotype, cell);
      return cell.vertices === 0 ? -1 : index.find(cell);
    },
    mutate: mutateCell,
    neighbours: cellNeighbours,
    vector: {
      width: vectorWidth,
      // The encoding of WeakNAS' own code: column after column, each with the kind of its vertex behind it.
      write(row, into, offset) {
        pruneCell(genotypes[row]!, cell);
        into.fill(0, offset, offset + vectorWidth);
        let place = offset;
        for (let to = 1; to < cell.vertices; to++) {
          for (let from = 0; from < to; from++) into[place++] = (cell.successors[from]! >> to) & 1;
          into[place + (to === cell.vertices - 1 ? 3 : cell.operations[to]!)] = 1;
          place += 4;
        }
      },
    },
    graph: {
      vertices: maxVertices,
      kinds: outputKind + 1,
      write(row, kinds, edges) {
        pruneCell(genotypes[row]!, cell);
        kinds.fill(-1);
        edges.fill(0);
        const last = cell.vertices - 1;
        for (let from = 0; from <= last; from++) {
          kinds[from] = from === 0 ? inputKind : from === last ? outputKind : cell.operations[from]!;
          for (let to = from + 1; to <= last; to++) edges[from * maxVertices + to] = (cell.successors[from]! >> to) & 1;
        }
      },
    },
    describe(row) {
      pruneCell(genotypes[row]!, cell);
      const { vertices, successors, operations } = cell;
      const names = [
        'input',
        ...Array.from(operations.slice(1, vertices - 1), (code) => cellOperations[code]!),
        'output',
      ];
      return names
        .slice(0, -1)
        .map((name, from) => {
          const targets = names.map((_, to) => to).filter((to) => (successors[from]! >> to) & 1);
          return `${from}:${name}>${targets.join(',')}`;
        })
        .join(' ');
    },
  };
}
