/**
 * NAS-Bench-201 (Dong & Yang 2020) as a tabular benchmark: 15,625 cells of four nodes with one of five operations on
 * each of the six edges, trained for 200 epochs. A genotype is the six operations as a number of base 5.
 */
import type { Metric, TabularBenchmark } from './benchmark.ts';
import { type DigitSpace, digitsOf, digitVectors, mutateDigit, neighbouringDigits } from './digits.ts';
import { readLines, readTable } from './rows-file.ts';

/** Operations by code, under the benchmark's own names. */
const edgeOperations = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'] as const;

/** Edges in the order of the benchmark's strings: from the nodes before 1, before 2, before 3. */
const edges = [
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 3],
  [1, 3],
  [2, 3],
] as const;

const space: DigitSpace = { length: edges.length, base: edgeOperations.length };
const header =
  'index,ops,c10_valid,c10_test,c100_valid,c100_test,c10_params_M,c10_flops_M,c10_valid_12ep,c100_valid_12ep,c10_train_s_200ep,c10_latency_ms,arch';

export const edgeDataSets = { cifar10: 'CIFAR-10', cifar100: 'CIFAR-100' } as const;
export type EdgeDataSet = keyof typeof edgeDataSets;

/** "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…|": the text of a genotype. */
export function formatEdgeCell(genotype: number): string {
  const names = digitsOf(space, genotype).map((digit, edge) => `${edgeOperations[digit]}~${edges[edge]![0]}`);
  return [names.slice(0, 1), names.slice(1, 3), names.slice(3)].map((group) => `|${group.join('|')}|`).join('+');
}

/**
 * Reads the CSV of one row a cell. A query answers the validation accuracy, reported is the test accuracy, both in
 * percent after 200 epochs (means over the trainings that the benchmark has).
 *
 * @throws GreedynasError `io` for a file of another form, a cell twice, or a text that contradicts the operations
 */
export function readNasBench201(file: string, dataSet: EdgeDataSet): TabularBenchmark {
  const reader = readLines(file, readTable(file), header);
  const [validation, test] = dataSet === 'cifar10' ? [2, 3] : [4, 5];
  const genotypes: number[] = [];
  const searched: number[] = [];
  const reported: number[] = [];
  const rowOf = new Map<number, number>();
  while (reader.next()) {
    const text = reader.text(1);
    if (!/^[0-4]{6}$/.test(text)) throw reader.error(`ops must be six digits 0 … 4, got "${text}"`);
    const genotype = Number.parseInt(text, space.base);
    const expected = formatEdgeCell(genotype);
    if (reader.text(12) !== expected) {
      throw reader.error(`arch must be ${expected} for the operations ${text}, got "${reader.text(12)}"`);
    }
    if (rowOf.has(genotype)) throw reader.error(`the cell ${text} has come before`);
    rowOf.set(genotype, genotypes.length);
    genotypes.push(genotype);
    searched.push(reader.number(validation));
    reported.push(reader.number(test));
  }
  if (genotypes.length === 0) throw reader.error('the table has no rows');
  const metric = (what: string, values: number[]): Metric => ({
    name: `${what} accuracy on ${edgeDataSets[dataSet]}`,
    values: Float64Array.from(values),
  });
  return {
    name: `nasbench201-${dataSet}`,
    rows: genotypes.length,
    searched: metric('validation', searched),
    reported: metric('test', reported),
    genotype: (row) => genotypes[row]!,
    row: (genotype) => rowOf.get(genotype) ?? -1,
    mutate: (genotype, stream) => mutateDigit(space, genotype, stream),
    neighbours: (genotype) => neighbouringDigits(space, genotype),
    vector: digitVectors(space, (row) => genotypes[row]!),
    // Operations lie on edges here, so the graph's vertices are the cell's edges; one follows another where they meet.
    graph: {
      vertices: edges.length + 2,
      kinds: space.base + 2,
      write(row, kinds, into) {
        const vertices = edges.length + 2;
        into.fill(0);
        kinds[0] = space.base;
        kinds[vertices - 1] = space.base + 1;
        for (const [edge, digit] of digitsOf(space, genotypes[row]!).entries()) {
          const [from, to] = edges[edge]!;
          kinds[edge + 1] = digit;
          if (from === 0) into[edge + 1] = 1;
          if (to === 3) into[(edge + 1) * vertices + vertices - 1] = 1;
          for (const [next, [start]] of edges.entries()) if (start === to) into[(edge + 1) * vertices + next + 1] = 1;
        }
      },
    },
    describe: (row) => formatEdgeCell(genotypes[row]!),
  };
}
