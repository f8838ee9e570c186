/**
 * Time and memory of one training step of the full 7^21 supernet, against eager PyTorch doing the same work on the same path.
 *
 *     bench/make-peer-environment.sh                          once, for PyTorch
 *     node --import tsx bench/step-time.ts [--setting 224px] [--steps 20] [--threads 2] [--output result.json]
 *
 * Each side is a process of its own, and only one works at a time: they take turns step by step, and who begins changes each
 * time, so that a slow moment of the machine meets both. The ratio is the median of the ratios of the pairs. Other work on the
 * machine falsifies the comparison (PyTorch's OpenMP threads suffer far more than TensorFlow's): run it alone. PyTorch takes
 * large blocks from the kernel anew in each step, as the page faults show; with `MALLOC_MMAP_MAX_=0
 * MALLOC_TRIM_THRESHOLD_=100000000000` in the environment glibc keeps them.
 * Without PyTorch our side is measured alone. About 3 minutes on two cores.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheDirectory } from '../src/engine/layout.ts';
import { createStream } from '../src/random/stream.ts';
import { formatTable } from '../src/report/table.ts';
import { pathFlops } from '../src/space/cost.ts';
import { buildSpace } from '../src/space/presets.ts';
import { type Child, startChild } from './peers/child.ts';
import { configured, multiplied, peak, type Setting, stepped } from './peers/protocol.ts';

const settings = {
  '224px': { batch: 32, resolution: 224, classes: 1000 },
  '32px': { batch: 64, resolution: 32, classes: 10 },
} as const;
const strides = [2, 2, 2, 2, 1, 2, 1];
const layers = 21;
const operations = 7;
/** e6k7 in every layer: the path that takes most memory, run once at the end. */
const heaviest = new Array<number>(layers).fill(5);
/** After a step, threads spin for some milliseconds before they sleep; they must not do so in the other side's turn. */
const pauseBetweenTurns = 100;

interface Side {
  readonly name: string;
  readonly child: Child;
  readonly version: string;
  readonly parameters: number;
  readonly step: number[];
  readonly forward: number[];
  /** Minor page faults of each step. */
  readonly faults: number[];
}

const { values: flags } = parseArgs({
  options: {
    setting: { type: 'string' },
    steps: { type: 'string', default: '20' },
    threads: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: '1' },
    output: { type: 'string' },
  },
});

const chosen = Object.entries(settings).filter(([name]) => flags.setting === undefined || flags.setting === name);
if (chosen.length === 0) fail(`--setting ${flags.setting}, allowed: ${Object.keys(settings).join(', ')}`);
const steps = positiveInteger('steps', flags.steps);
const threads = positiveInteger('threads', flags.threads);
const python = findPython();
if (python === null) {
  console.log('PyTorch is not there (bench/make-peer-environment.sh gets it): measuring our side alone.');
}
const load = loadavg()[0] ?? 0;
if (load > 0.5) console.log(`The machine is busy (load ${load.toFixed(1)}): what follows is no fair comparison.`);

const results = [];
for (const [name, setting] of chosen) {
  results.push(await compare(name, { ...setting, threads, strides, learningRate: 0.01 }));
}
if (flags.output !== undefined) {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), load };
  writeFileSync(flags.output, `${JSON.stringify({ machine, steps, seed: flags.seed, results }, null, 2)}\n`);
}

