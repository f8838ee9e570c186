/** trials.jsonl: a JSON object a line for each task that a sweep has finished, in the order in which they ended. */
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { explainIo, readIfThere, writeDurably } from '../storage/durable.ts';
import type { TaskResult } from './task.ts';

const count = z.int().min(0);
const fitSchema = z.strictObject({ networks: count, mse: z.number(), kendall: z.number(), r2: z.number() });
const head = { method: z.string(), seed: z.int(), seconds: z.number().min(0) };
const lineSchema = z.union([
  z.strictObject({
    ...head,
    trial: z.strictObject({
      queries: count,
      improvements: z.array(z.tuple([count, count])).min(1),
      optimum: z.strictObject({ searched: count.nullable(), reported: count.nullable() }),
    }),
  }),
  z.strictObject({
    ...head,
    assessment: z.strictObject({
      examples: count,
      all: fitSchema,
      upper: fitSchema.nullable(),
      sample: z.array(z.tuple([z.number(), z.number()])),
    }),
  }),
]);

/** A result, and what it took. */
export type LoggedResult = TaskResult & { readonly seconds: number };

export interface TrialLog {
  /** In the order of the file. */
  readonly results: readonly LoggedResult[];
  /** Appends a line; it is in the file when this returns. */
  add(result: TaskResult, seconds: number): void;
}

/**
 * Opens the log, new or not. A last line that a crash tore is taken out.
 * @throws GreedynasError `io` for any other line that is not a result
 */
export async function openTrialLog(path: string): Promise<TrialLog> {
  const text = (await readIfThere(path)) ?? '';
  const lines = text.split('\n');
  const torn = lines.pop() !== '';
  const results: LoggedResult[] = lines.map((line, index) => {
    const parsed = lineSchema.safeParse(parseJson(line));
    if (parsed.success) return parsed.data;
    throw new GreedynasError(
      'io',
      `${path}, line ${index + 1}: is no result of a sweep. Delete the line and run the same command again, or choose another --out.`,
    );
  });
  if (torn) await writeDurably(path, lines.map((line) => `${line}\n`).join(''));
  return {
    results,
    add(result, seconds) {
      const logged = { ...result, seconds: Math.round(seconds * 1000) / 1000 };
      try {
        appendFileSync(path, `${JSON.stringify(logged)}\n`);
      } catch (error) {
        throw explainIo(error, 'write', path);
      }
      results.push(logged);
    },
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
