/** A sweep: methods x seeds on a benchmark, in worker processes, into a folder; the same command goes on where it stopped. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { createFolder, readIfThere, writeDurably } from '../storage/durable.ts';
import type { TabularBenchmark } from './benchmark.ts';
import { openBenchmark } from './open-benchmark.ts';
import { type CurvePoint, curvePoints, type SweepSummary, summarise } from './summary.ts';
import type { SweepSettings, Task, TaskResult } from './task.ts';
import { openTrialLog } from './trial-log.ts';
import { runTasks } from './worker-pool.ts';

export interface SweepProgress {
  readonly done: number;
  readonly total: number;
  readonly method: string;
  readonly seed: number;
  readonly seconds: number;
}

export interface SweepRequest {
  readonly settings: SweepSettings;
  /** Where the budget is read off; the largest is `settings.budget`. */
  readonly budgets: readonly number[];
  readonly methods: readonly string[];
  /** Seeds 1 … this. */
  readonly seeds: number;
  readonly workers: number;
  /** The folder that it writes. */
  readonly out: string;
  readonly onProgress: (progress: SweepProgress) => void;
  readonly interrupted: () => boolean;
}

export interface SweepResult {
  readonly summary: SweepSummary;
  /** Mean curves of searches; empty for assessments. */
  readonly curves: readonly CurvePoint[];
  /** [true, predicted] of assessments with seed 1, by method; empty for searches. */
  readonly samples: readonly { readonly method: string; readonly points: readonly (readonly [number, number])[] }[];
}

export type SweepOutcome =
  | { readonly end: 'complete'; readonly result: SweepResult }
  | { readonly end: 'signal'; readonly done: number; readonly total: number };

/** What decides a result, the table itself included; where the table lies does not. */
function identityOf({ data: _, ...settings }: SweepSettings, benchmark: TabularBenchmark): string {
  const hash = createHash('sha256');
  for (const { values } of [benchmark.searched, benchmark.reported]) hash.update(new Uint8Array(values.buffer));
  for (let row = 0; row < benchmark.rows; row++) if (row % 97 === 0) hash.update(`${benchmark.genotype(row)} `);
  return `${JSON.stringify({ ...settings, table: hash.digest('hex') }, null, 2)}\n`;
}

async function checkIdentity(path: string, identity: string): Promise<void> {
  const text = await readIfThere(path);
  if (text === null) {
    await writeDurably(path, identity);
    return;
  }
  if (text === identity) return;
  throw new GreedynasError(
    'usage',
    `${path} is of a sweep with other settings or another table; only --method, --seeds, --workers and smaller budgets may change. Choose another --out.`,
  );
}

/**
 * Runs what the folder's log lacks, and sums up what was asked for.
 * @throws GreedynasError `usage` for a folder of another sweep, `io` for tables or logs that cannot be read
 */
export async function runSweep(request: SweepRequest): Promise<SweepOutcome> {
  const { settings, methods, seeds, workers, out, onProgress, interrupted } = request;
  const benchmark = await openBenchmark(settings.benchmark, settings.data);
  await createFolder(out);
  await checkIdentity(join(out, 'settings.json'), identityOf(settings, benchmark));
  const log = await openTrialLog(join(out, 'trials.jsonl'));
  const known = new Set(log.results.map(keyOf));
  // Seed by seed, so that a sweep that is stopped has the methods with about equally many seeds.
  const tasks = Array.from({ length: seeds }, (_, index) =>
    methods.map((method) => ({ method, seed: index + 1 })),
  ).flat();
  const open = tasks.filter((task) => !known.has(keyOf(task)));
  let done = tasks.length - open.length;
  await runTasks({
    settings,
    tasks: open,
    workers,
    interrupted,
    onResult(result: TaskResult, seconds) {
      log.add(result, seconds);
      done += 1;
      onProgress({ done, total: tasks.length, method: result.method, seed: result.seed, seconds });
    },
  });
  if (done < tasks.length) return { end: 'signal', done, total: tasks.length };
  const wanted = new Set(tasks.map(keyOf));
  const order = new Map(methods.map((method, index) => [method, index]));
  const results = log.results
    .filter((result) => wanted.has(keyOf(result)))
    .sort((a, b) => order.get(a.method)! - order.get(b.method)! || a.seed - b.seed);
  return {
    end: 'complete',
    result: {
      summary: summarise(benchmark, results, request.budgets, settings.untilOptimum),
      curves: curvePoints(benchmark, results, settings.budget),
      samples: results.flatMap((result) =>
        'assessment' in result && result.seed === 1
          ? [{ method: result.method, points: result.assessment.sample }]
          : [],
      ),
    },
  };
}

function keyOf({ method, seed }: Task): string {
  return `${method}/${seed}`;
}
