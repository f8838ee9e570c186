/**
 * What a search and its supernet are worth to a retraining: the searched subnet from the supernet's weights against from
 * scratch, over seeds, and against random subnets of equal FLOPs, all trained alike and scored on the test set.
 *
 *     greedynas search --run default --flops 12M
 *     node --import tsx bench/experiments/retrain-comparison.ts --run default --search 12M --epochs 5
 *
 * The random paths are drawn uniformly from those whose FLOPs are within 5 % of the searched path's, and cut out of the same
 * checkpoint. Every training is `greedynas retrain` with the recipe of configs/retrain/cifar10.yaml, shortened; the weights scored
 * are those of its best epoch on held-out images. Call it again after it was stopped: what has ended is kept, what was
 * interrupted goes on. Eleven trainings, of about a core-minute an epoch. `--jobs 2 --threads 1` runs two beside each other;
 * `--set training.averageDecay=0.99` and the like go to every one.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { processSurroundings } from '../../src/cli/surroundings.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createStream } from '../../src/random/stream.ts';
import { formatCount, formatPercent } from '../../src/report/format.ts';
import { formatTable } from '../../src/report/table.ts';
import { restoreCandidate } from '../../src/search/evaluator.ts';
import { samplePathUnder } from '../../src/search/limits.ts';
import { pathFlops } from '../../src/space/cost.ts';
import { formatGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { checkpointAt } from '../../src/training/checkpoint.ts';
import { dataRequest } from '../../src/training/run-options.ts';

const { values: flags } = parseArgs({
  options: {
    run: { type: 'string', default: 'default' },
    search: { type: 'string', default: '12M' },
    data: { type: 'string', default: 'data' },
    epochs: { type: 'string', default: '5' },
    seeds: { type: 'string', default: '42,43,44' },
    random: { type: 'string', default: '5' },
    threads: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '1' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

/** Share by which the FLOPs of a random path may differ from the searched path's. */
const tolerance = 0.05;
const seeds = flags.seeds.split(',').map(Number);
const runFolder = join('checkpoints', flags.run);
const subnets = join(runFolder, 'subnets');
const searched = join(subnets, `${flags.search}-1`);

type Init = 'supernet' | 'scratch';
interface Training {
  readonly subnet: string;
  readonly init: Init;
  readonly seed: number;
}

/** What this script reads of files that this version of the program wrote a moment ago. */
interface Described {
  readonly path: string;
  readonly flops: number;
  readonly validation: { readonly top1: number };
  readonly origin: { readonly step: number };
}
const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
const describe = (subnet: string): Described => readJson(join(subnet, 'subnet.json'));

/** Cuts random paths of equal FLOPs out of the checkpoint that was searched; those that are there stay. */
async function cutRandom(count: number): Promise<string[]> {
  const { path, flops, origin } = describe(searched);
  const config = loadConfig({ file: join(runFolder, 'config.yaml') });
  const space = buildSpace(config.space);
  const checkpoint = await checkpointAt(runFolder, origin.step);
  if (checkpoint === null) throw new Error(`the checkpoint of step ${origin.step} is gone from ${runFolder}`);
  const stream = createStream(config.seed, 'retrain-comparison');
  const drawn = new Map<string, Path>();
  while (drawn.size < count) {
    const candidate = samplePathUnder(space, { flops: flops * (1 + tolerance) }, stream);
    const text = formatGenotype(space, candidate);
    if (text !== path && pathFlops(space, candidate) >= flops * (1 - tolerance)) drawn.set(text, candidate);
  }
  const { loadData, cutSubnet } = processSurroundings();
  const folders: string[] = [];
  for (const [index, [text, candidate]] of [...drawn].entries()) {
    const directory = join(subnets, `${flags.search}-random-${index + 1}`);
    folders.push(directory);
    if (existsSync(directory)) {
      if (describe(directory).path !== text) throw new Error(`${directory} is another path than ${text}`);
      continue;
    }
    const data = await loadData(dataRequest(config), flags.data, console.error);
    // Cutting it out scores it.
    const unscored = restoreCandidate(space, { path: candidate, loss: Number.NaN, top1: Number.NaN });
    const { step, weightsPrefix } = checkpoint;
    await cutSubnet({ config, space, data, candidate: unscored, run: flags.run, step, weightsPrefix, directory });
  }
  return folders;
}

