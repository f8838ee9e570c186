/**
 * Reads NAS-Bench-101 from CSV: `n,adj,ops,params,test_acc`, a cell a line. `adj` is the upper triangle of the n x n
 * adjacency matrix row by row, `ops` the operations of the inner vertices (0 conv3x3, 1 conv1x1, 2 maxpool3x3),
 * `test_acc` the mean test accuracy of three trainings of 108 epochs in percent.
 */

import type { CellTable } from './nas-bench-101.ts';
import { emptyCell, maxVertices, packCell } from './nas-bench-101-cell.ts';
import { readLines, readTable } from './rows-file.ts';

const header = 'n,adj,ops,params,test_acc';
const validationHeader = 'row,val_acc_4ep,val_acc_12ep,val_acc_36ep,val_acc_108ep,train_s_108ep';

/** The whole table. A query answers the mean test accuracy, since the file has no other. */
export function readNasBench101Csv(file: string): CellTable {
  const reader = readLines(file, readTable(file), header);
  const { bytes } = reader;
  let capacity = 2 ** 19;
  let genotypes = new Int32Array(capacity);
  let accuracies = new Float64Array(capacity);
  let rows = 0;
  const cell = emptyCell();
  while (reader.next()) {
    if (reader.columns !== 5) throw reader.error(`needs 5 columns, got ${reader.columns}`);
    const n = reader.number(0);
    if (!Number.isInteger(n) || n < 2 || n > maxVertices) throw reader.error(`n must be 2 … ${maxVertices}, got ${n}`);
    const adjacency = reader.start(1);
    if (reader.end(1) - adjacency !== (n * (n - 1)) / 2) {
      throw reader.error(`adj must have ${(n * (n - 1)) / 2} digits for ${n} vertices, got "${reader.text(1)}"`);
    }
    cell.vertices = n;
    let place = adjacency;
    for (let from = 0; from < n; from++) {
      let set = 0;
      for (let to = from + 1; to < n; to++) {
        const bit = bytes[place++]! - 48;
        if (bit !== 0 && bit !== 1) throw reader.error(`adj must be zeros and ones, got "${reader.text(1)}"`);
        set |= bit << to;
      }
      cell.successors[from] = set;
    }
    const operations = reader.start(2);
    if (reader.end(2) - operations !== n - 2) {
      throw reader.error(`ops must have ${n - 2} digits for ${n} vertices, got "${reader.text(2)}"`);
    }
    for (let vertex = 1; vertex < n - 1; vertex++) {
      const code = bytes[operations + vertex - 1]! - 48;
      if (code < 0 || code > 2) throw reader.error(`ops must be digits 0, 1, 2, got "${reader.text(2)}"`);
      cell.operations[vertex] = code;
    }
    if (rows === capacity) {
      capacity *= 2;
      const [moreGenotypes, moreAccuracies] = [new Int32Array(capacity), new Float64Array(capacity)];
      moreGenotypes.set(genotypes);
      moreAccuracies.set(accuracies);
      [genotypes, accuracies] = [moreGenotypes, moreAccuracies];
    }
    genotypes[rows] = packCell(cell);
    accuracies[rows] = reader.number(4);
    rows += 1;
  }
  if (rows === 0) throw reader.error('the table has no rows');
  const metric = { name: 'test accuracy, mean of 3', values: accuracies.slice(0, rows) };
  return { file, genotypes: genotypes.slice(0, rows), searched: metric, reported: metric };
}

/**
 * The rows of the table for which a second file has validation accuracies: `row,val_acc_4ep,…,val_acc_108ep,…`. A query
 * answers the validation accuracy of one training of 108 epochs; reported is the mean test accuracy.
 */
export function readNasBench101Validation(file: string, table: CellTable): CellTable {
  const reader = readLines(file, readTable(file), validationHeader);
  const rows: number[] = [];
  const accuracies: number[] = [];
  while (reader.next()) {
    if (reader.columns !== 6) throw reader.error(`needs 6 columns, got ${reader.columns}`);
    const row = reader.number(0);
    if (!Number.isInteger(row) || row < 0 || row >= table.genotypes.length) {
      throw reader.error(`row must be 0 … ${table.genotypes.length - 1} of ${table.file}, got ${row}`);
    }
    rows.push(row);
    accuracies.push(reader.number(4));
  }
  if (rows.length === 0) throw reader.error('the table has no rows');
  return {
    file,
    genotypes: Int32Array.from(rows, (row) => table.genotypes[row]!),
    searched: { name: 'validation accuracy, one training', values: Float64Array.from(accuracies) },
    reported: { name: table.reported.name, values: Float64Array.from(rows, (row) => table.reported.values[row]!) },
  };
}
