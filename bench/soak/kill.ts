/**
 * Kills a run of the real engine at random moments and goes on with it, then its search, and compares all that they leave
 * with a run and a search that were never stopped: `npx tsx bench/soak/kill.ts [--kills 25] [--seed 1] [--steps 300]
 * [--generations 14] [--threads 1] [--config configs/cifar10.yaml] [--flops 12M] [--data data]`. Kills fall into the start, into steps, and into saves, a
 * third each. Ends with 1 if a byte differs, a log line is not whole, a step comes twice, or the work was done before all kills.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createStream } from '../../src/random/stream.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '300' },
    generations: { type: 'string', default: '14' },
    threads: { type: 'string', default: '1' },
    config: { type: 'string', default: 'configs/cifar10.yaml' },
    flops: { type: 'string', default: '12M' },
    data: { type: 'string', default: 'data' },
  },
});
const kills = Number(values.kills);
const steps = Number(values.steps);
const stream = createStream(Number(values.seed), 'soak');
const root = mkdtempSync(join(tmpdir(), 'greedynas-soak-'));
const program = resolve('src/cli/greedynas.js');
const settings = {
  'training.steps': steps,
  'sampling.warmupSteps': Math.floor(steps / 10),
  // Saves are short: the more of them, the more kills fall into one.
  'checkpoints.every': Math.max(1, Math.floor(steps / 20)),
  'logging.every': 5,
  // Small: what counts is how often it starts, steps and saves.
  'training.batch': 32,
  'sampling.ranking': '{images: 64, batch: 64}',
  'engine.threads': Number(values.threads),
  'search.population': 10,
  'search.generations': Number(values.generations),
  'search.topK': 5,
  'search.mutations': 5,
  'search.crossovers': 5,
  'search.randomBaseline': 20,
  'search.calibrationImages': 256,
  'search.validationImages': 250,
  'search.validationBatch': 250,
  'search.comparisonImages': 250,
  'search.subnets': 2,
};
const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

type Moment = 'start' | 'work' | 'save';
const tally: Record<string, Record<Moment, number>> = {};
let problems = 0;

function problem(text: string): void {
  problems += 1;
  console.log(`PROBLEM: ${text}`);
}

function start(words: readonly string[]): { child: ChildProcess; ended: Promise<number | null>; errors: () => string } {
  const child = spawn(process.execPath, [program, ...words, '--data', resolve(values.data)], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr?.on('data', (part) => {
    text = `${text}${part}`.slice(-4000);
  });
  return { child, ended: new Promise((done) => child.once('close', (code) => done(code))), errors: () => text };
}

const runFolder = (run: string) => join(root, 'checkpoints', run);

/** What is not whole yet, anywhere in the run. */
function unfinished(run: string): string[] {
  const folders = ['', 'search', 'search/soak', 'subnets'].map((name) => join(runFolder(run), name));
  return folders
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .filter((name) => name.startsWith('.tmp-'));
}

/** The size of what grows with each step of the work. */
function reached(run: string, logs: readonly string[]): number {
  const paths = logs.map((log) => join(runFolder(run), log)).filter((path) => existsSync(path));
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

/** Starts the work and kills it at a random moment; true if it was done before. */
async function startAndKill(
  run: string,
  words: readonly string[],
  logs: readonly string[],
  startup: number,
): Promise<boolean> {
  const moment: Moment = (['start', 'work', 'save'] as const)[stream.integer(3)]!;
  const wait = stream.uniform();
  const before = reached(run, logs);
  const { child, ended, errors } = start(words);
  let code: number | null | undefined;
  void ended.then((value) => {
    code = value;
  });
  const until = async (test: () => boolean): Promise<void> => {
    while (code === undefined && !test()) await setTimeout(1);
  };
  if (moment === 'start') {
    await Promise.race([ended, setTimeout(wait * startup)]);
  } else {
    await until(() => reached(run, logs) > before);
    if (moment === 'work') await Promise.race([ended, setTimeout(wait * 1500)]);
    else {
      await until(() => unfinished(run).length > 0);
      await Promise.race([ended, setTimeout(wait * 30)]);
    }
  }
  child.kill('SIGKILL');
  const result = await ended;
  if (result === 0) return true;
  if (result !== null) problem(`${words[0]} ended with ${result}: ${errors()}`);
  const inSave = unfinished(run).length > 0;
  const where: Moment = inSave ? 'save' : moment === 'start' ? 'start' : 'work';
  const counts = tally[words[0]!] ?? { start: 0, work: 0, save: 0 };
  tally[words[0]!] = { ...counts, [where]: counts[where] + 1 };
  return false;
}

/** Each line is JSON, and `step` goes up. The last line may be torn after a kill; a resume repairs it. */
function checkLog(path: string): void {
  let last = 0;
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    const { step } = JSON.parse(line);
    if (!(step > last)) problem(`${path}: step ${step} after ${last}`);
    last = step;
  }
}