function greedynas(argv: readonly string[], file: string): Promise<void> {
  const child = spawn(process.execPath, ['src/cli/greedynas.js', ...argv, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return new Promise((done, fail) => {
    child.on('close', (status) => {
      if (status !== 0) return fail(new Error(`greedynas ${argv.join(' ')} ended with ${status}`));
      writeFileSync(file, printed);
      done();
    });
  });
}

const folderOf = ({ subnet, init, seed }: Training): string =>
  `${subnet.slice(subnets.length + 1)}-${init}-${flags.epochs}-epochs-seed-${seed}`;
const resultOf = (training: Training): string => join('checkpoints', 'retrain', folderOf(training), 'test.json');

/** Trains and scores on the test set, unless that has been done. */
async function train(training: Training): Promise<void> {
  const { subnet, init, seed } = training;
  const result = resultOf(training);
  if (existsSync(result)) return;
  const name = folderOf(training);
  const folder = dirname(result);
  const settings = [`seed=${seed}`, `training.epochs=${flags.epochs}`, `engine.threads=${flags.threads}`, ...flags.set];
  const start = ['--config', 'configs/retrain/cifar10.yaml', '--subnet', subnet, '--init', init];
  const begun = existsSync(join(folder, 'config.yaml'));
  const argv = begun ? ['--resume'] : [...start, ...settings.flatMap((setting) => ['--set', setting])];
  await greedynas(['retrain', '--run', name, '--data', flags.data, ...argv], `${folder}.json`);
  const best = join(folder, 'subnets', 'best');
  await greedynas(['evaluate', '--subnet', best, '--split', 'test', '--data', flags.data], result);
}

const top1Of = (training: Training): number => readJson<{ top1: number }>(resultOf(training)).top1;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const random = await cutRandom(Number(flags.random));
// The cheapest answer first: one seed of everything, then the others.
const inits: readonly Init[] = ['supernet', 'scratch'];
const rivals = random.map((subnet): Training => ({ subnet, init: 'supernet', seed: seeds[0]! }));
const pairs = seeds.map((seed) => inits.map((init): Training => ({ subnet: searched, init, seed })));
const [first, ...others] = pairs;
const waiting = [...first!, ...rivals, ...others.flat()];
const worker = async (): Promise<void> => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await train(next);
};
await Promise.all(Array.from({ length: Number(flags.jobs) }, worker));

console.log(`Top-1 on the 10,000 test images after ${flags.epochs} epochs.\n`);
const right = (title: string) => ({ title, align: 'right' as const });
const scores = pairs.map((pair) => pair.map(top1Of));
const means = inits.map((_, side) => mean(scores.map((pair) => pair[side]!)));
console.log(
  formatTable(
    [right('seed'), right('supernet'), right('scratch'), right('difference')],
    [...scores, means].map(([supernet, scratch], index) => [
      String(seeds[index] ?? 'mean'),
      ...[supernet!, scratch!, supernet! - scratch!].map(formatPercent),
    ]),
  ),
);
const own = first![0]!;
const columns = [
  { title: 'subnet' },
  right('FLOPs'),
  right('as cut out, held out'),
  right('retrained'),
  { title: 'path' },
];
const rows = [own, ...rivals].map((training) => {
  const { path, flops, validation } = describe(training.subnet);
  const name = training.subnet.slice(subnets.length + 1);
  return [name, formatCount(flops), formatPercent(validation.top1), formatPercent(top1Of(training)), path];
});
console.log(`\n${formatTable(columns, rows)}`);
const against = rivals.map(top1Of);
const below = against.filter((score) => score < top1Of(own)).length;
console.log(
  `\nThe searched subnet has ${formatPercent(top1Of(own))}, the median of the random ones is ${formatPercent(median(against))}; it beats ${below} of ${against.length}.`,
);
