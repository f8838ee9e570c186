/**
 * Speed of a fixed network, GreedyNAS-B at 224 px: one training step, and inference with batch norm folded, against eager
 * PyTorch with timm's own model of the same architecture, channels last. Inference takes the batch in one, and in pieces of a few images, on both
 * sides: ours as `export --target cpu` writes it, in a process whose operations have one thread each; PyTorch's one after the
 * other, and side by side in as many Python threads.
 *
 *     bench/make-peer-environment.sh                          once, for PyTorch and timm
 *     node --import tsx bench/fixed-network.ts [--network GreedyNAS-B] [--batch 32] [--rounds 10] [--threads 2] [--output result.json]
 *
 * Each side is a process of its own, and they take turns as in step-time.ts: the ratio is the median of the ratios of the
 * pairs. Run it alone. Without PyTorch our side is measured alone. About 2 minutes on two cores.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
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

/** Images that PyTorch takes together where it goes by pieces, as many as ours at 224 px. */
const timmPiece = 4;
const work = ['step', 'infer'] as const;
type Work = (typeof work)[number];
interface Side {
  readonly name: string;
  readonly child: Child;
  /** What it is asked for each kind of work; what it has no request for it does not do. */
  readonly requests: Partial<Record<Work, { readonly op: Work; readonly piece?: number }>>;
  readonly ms: Record<Work, number[]>;
  readonly cpu: Record<Work, number[]>;
}

const ourPeer = fileURLToPath(new URL('./peers/fixed-network.ts', import.meta.url));
const timmPeer = fileURLToPath(new URL('./peers/timm_network.py', import.meta.url));
const setting = { batch: Number(flags.batch), threads: Number(flags.threads), learningRate: 0.01 };
const python = findPython();
const load = loadavg()[0] ?? 0;
if (load > 0.5) console.log(`The machine is busy (load ${load.toFixed(1)}): what follows is no fair comparison.`);

const folder = mkdtempSync(join(tmpdir(), 'greedynas-bench-'));
const weights = join(folder, 'weights');
const step = { op: 'step' } as const;
const infer = { op: 'infer' } as const;
const startOurs = async (role: 'train' | 'serve') => {
  const child = startChild(process.execPath, ['--import', 'tsx', ourPeer]);
  const config = { op: 'config', network: flags.network, ...setting, role, weights };
  return { child, configured: await child.ask(config, networkConfigured) };
};
const trainer = await startOurs('train');
const server = await startOurs('serve');
const own = trainer.configured;
const versions = [own.version];
const ours = [
  sideOf('greedynas, a batch in one', trainer.child, { step, infer }),
  sideOf('greedynas, in pieces', server.child, { infer }),
];
const theirs: Side[] = [];
if (python === null) {
  console.log('PyTorch with timm is not there (bench/make-peer-environment.sh gets it): measuring our side alone.');
} else {
  const { timm, resolution, classes } = own;
  const startTimm = async (threads: number, workers: number) => {
    const child = startChild(python, ['-W', 'ignore', timmPeer]);
    const config = { op: 'config', timm, resolution, classes, ...setting, threads, workers };
    const configured = await child.ask(config, networkConfigured);
    if (configured.parameters !== own.parameters) {
      throw new Error(`the networks differ: ${own.parameters} parameters here, ${configured.parameters} in timm`);
    }
    return { child, version: configured.version };
  };
  const plain = await startTimm(setting.threads, 1);
  versions.push(plain.version);
  const pieces = { ...infer, piece: timmPiece };
  theirs.push(
    sideOf('timm, a batch in one', plain.child, { step, infer: { ...infer, piece: setting.batch } }),
    sideOf(`timm, pieces of ${timmPiece}`, plain.child, { infer: pieces }),
  );
  if (setting.threads > 1) {
    const workers = await startTimm(1, setting.threads);
    theirs.push(sideOf(`timm, pieces of ${timmPiece} side by side`, workers.child, { infer: pieces }));
  }
}

const sides = [...ours, ...theirs];
for (let round = -warmUp; round < Number(flags.rounds); round++) {
  for (const op of work) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const request = side.requests[op];
      if (request === undefined) continue;
      await sleep(pauseBetweenTurns);
      const { ms, cpu } = await side.child.ask(request, networkRan);
      if (round < 0) continue;
      side.ms[op].push(ms);
      side.cpu[op].push(cpu);
    }
  }
}

const facts = `${own.flops} multiply-adds, ${own.parameters} parameters, batch ${setting.batch}, ${own.resolution} px`;
console.log(`\n${flags.network}: ${facts}, ${setting.threads} threads, ${flags.rounds} rounds; ${versions.join('; ')}`);
const titles = ['step, ms', 'min', 'max', 'cpu, ms', 'inference, ms', 'min', 'max', 'cpu, ms', 'peak, GB'];
const rows = [];
for (const { child, name, ms, cpu } of sides) {
  const { bytes } = await child.ask({ op: 'peak' }, peak);
  const cells = work.flatMap((op) =>
    ms[op].length === 0 ? [] : [median(ms[op]), Math.min(...ms[op]), Math.max(...ms[op]), median(cpu[op])],
  );
  const empty = Array.from({ length: 8 - cells.length }, () => '');
  rows.push([name, ...empty, ...cells.map((value) => value.toFixed(0)), (bytes / 1e9).toFixed(2)]);
}
for (const child of new Set(sides.map((side) => side.child))) await child.close();
rmSync(folder, { recursive: true });
console.log(formatTable([{ title: 'side' }, ...titles.map((title) => ({ title, align: 'right' as const }))], rows));
const ratios = [];
for (const op of work) {
  const does = ({ requests }: Side): boolean => requests[op] !== undefined;
  for (const mine of ours.filter(does)) {
    for (const other of theirs.filter(does)) {
      const ratio = { time: pairedRatio(mine.ms[op], other.ms[op]), cpu: pairedRatio(mine.cpu[op], other.cpu[op]) };
      ratios.push({ op, ours: mine.name, theirs: other.name, ...ratio });
      const cpu = `(processor time ${ratio.cpu.toFixed(2)})`;
      console.log(`${op}: ${mine.name} / ${other.name}, median of pairs: ${ratio.time.toFixed(2)} ${cpu}`);
    }
  }
}
if (flags.output !== undefined) {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), load };
  const measured = sides.map(({ name, ms, cpu }) => ({ name, ms, cpu }));
  const result = { machine, versions, network: flags.network, setting, sides: measured, ratios };
  writeFileSync(flags.output, `${JSON.stringify(result, null, 2)}\n`);
}

function sideOf(name: string, child: Child, requests: Side['requests']): Side {
  return { name, child, requests, ms: { step: [], infer: [] }, cpu: { step: [], infer: [] } };
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
