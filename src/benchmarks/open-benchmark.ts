/** Finds a benchmark's files by the names that their authors, and this project's documents, give them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { readMacroBenchmark } from './macro-benchmark.ts';
import { createNasBench101 } from './nas-bench-101.ts';
import { readNasBench101Csv, readNasBench101Validation } from './nas-bench-101-csv.ts';
import { readNasBench101Records } from './nas-bench-101-records.ts';
import { readNasBench201 } from './nas-bench-201.ts';

export const benchmarkNames = [
  'nasbench101',
  'nasbench101-validation',
  'nasbench201-cifar10',
  'nasbench201-cifar100',
  'macro',
] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

const recordNames = ['nasbench_only108.tfrecord', 'nasbench_full.tfrecord'];
const csv101 = ['nasbench101.csv.gz', 'nasbench101.csv'];
const validation101 = ['nasbench101_val_first20001.csv.gz', 'nasbench101_val_first20001.csv'];
const csv201 = ['nasbench201.csv.gz', 'nasbench201.csv'];
const macroNames = ['nas-bench-macro_cifar10.json', 'nas_bench_macro.json.gz', 'nas_bench_macro.json'];

function find(directory: string, names: readonly string[]): string | null {
  const file = names.map((name) => join(directory, name)).find((path) => existsSync(path));
  return file ?? null;
}

function required(directory: string, names: readonly string[], source: string): string {
  const file = find(directory, names);
  if (file !== null) return file;
  throw new GreedynasError(
    'io',
    `${directory} has no ${names.join(', no ')}: ${source}. Put the file there, or name its folder with --data.`,
  );
}

const source101 =
  'nasbench_only108.tfrecord is on the page of github.com/google-research/nasbench; docs/benchmarks.md describes the CSV';

/** Reads a benchmark from the files in a folder. Throws `io` where they are missing or damaged. */
export async function openBenchmark(name: BenchmarkName, directory: string): Promise<TabularBenchmark> {
  switch (name) {
    case 'nasbench101': {
      const file = required(directory, [...csv101, ...recordNames], source101);
      const table = file.endsWith('.tfrecord') ? await readNasBench101Records(file, 'test') : readNasBench101Csv(file);
      return createNasBench101(table);
    }
    case 'nasbench101-validation': {
      const records = find(directory, recordNames);
      if (records !== null) return createNasBench101(await readNasBench101Records(records, 'validation'));
      const table = readNasBench101Csv(required(directory, csv101, source101));
      return createNasBench101(readNasBench101Validation(required(directory, validation101, source101), table));
    }
    case 'nasbench201-cifar10':
    case 'nasbench201-cifar100': {
      const file = required(
        directory,
        csv201,
        'docs/benchmarks.md describes the CSV of github.com/D-X-Y/NAS-Bench-201',
      );
      return readNasBench201(file, name === 'nasbench201-cifar10' ? 'cifar10' : 'cifar100');
    }
    case 'macro':
      return readMacroBenchmark(required(directory, macroNames, 'it is in data/ of github.com/xiusu/NAS-Bench-Macro'));
  }
}
