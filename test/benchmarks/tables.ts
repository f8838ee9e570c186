/** Small tables for tests, and where the real ones lie on machines that have them. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TabularBenchmark } from '../../src/benchmarks/benchmark.ts';
import {
  type DigitSpace,
  digitsOf,
  digitVectors,
  mutateDigit,
  neighbouringDigits,
} from '../../src/benchmarks/digits.ts';
import { formatEdgeCell } from '../../src/benchmarks/nas-bench-201.ts';
import { createStream } from '../../src/random/stream.ts';

/** The folder of the real tables; not part of the repository. */
export const realTables = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** The path of a real table, or null where it is absent: a test that needs it is skipped then. */
export function realTable(name: string): string | null {
  const path = join(realTables, name);
  return existsSync(path) ? path : null;
}

/** A made-up table of `base` operations in `length` places; accuracy grows with the digits, with noise by `seed`. */
export function toyBenchmark(space: DigitSpace = { length: 5, base: 3 }, seed = 1): TabularBenchmark {
  const rows = space.base ** space.length;
  const stream = createStream(seed, 'toy');
  const values = Float64Array.from({ length: rows }, (_, row) => {
    const sum = digitsOf(space, row).reduce((total, digit, place) => total + digit * (1 + place), 0);
    return 50 + sum + stream.uniform();
  });
  const metric = { name: 'toy accuracy', values };
  return {
    name: 'toy',
    rows,
    searched: metric,
    reported: metric,
    genotype: (row) => row,
    row: (genotype) => genotype,
    mutate: (genotype, random) => mutateDigit(space, genotype, random),
    neighbours: (genotype) => neighbouringDigits(space, genotype),
    vector: digitVectors(space, (row) => row),
    graph: {
      vertices: space.length,
      kinds: space.length * space.base,
      write(row, kinds, edges) {
        edges.fill(0);
        for (const [place, digit] of digitsOf(space, row).entries()) {
          kinds[place] = place * space.base + digit;
          if (place + 1 < space.length) edges[place * space.length + place + 1] = 1;
        }
      },
    },
    describe: String,
  };
}

export const header201 =
  'index,ops,c10_valid,c10_test,c100_valid,c100_test,c10_params_M,c10_flops_M,c10_valid_12ep,c100_valid_12ep,c10_train_s_200ep,c10_latency_ms,arch';

/** A line of the NAS-Bench-201 CSV for six digits of operations. */
export function line201(index: number, ops: string, accuracies: readonly number[]): string {
  const arch = formatEdgeCell(Number.parseInt(ops, 5));
  return [index, ops, ...accuracies, 0.1, 17.9, 63.3, 31.8, 1444.2, 13.9, arch].join(',');
}

/** Writes a table of the 3^6 cells that use the last three operations; accuracy grows with them. */
export function writeSmall201(folder: string): string {
  const lines = [header201];
  for (let code = 0; code < 3 ** 6; code++) {
    const ops = [...code.toString(3).padStart(6, '0')].map((digit) => Number(digit) + 2).join('');
    const score = 60 + (code % 97) / 10 + code / 50;
    lines.push(
      line201(
        code,
        ops,
        [score, score + 1, score - 20, score - 19].map((value) => Number(value.toFixed(3))),
      ),
    );
  }
  writeFileSync(join(folder, 'nasbench201.csv'), `${lines.join('\n')}\n`);
  return folder;
}
