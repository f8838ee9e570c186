/**
 * Reads NAS-Bench-101's own file, `nasbench_only108.tfrecord` (or `nasbench_full.tfrecord`): each record is a JSON array
 * [hash, epochs, adjacency, operations, metrics] of one training, where adjacency is the n x n matrix as digits row by
 * row, operations are names joined by commas, and metrics is a base64 `ModelMetrics` protobuf
 * (github.com/google-research/nasbench, `nasbench/api.py` and `nasbench/lib/model_metrics.proto`).
 */
import protobuf from 'protobufjs';
import { z } from 'zod';
import { readRecords } from '../data/tfrecord.ts';
import { GreedynasError } from '../errors.ts';
import { type CellTable, createCellIndex } from './nas-bench-101.ts';
import { type Cell, emptyCell, maxVertices, packCell, pruneCell } from './nas-bench-101-cell.ts';

const schema = `
syntax = "proto2";
message EvaluationData {
  optional double current_epoch = 1;
  optional double training_time = 2;
  optional double train_accuracy = 3;
  optional double validation_accuracy = 4;
  optional double test_accuracy = 5;
}
message ModelMetrics {
  repeated EvaluationData evaluation_data = 1;
  optional int32 trainable_parameters = 2;
  optional double total_time = 3;
}
`;

/** The message that holds one training; tests write fixtures with it. */
export const modelMetrics = protobuf.parse(schema).root.lookupType('ModelMetrics');

const recordSchema = z.tuple([z.string(), z.int(), z.string(), z.string(), z.string()]);
const metricsSchema = z.object({
  evaluationData: z.array(z.object({ validationAccuracy: z.number(), testAccuracy: z.number() })).length(3),
});

/** Names in the file, by operation code. */
const operationNames = ['conv3x3-bn-relu', 'conv1x1-bn-relu', 'maxpool3x3'];

/** Trainings of fewer epochs are in the full file too. */
const epochsWanted = 108;

/** Cells of the whole benchmark. */
const allCells = 423_624;

function readCell(adjacency: string, operations: string, cell: Cell): string | null {
  const names = operations.split(',');
  const n = names.length;
  if (n < 2 || n > maxVertices) return `has ${n} vertices, allowed are 2 … ${maxVertices}`;
  if (!/^[01]+$/.test(adjacency) || adjacency.length !== n * n)
    return `adjacency "${adjacency}" is no ${n} x ${n} matrix`;
  if (names[0] !== 'input' || names[n - 1] !== 'output')
    return `operations "${operations}" must go from input to output`;
  cell.vertices = n;
  for (let from = 0; from < n; from++) {
    let set = 0;
    for (let to = 0; to < n; to++) {
      if (adjacency[from * n + to] !== '1') continue;
      if (to <= from) return `adjacency "${adjacency}" has an edge from vertex ${from} back to ${to}`;
      set |= 1 << to;
    }
    cell.successors[from] = set;
  }
  for (let vertex = 1; vertex < n - 1; vertex++) {
    const code = operationNames.indexOf(names[vertex]!);
    if (code < 0) return `operation "${names[vertex]}" is not one of ${operationNames.join(', ')}`;
    cell.operations[vertex] = code;
  }
  return null;
}

/**
 * @param searched what a query answers: the mean `test` accuracy of a cell's trainings, as with the CSV; or `validation`,
 * that of its first training, as a real search would see it. Reported is the mean test accuracy.
 * @param expectedCells the arrays are made for so many, and grow where a file has more
 * @throws GreedynasError `io` with file and record for what is not as described
 */
export async function readNasBench101Records(
  file: string,
  searched: 'test' | 'validation',
  expectedCells = allCells,
): Promise<CellTable> {
  const cell = emptyCell();
  let index = createCellIndex(expectedCells);
  let genotypes = new Int32Array(expectedCells);
  let tests = new Float64Array(expectedCells);
  let trainings = new Int32Array(expectedCells);
  let validations = new Float64Array(expectedCells);
  let rows = 0;
  let record = -1;
  const damaged = (problem: string): GreedynasError =>
    new GreedynasError('io', `${file}, record ${record}: ${problem}. It is not NAS-Bench-101's file, or damaged.`);
  for await (const { data } of readRecords(file)) {
    record += 1;
    const { epochs, adjacency, operations, metrics } = parseRecord(data, damaged);
    if (epochs !== epochsWanted) continue;
    const problem = readCell(adjacency, operations, cell);
    if (problem !== null) throw damaged(problem);
    const genotype = packCell(cell);
    // As the index of the table sees it.
    pruneCell(genotype, cell);
    if (cell.vertices === 0) throw damaged('its input and output are not connected');
    if (rows === genotypes.length) {
      const larger = 2 * rows;
      const grown = createCellIndex(larger);
      const other = emptyCell();
      for (let row = 0; row < rows; row++) {
        pruneCell(genotypes[row]!, other);
        grown.add(other, row);
      }
      index = grown;
      genotypes = grow(genotypes, new Int32Array(larger));
      tests = grow(tests, new Float64Array(larger));
      trainings = grow(trainings, new Int32Array(larger));
      validations = grow(validations, new Float64Array(larger));
    }
    const found = index.add(cell, rows);
    const row = found < 0 ? rows : found;
    if (found < 0) {
      genotypes[row] = genotype;
      validations[row] = 100 * metrics.validationAccuracy;
      rows += 1;
    }
    tests[row]! += 100 * metrics.testAccuracy;
    trainings[row]! += 1;
  }
  if (rows === 0) throw damaged(`the file has no training of ${epochsWanted} epochs`);
  const reported = {
    name: 'test accuracy, mean of all trainings',
    values: tests.slice(0, rows).map((sum, row) => sum / trainings[row]!),
  };
  return {
    file,
    genotypes: genotypes.slice(0, rows),
    reported,
    searched:
      searched === 'test'
        ? reported
        : { name: 'validation accuracy, first training', values: validations.slice(0, rows) },
  };
}

function grow<Values extends Int32Array | Float64Array>(from: Values, into: Values): Values {
  into.set(from);
  return into;
}

function parseRecord(data: Uint8Array, damaged: (problem: string) => GreedynasError) {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(data));
  } catch {
    throw damaged('its data is no JSON');
  }
  const record = recordSchema.safeParse(value);
  if (!record.success) throw damaged('must be [hash, epochs, adjacency, operations, metrics]');
  const [, epochs, adjacency, operations, encoded] = record.data;
  let message: unknown;
  try {
    message = modelMetrics.toObject(modelMetrics.decode(Buffer.from(encoded, 'base64')));
  } catch {
    throw damaged('its metrics are no ModelMetrics message');
  }
  const metrics = metricsSchema.safeParse(message);
  // At the start, half-way and at the end.
  const last = metrics.success ? metrics.data.evaluationData[2] : undefined;
  if (last === undefined) throw damaged('its metrics must hold three evaluations with validation and test accuracy');
  return { epochs, adjacency, operations, metrics: last };
}
