/**
 * Images/s of the loader in the graph (decode a random crop, scale, flip, batch) beside torchvision's ImageFolder with a DataLoader and
 * tf.data from Python on the same images, in turns; and how far decoding goes on while the caller waits for a step.
 *
 *     npx greedynas prepare <tree> <shards> --shorter-side keep
 *     node --import tsx bench/loader.ts --tree <class folders> --shards <shards> --side 224 [--batch 64] [--epochs 2] [--rounds 3] [--threads 2]
 *
 * Peers run where bench/make-data-peer-environment.sh was run. Prints images/s of each round, then medians and ratios.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadImageFolder } from '../src/data/image-folder.ts';
import { createPlannedBatches } from '../src/data/plans.ts';
import { loadAddon } from '../src/engine/addon.ts';
import { cacheDirectory } from '../src/engine/layout.ts';
import { openSession } from '../src/engine/session.ts';
import { Graph } from '../src/graph/graph.ts';
import { addLoader } from '../src/supernet/loader.ts';
import { driveLoader } from '../src/supernet/loader-driver.ts';

const { values } = parseArgs({
  options: {
    tree: { type: 'string' },
    shards: { type: 'string' },
    side: { type: 'string', default: '224' },
    batch: { type: 'string', default: '64' },
    epochs: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    /** Measures ours alone, in this process; what the rounds start. */
    own: { type: 'boolean', default: false },
  },
});
const { tree, shards } = values;
const [side, batch, epochs, rounds, threads] = [
  values.side,
  values.batch,
  values.epochs,
  values.rounds,
  values.threads,
].map(Number) as [number, number, number, number, number];

/** Waits are measured in blocks, with and without loading in turns, so that what else the machine does meets both. */
const stepsPerBlock = 40;
const batchesAhead = 8;

if (tree === undefined || shards === undefined) {
  console.log('bench/loader.ts: skipped, needs --tree and --shards (see its head)');
} else if (values.own) {
  await measureOwn(shards);
} else {
  compare(tree, shards);
}

/** Prints images/s, (wait and load together) / (the longer of the two alone), and the milliseconds by which a step is longer than its wait: medians of blocks. */
async function measureOwn(directory: string): Promise<void> {
  const { readDescription } = await import('../src/data/prepared-folder.ts');
  const classes = (await readDescription(directory))!.classes.length;
  const data = await loadImageFolder({
    directory,
    validationImages: 0,
    seed: 1,
    resolution: side,
    classes,
    resize: null,
  });
  const set = data.train;
  if (!('names' in set)) throw new Error(`${directory} holds no files`);
  const graph = new Graph();
  addLoader(graph, side, set.stored);
  const session = openSession(loadAddon({ threads, onednn: true, deterministic: true }), graph.encode());
  const loader = driveLoader(session, { threads });
  const crop = { area: [side > 96 ? 0.08 : 0.25, 1], ratio: [3 / 4, 4 / 3] } as const;
  const batches = createPlannedBatches({
    set,
    batchSize: batch,
    seed: 1,
    augmentation: { crop, flip: true },
    supernet: { keepImages: loader.keep, startLoader: loader.start, advance: loader.advance },
  });
  const { stepsPerEpoch } = batches;
  let step = 0;
  const pause = (milliseconds: number): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  };
  const run = (steps: number, wait: number): number => {
    const start = performance.now();
    for (const end = step + steps; step < end; step++) {
      batches.batch(step);
      if (wait > 0) pause(wait);
    }
    return performance.now() - start;
  };
  run(stepsPerEpoch, 0);
  const steps = epochs * stepsPerEpoch;
  const alone = run(steps, 0);
  // A step that takes a little longer than its batch, as on a machine whose loader keeps up.
  const wait = (1.2 * alone) / steps;
  const together: number[] = [];
  const handing: number[] = [];
  for (let block = 0; block < Math.max(5, steps / stepsPerBlock); block++) {
    // What was decoded ahead during the last wait is not counted.
    run(batchesAhead, wait);
    const waited = run(stepsPerBlock, wait);
    // Measured too: the system wakes a thread some tenths of a millisecond late.
    const start = performance.now();
    for (let count = 0; count < stepsPerBlock; count++) pause(wait);
    const waitAlone = performance.now() - start;
    together.push(waited / Math.max((alone / steps) * stepsPerBlock, waitAlone));
    handing.push((waited - waitAlone) / stepsPerBlock);
  }
  console.log(`${(1000 * steps * batch) / alone} ${middle(together)} ${middle(handing)}`);
  session.close();
}

function middle(list: readonly number[]): number {
  return list.toSorted((one, other) => one - other)[list.length >> 1] ?? 0;
}

function compare(treeFolder: string, shardFolder: string): void {
  const python = process.env.GREEDYNAS_DATA_BENCH_PYTHON ?? join(cacheDirectory(), 'bench-data', 'bin', 'python');
  const peers = existsSync(python);
  if (!peers) console.log(`no ${python}: peers are left out; bench/make-data-peer-environment.sh makes them`);
  const script = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));
  const sizes = [String(side), String(batch), String(epochs)];
  const own = [...process.execArgv, fileURLToPath(import.meta.url), '--own', ...process.argv.slice(2)];
  const train = existsSync(join(treeFolder, 'train')) ? join(treeFolder, 'train') : treeFolder;
  const contestants: Record<string, () => number[]> = {
    greedynas: () => measure(process.execPath, own),
    ...(peers
      ? {
          torchvision: () => measure(python, ['-W', 'ignore', script('load_torchvision.py'), train, ...sizes]),
          'tf.data': () => measure(python, [script('load_tfdata.py'), join(shardFolder, 'train-*.tfrecord'), ...sizes]),
        }
      : {}),
  };
  const rates: Record<string, number[]> = {};
  const overlaps: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const [rate = 0, overlap] = run();
      rates[name] = [...(rates[name] ?? []), rate];
      if (overlap !== undefined) overlaps.push(overlap);
      const beside = overlap === undefined ? '' : `, wait and load together ${overlap.toFixed(2)}`;
      console.log(`round ${round + 1}  ${name.padEnd(12)} ${rate.toFixed(0)} images/s${beside}`);
    }
  }
  const ours = middle(rates.greedynas ?? []);
  for (const [name, list] of Object.entries(rates)) {
    const rate = middle(list);
    console.log(`${name.padEnd(12)} ${rate.toFixed(0)} images/s, ours ${(ours / rate).toFixed(2)} of it`);
  }
  console.log(`wait and load together: ${middle(overlaps).toFixed(2)} of the longer of the two alone`);
}

/** The numbers that a program prints last. */
function measure(command: string, words: readonly string[]): number[] {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`);
  return stdout.trim().split('\n').at(-1)!.split(' ').map(Number);
}