async function compare(name: string, setting: Setting): Promise<object> {
  const sides = [await openSide('greedynas', ourCommand(), setting)];
  if (python !== null)
    sides.push(
      await openSide('PyTorch', [python, fileURLToPath(new URL('./peers/pytorch.py', import.meta.url))], setting),
    );
  const [ours, theirs] = [sides[0]!, sides[1]];
  if (theirs !== undefined && theirs.parameters !== ours.parameters) {
    fail(`the networks differ: ${ours.parameters} parameters here, ${theirs.parameters} in PyTorch`);
  }
  // Every operation of every layer once, so that no measured step meets one for the first time.
  for (let operation = 0; operation < operations; operation++) {
    const path = Array.from({ length: layers }, (_, layer) => (layer + operation) % operations);
    for (const { child } of sides) {
      await child.ask({ op: 'step', path }, stepped);
      await child.ask({ op: 'forward', path }, stepped);
    }
  }
  const space = buildSpace({ preset: 'mobilenet-7', ...setting });
  const gigaflops: number[] = [];
  const stream = createStream(positiveInteger('seed', flags.seed), 'bench');
  for (let step = 0; step < steps; step++) {
    const path = Array.from({ length: layers }, () => stream.integer(operations));
    // A forward and two backward passes, a multiplication and an addition for each of the path's FLOPs.
    gigaflops.push((3 * 2 * setting.batch * pathFlops(space, path)) / 1e9);
    for (const side of step % 2 === 0 ? sides : sides.toReversed()) {
      await sleep(pauseBetweenTurns);
      const { ms, faults } = await side.child.ask({ op: 'step', path }, stepped);
      side.step.push(ms);
      side.faults.push(faults);
      await sleep(pauseBetweenTurns);
      side.forward.push((await side.child.ask({ op: 'forward', path }, stepped)).ms);
    }
  }
  const { gigaflops: fastest } = await ours.child.ask({ op: 'product' }, multiplied);
  const summaries = [];
  for (const { name: framework, child, version, step, forward, faults } of sides) {
    const random = await child.ask({ op: 'peak' }, peak);
    await child.ask({ op: 'step', path: heaviest }, stepped);
    const heavy = await child.ask({ op: 'peak' }, peak);
    await child.close();
    const memory = { peakBytes: random.bytes, heaviestPeakBytes: heavy.bytes };
    summaries.push({ framework, version, ...memory, step, forward, faults });
  }
  const ratio = theirs && {
    step: pairedRatio(ours.step, theirs.step),
    forward: pairedRatio(ours.forward, theirs.forward),
  };
  console.log(`\n${name}: batch ${setting.batch}, ${setting.resolution} px, ${threads} threads, ${steps} random paths`);
  console.log(table(summaries));
  if (ratio) {
    const [step, forward] = [ratio.step.toFixed(2), ratio.forward.toFixed(2)];
    console.log(`ours / PyTorch, median of pairs: step ${step}, forward ${forward}`);
  }
  const least = gigaflops.map((count) => (count / fastest) * 1000);
  const share = ours.step.map((ms, index) => least[index]! / ms);
  console.log(
    `A plain matrix product of 2048 x 2048 x 2048: ${fastest.toFixed(0)} GFLOP/s. At that speed the arithmetic of a step ` +
      `(${median(gigaflops).toFixed(1)} GFLOP) takes ${median(least).toFixed(0)} ms; ours reaches ${(100 * median(share)).toFixed(0)} % of it.`,
  );
  return { name, setting, sides: summaries, ratio: ratio ?? null, gigaflops, fastest };
}

async function openSide(
  name: string,
  [command, ...argv]: readonly [string, ...string[]],
  setting: Setting,
): Promise<Side> {
  const child = startChild(command, argv);
  const { version, parameters } = await child.ask({ op: 'config', ...setting }, configured);
  return { name, child, version, parameters, step: [], forward: [], faults: [] };
}

function ourCommand(): [string, ...string[]] {
  return [process.execPath, '--import', 'tsx', fileURLToPath(new URL('./peers/greedynas.ts', import.meta.url))];
}

function findPython(): string | null {
  const named = process.env.GREEDYNAS_BENCH_PYTHON;
  if (named) return named;
  const made = join(cacheDirectory(), 'bench-pytorch', 'bin', 'python');
  return existsSync(made) ? made : null;
}

interface Summary {
  readonly version: string;
  /** Resident memory, over the steps of random paths, and with the heaviest path after them. */
  readonly peakBytes: number;
  readonly heaviestPeakBytes: number;
  readonly step: readonly number[];
  readonly forward: readonly number[];
  readonly faults: readonly number[];
}

function table(summaries: readonly Summary[]): string {
  const titles = ['step, ms', 'min', 'max', 'page faults', 'forward, ms', 'min', 'max', 'peak, GB', 'heaviest, GB'];
  const columns = [{ title: 'side' }, ...titles.map((title) => ({ title, align: 'right' as const }))];
  const spread = (ms: readonly number[]): string[] =>
    [median(ms), Math.min(...ms), Math.max(...ms)].map((value) => value.toFixed(0));
  const rows = summaries.map(({ version, peakBytes, heaviestPeakBytes, step, forward, faults }) => [
    version,
    ...spread(step),
    median(faults).toFixed(0),
    ...spread(forward),
    (peakBytes / 1e9).toFixed(2),
    (heaviestPeakBytes / 1e9).toFixed(2),
  ]);
  return formatTable(columns, rows);
}

function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((ms, index) => ms / theirs[index]!));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} ${text}, allowed: a positive integer`);
  return value;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
