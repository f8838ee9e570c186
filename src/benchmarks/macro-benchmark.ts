/** NAS-Bench-Macro as a table to search: its 3,969 distinct networks of eight layers with one of three operations each. */
import { pathFromDigits } from '../space/genotype.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { type DigitSpace, digitsOf, digitVectors, mutateDigit, neighbouringDigits } from './digits.ts';
import { readMacroTable } from './nas-bench-macro.ts';

const space: DigitSpace = { length: 8, base: 3 };

/** Query and report are the mean test accuracy of three trainings, the only one that the benchmark has. */
export async function readMacroBenchmark(file: string): Promise<TabularBenchmark> {
  const { networks, entry, space: layers } = await readMacroTable(file);
  const rowOfCode = new Map(networks.map(({ code }, row) => [code, row]));
  const genotypes = Int32Array.from(networks, ({ code }) => Number.parseInt(code, space.base));
  const rows = new Int32Array(space.base ** space.length);
  for (const genotype of rows.keys()) {
    const path = pathFromDigits(layers, digitsOf(space, genotype).join(''));
    rows[genotype] = rowOfCode.get(entry(path).code) ?? -1;
  }
  const metric = {
    name: 'test accuracy, mean of 3',
    values: Float64Array.from(networks, ({ accuracy }) => accuracy),
  };
  return {
    name: 'macro',
    rows: networks.length,
    searched: metric,
    reported: metric,
    genotype: (row) => genotypes[row]!,
    row: (genotype) => rows[genotype]!,
    mutate: (genotype, stream) => mutateDigit(space, genotype, stream),
    neighbours: (genotype) => neighbouringDigits(space, genotype),
    vector: digitVectors(space, (row) => genotypes[row]!),
    // A chain. The same operation does other things in another layer, so a vertex' kind is its layer and operation.
    graph: {
      vertices: space.length,
      kinds: space.length * space.base,
      write(row, kinds, edges) {
        edges.fill(0);
        for (const [layer, digit] of digitsOf(space, genotypes[row]!).entries()) {
          kinds[layer] = layer * space.base + digit;
          if (layer + 1 < space.length) edges[layer * space.length + layer + 1] = 1;
        }
      },
    },
    describe: (row) => networks[row]!.code,
  };
}