async function finish(words: readonly string[]): Promise<number> {
  const began = performance.now();
  const { ended, errors } = start(words);
  const code = await ended;
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${errors()}`);
  return performance.now() - began;
}

async function killed(
  run: string,
  first: readonly string[],
  again: readonly string[],
  logs: readonly string[],
  startup: number,
) {
  let begun = false;
  const mark = first[0] === 'search' ? 'search/soak/state.json' : 'config.yaml';
  for (let kill = 0; kill < kills; kill++) {
    begun ||= existsSync(join(runFolder(run), mark));
    if (await startAndKill(run, begun ? again : first, logs, startup)) {
      problem(`${first[0]} was done after ${kill} kills; give it more to do`);
      return;
    }
    if (kill % 5 === 4) console.log(`${first[0]}: ${kill + 1} kills`);
  }
  begun ||= existsSync(join(runFolder(run), mark));
  await finish(begun ? again : first);
}

function sha(path: string): string {
  const text = readFileSync(path);
  const plain = path.endsWith('search.json') ? withoutPlaceAndTime(JSON.parse(text.toString())) : text;
  return createHash('sha256').update(plain).digest('hex');
}

/** Where a run lies, and how long it took, is no result. */
function withoutPlaceAndTime(search: { readonly cost: { readonly training: { readonly images: object } } }): string {
  const { images } = search.cost.training;
  return JSON.stringify({ ...search, run: '', directory: '', checkpoint: '', subnets: [], seconds: 0, cost: images });
}

const train = ['train-supernet', '--config', resolve(values.config), ...set];
const search = ['search', '--flops', values.flops, '--name', 'soak'];
try {
  const whole = await finish([...train, '--run', 'whole']);
  const searched = await finish([...search, '--run', 'whole']);
  console.log(`never stopped: training ${(whole / 1000).toFixed(1)} s, search ${(searched / 1000).toFixed(1)} s`);
  const startup = Math.min(15_000, whole / 2);
  await killed(
    'killed',
    [...train, '--run', 'killed'],
    ['train-supernet', '--run', 'killed', '--resume'],
    ['metrics.jsonl'],
    startup,
  );
  const again = ['search', '--resume', '--run', 'killed', '--name', 'soak'];
  const logs = ['search/soak/population.jsonl', 'search/soak/comparison.jsonl'];
  await killed('killed', [...search, '--run', 'killed'], again, logs, startup);

  const last = `step-${String(steps).padStart(8, '0')}`;
  const subnets = [1, 2].flatMap((number) =>
    ['weights.index', 'weights.data-00000-of-00001'].map((name) => `subnets/soak-${number}/${name}`),
  );
  const files = [
    'metrics.jsonl',
    'pool.json',
    ...['weights.index', 'weights.data-00000-of-00001', 'state.json', 'pool.json'].map((name) => join(last, name)),
    ...['population.jsonl', 'comparison.jsonl', 'search.json'].map((name) => join('search', 'soak', name)),
    ...subnets,
  ];
  for (const file of files) {
    const [one, other] = ['whole', 'killed'].map((run) => sha(join(runFolder(run), file)));
    console.log(`${one === other ? 'equal  ' : 'DIFFERS'} ${file}  ${one!.slice(0, 16)} ${other!.slice(0, 16)}`);
    if (one !== other) problem(`${file} differs`);
  }
  for (const log of ['metrics.jsonl', 'search/soak/population.jsonl', 'search/soak/comparison.jsonl']) {
    checkLog(join(runFolder('killed'), log));
  }
  for (const name of [
    ...unfinished('killed'),
    ...readdirSync(runFolder('killed')).filter((each) => /^(lock|damaged)/.test(each)),
  ]) {
    problem(`${name} was left`);
  }
  console.table(tally);
  console.log(problems === 0 ? `no difference after ${kills} kills of each` : `${problems} problems; see ${root}`);
} finally {
  if (problems === 0) rmSync(root, { recursive: true });
}
process.exitCode = problems === 0 ? 0 : 1;
