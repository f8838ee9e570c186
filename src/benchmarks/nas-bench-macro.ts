/**
 * NAS-Bench-Macro (Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021): the CIFAR-10
 * accuracies of all 6,561 paths of its space, each trained alone three times. Reads the authors' JSON file
 * (`data/nas-bench-macro_cifar10.json` of github.com/xiusu/NAS-Bench-Macro), as it is or gzipped.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import * as z from 'zod';
import { GreedynasError } from '../errors.ts';
import { pathFlops, pathParams } from '../space/cost.ts';
import { canonicalPath } from '../space/distinct.ts';
import { pathFromDigits, pathKey } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { explained } from '../storage/durable.ts';

export interface MacroEntry {
  /** A digit for each layer, the index of its operation. */
  readonly code: string;
  readonly path: Path;
  /** Test accuracy of each of the three trainings, its best epoch's, in percent. */
  readonly accuracies: readonly [number, number, number];
  /** Their mean, in percent. */
  readonly accuracy: number;
  readonly flops: number;
  readonly params: number;
}

export interface MacroTable {
  /** The space of the table: `nas-bench-macro` as published. */
  readonly space: Space;
  /** What is known of a path, or of the network that it is: equal networks have one entry. */
  entry(path: Path): MacroEntry;
  /** One entry for each of the 3,969 distinct networks, with its canonical path. */
  readonly networks: readonly MacroEntry[];
  /** The network of the highest mean accuracy. */
  readonly best: MacroEntry;
}

const accuracy = z.number().min(0).max(100);
const accuracies = z.tuple([accuracy, accuracy, accuracy]);

/** As published: `{code: {test_acc, mean_acc, std, params, flops}}`. */
const publishedSchema = z.record(
  z.string(),
  z.object({ test_acc: accuracies, mean_acc: accuracy, params: z.int(), flops: z.int() }),
);

/** As some copies have it, a row of columns for each code. */
const rowsSchema = z.object({
  columns: z.tuple([
    z.literal('test_acc_run0'),
    z.literal('test_acc_run1'),
    z.literal('test_acc_run2'),
    z.literal('params'),
    z.literal('flops'),
  ]),
  archs: z.record(z.string(), z.tuple([accuracy, accuracy, accuracy, z.int(), z.int()])),
});

interface Row {
  readonly accuracies: readonly [number, number, number];
  readonly params: number;
  readonly flops: number;
}

/**
 * Reads the table and checks it whole: every path of the space is there once, with the FLOPs and parameters that the
 * space's own formula gives it, and paths of the same network have the same accuracies.
 * @throws GreedynasError `io` naming the file and the record
 */
export async function readMacroTable(file: string): Promise<MacroTable> {
  const bytes = await explained('read the table', file, () => readFile(file));
  return parseMacroTable(textOf(bytes, file), file);
}

function textOf(bytes: Uint8Array, file: string): string {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  try {
    return new TextDecoder().decode(gunzipSync(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damaged(file, `cannot be unzipped (${reason})`, error);
  }
}

/** The same for a text that is already read; `file` only names it. */
export function parseMacroTable(text: string, file: string): MacroTable {
  const rows = readRows(text, file);
  const space = buildSpace({ preset: 'nas-bench-macro' });
  const expected = space.layers.reduce((product, { operations }) => product * operations.length, 1);
  if (rows.size !== expected) {
    throw damaged(file, `has ${rows.size} records, a NAS-Bench-Macro table has ${expected}`);
  }
  const entries = new Map<string, MacroEntry>();
  for (const [code, { accuracies, params, flops }] of rows) {
    const path = readCode(space, code, file);
    for (const [what, stored, computed] of [
      ['flops', flops, pathFlops(space, path)],
      ['params', params, pathParams(space, path)],
    ] as const) {
      if (stored !== computed)
        throw damaged(file, `record "${code}": ${what} is ${stored}, this network has ${computed}`);
    }
    const accuracy = (accuracies[0] + accuracies[1] + accuracies[2]) / 3;
    entries.set(pathKey(path), { code, path, accuracies, accuracy, flops, params });
  }
  const entry = (path: Path): MacroEntry => {
    const found = entries.get(pathKey(canonicalPath(space, path)));
    if (found === undefined) throw new RangeError(`[${path.join(', ')}] is no path of NAS-Bench-Macro`);
    return found;
  };
  const networks: MacroEntry[] = [];
  for (const each of entries.values()) {
    const network = entry(each.path);
    if (network === each) networks.push(network);
    else if (network.accuracies.some((value, run) => value !== each.accuracies[run])) {
      throw damaged(
        file,
        `records "${network.code}" and "${each.code}" are the same network with different accuracies`,
      );
    }
  }
  const best = networks.reduce((leader, each) => (each.accuracy > leader.accuracy ? each : leader));
  return { space, entry, networks, best };
}

function readRows(text: string, file: string): Map<string, Row> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(file, `is not JSON (${error instanceof Error ? error.message : error})`, error);
  }
  const asRows = rowsSchema.safeParse(value);
  if (asRows.success) {
    return new Map(
      Object.entries(asRows.data.archs).map(([code, [first, second, third, params, flops]]) => [
        code,
        { accuracies: [first, second, third], params, flops },
      ]),
    );
  }
  const published = publishedSchema.safeParse(value);
  if (published.success) {
    return new Map(
      Object.entries(published.data).map(([code, { test_acc, params, flops }]) => [
        code,
        { accuracies: test_acc, params, flops },
      ]),
    );
  }
  const [issue] = published.error.issues;
  throw damaged(file, `wrong at "${issue?.path.join('.')}": ${issue?.message}`);
}

function readCode(space: Space, code: string, file: string): Path {
  try {
    return pathFromDigits(space, code);
  } catch (error) {
    throw damaged(file, `record ${JSON.stringify(code.slice(0, 40))}: ${(error as Error).message}`, error);
  }
}

function damaged(file: string, problem: string, cause?: unknown): GreedynasError {
  return new GreedynasError(
    'io',
    `${file}: ${problem}; allowed: the file nas-bench-macro_cifar10.json of github.com/xiusu/NAS-Bench-Macro, gzipped or not`,
    { cause },
  );
}
