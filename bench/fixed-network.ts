/**
 * Speed of a fixed network, GreedyNAS-B at 224 px: one training step, and inference with batch norm folded, against eager
 * PyTorch with timm's own model of the same architecture, channels last.
 *
 *     bench/make-peer-environment.sh                          once, for PyTorch and timm
 *     node --import tsx bench/fixed-network.ts [--network GreedyNAS-B] [--batch 32] [--rounds 10] [--threads 2] [--output result.json]
 *
 * Each side is a process of its own, and they take turns as in step-time.ts: the ratio is the median of the ratios of the
 * pairs. Run it alone. Without PyTorch our side is measured alone. About 2 minutes on two cores.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheDirectory } from '../src/engine/layout.ts';
import { formatTable } from '../src/report/table.ts';
import { type Child, startChild } from './peers/child.ts';
import { networkConfigured, networkRan } from './peers/network-protocol.ts';
import { peak } from './peers/protocol.ts';

/** After its turn a side's threads spin for some milliseconds before they sleep. */
const pauseBetweenTurns = 100;
const warmUp = 2;

const { values: flags } = parseArgs({
  options: {
    network: { type: 'string', default: 'GreedyNAS-B' },
    batch: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '10' },
    threads: { type: 'string', default: String(availableParallelism()) },
    output: { type: 'string' },
  },
});

const work = ['step', 'infer'] as const;
type Work = (typeof work)[number];
interface Side {
  readonly child: Child;
  readonly version: string;
  readonly parameters: number;
  readonly ms: Record<Work, number[]>;
  readonly cpu: Record<Work, number[]>;
}

const ourPeer = fileURLToPath(new URL('./peers/fixed-network.ts', import.meta.url));
const timmPeer = fileURLToPath(new URL('./peers/timm_network.py', import.meta.url));
const setting = { batch: Number(flags.batch), threads: Number(flags.threads), learningRate: 0.01 };
const python = findPython();
const load = loadavg()[0] ?? 0;
if (load > 0.5) console.log(`The machine is busy (load ${load.toFixed(1)}): what follows is no fair comparison.`);

const child = startChild(process.execPath, ['--import', 'tsx', ourPeer]);
const own = await child.ask({ op: 'config', network: flags.network, ...setting }, networkConfigured);
const ours = sideOf(child, own);
const sides = [ours];
if (python === null) {
  console.log('PyTorch with timm is not there (bench/make-peer-environment.sh gets it): measuring our side alone.');
} else {
  const { timm, resolution, classes } = own;
  const other = startChild(python, ['-W', 'ignore', timmPeer]);
  const answer = await other.ask({ op: 'config', timm, resolution, classes, ...setting }, networkConfigured);
  if (answer.parameters !== own.parameters) {
    throw new Error(`the networks differ: ${own.parameters} parameters here, ${answer.parameters} in timm`);
  }
  sides.push(sideOf(other, answer));
}

for (let round = -warmUp; round < Number(flags.rounds); round++) {
  for (const op of work) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await sleep(pauseBetweenTurns);
      const { ms, cpu } = await side.child.ask({ op }, networkRan);
      if (round < 0) continue;
      side.ms[op].push(ms);
      side.cpu[op].push(cpu);
    }
  }
}

const facts = `${own.flops} multiply-adds, ${own.parameters} parameters, batch ${setting.batch}, ${own.resolution} px`;
console.log(`\n${flags.network}: ${facts}, ${setting.threads} threads, ${flags.rounds} rounds`);
const titles = ['step, ms', 'min', 'max', 'cpu, ms', 'inference, ms', 'min', 'max', 'cpu, ms', 'peak, GB'];
const rows = [];
for (const { child: process, version, ms, cpu } of sides) {
  const { bytes } = await process.ask({ op: 'peak' }, peak);
  await process.close();
  const cells = work.flatMap((op) => [median(ms[op]), Math.min(...ms[op]), Math.max(...ms[op]), median(cpu[op])]);
  rows.push([version, ...cells.map((value) => value.toFixed(0)), (bytes / 1e9).toFixed(2)]);
}
console.log(formatTable([{ title: 'side' }, ...titles.map((title) => ({ title, align: 'right' as const }))], rows));
const theirs = sides[1];
const ratios = theirs && {
  step: { time: pairedRatio(ours.ms.step, theirs.ms.step), cpu: pairedRatio(ours.cpu.step, theirs.cpu.step) },
  infer: { time: pairedRatio(ours.ms.infer, theirs.ms.infer), cpu: pairedRatio(ours.cpu.infer, theirs.cpu.infer) },
};
if (ratios) {
  const text = ({ time, cpu }: { time: number; cpu: number }) =>
    `${time.toFixed(2)} (processor time ${cpu.toFixed(2)})`;
  console.log(`ours / timm, median of pairs: step ${text(ratios.step)}, inference ${text(ratios.infer)}`);
}
if (flags.output !== undefined) {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), load };
  const measured = sides.map(({ version, ms, cpu }) => ({ version, ms, cpu }));
  const result = { machine, network: flags.network, setting, sides: measured, ratios: ratios ?? null };
  writeFileSync(flags.output, `${JSON.stringify(result, null, 2)}\n`);
}

function sideOf(process: Child, { version, parameters }: { version: string; parameters: number }): Side {
  return { child: process, version, parameters, ms: { step: [], infer: [] }, cpu: { step: [], infer: [] } };
}

function findPython(): string | null {
  const named = process.env.GREEDYNAS_BENCH_PYTHON;
  if (named) return named;
  const made = join(cacheDirectory(), 'bench-pytorch', 'bin', 'python');
  return existsSync(made) ? made : null;
}

function pairedRatio(first: readonly number[], second: readonly number[]): number {
  return median(first.map((value, index) => value / second[index]!));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
