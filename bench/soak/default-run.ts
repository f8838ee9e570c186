/**
 * The default run for real, killed with SIGKILL at random moments and resumed, beside one that is never stopped:
 * `npx tsx bench/soak/default-run.ts [--kills 5] [--seed 1] [--args='--set training.steps=200']
 * [--from 0] [--to 2160] [--wait 10]`. Both are started by make and lie in
 * checkpoints/soak-whole and checkpoints/soak-killed; the kills done are noted in checkpoints/soak-kills.json, so that the script itself can be
 * stopped and started again. Ends with 1 if pool, metrics, state or weights differ. Two cores need about 20 minutes, as both train at once.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createStream } from '../../src/random/stream.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    args: { type: 'string', default: '' },
    /** Kills fall between these steps; the default run is stopped by its rule at 2,160 or later. */
    from: { type: 'string', default: '0' },
    to: { type: 'string', default: '2160' },
    /** Seconds after that step has been logged, at most: the log has a line each 50 steps. */
    wait: { type: 'string', default: '10' },
  },
});
const stream = createStream(Number(values.seed), 'kills of the default run');
const directory = (run: string): string => join('checkpoints', run);

const atWork = new Set<number>();

function killGroup(leader: number): void {
  atWork.delete(leader);
  process.kill(-leader, 'SIGKILL');
}

// Groups of their own outlive this script if it fails or is stopped.
process.on('exit', () => atWork.forEach(killGroup));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

/** A process group of its own, so that a kill reaches what make has started. */
function start(run: string): { leader: number; ended: Promise<number | null> } {
  const resumed = existsSync(join(directory(run), 'config.yaml'));
  const flags = `${values.args} ${resumed ? '--resume' : ''}`.trim();
  const child = spawn('make', ['train-supernet', `RUN=${run}`, `ARGS=${flags}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const leader = child.pid!;
  atWork.add(leader);
  const ended = once(child, 'close').then(([code]) => {
    atWork.delete(leader);
    return code as number | null;
  });
  return { leader, ended };
}

function stepOf(run: string): number {
  const path = join(directory(run), 'metrics.jsonl');
  if (!existsSync(path)) return 0;
  // The last line may be torn.
  const line = readFileSync(path, 'utf8').split('\n').at(-2);
  return line === undefined ? 0 : JSON.parse(line).step;
}

async function finish(run: string): Promise<void> {
  const code = await start(run).ended;
  if (code !== 0) throw new Error(`make train-supernet RUN=${run} ended with ${code}`);
}

const notes = join('checkpoints', 'soak-kills.json');

/** Steps of the log at which the run was killed, by this start of the script and earlier ones. */
function killsDone(): number[] {
  return existsSync(notes) ? JSON.parse(readFileSync(notes, 'utf8')) : [];
}

async function killedRun(run: string): Promise<void> {
  const [from, to] = [Number(values.from), Number(values.to)];
  const steps = Array.from({ length: Number(values.kills) }, () => from + stream.integer(to - from));
  const left = steps.sort((a, b) => a - b).slice(killsDone().length);
  for (const step of left) {
    const { leader, ended } = start(run);
    let over = false;
    void ended.then(() => {
      over = true;
    });
    while (!over && stepOf(run) < step) await setTimeout(100);
    await Promise.race([ended, setTimeout(1000 * Number(values.wait) * stream.uniform())]);
    if (over) throw new Error(`the run ended before its kill at step ${step}`);
    killGroup(leader);
    await ended;
    writeFileSync(notes, JSON.stringify([...killsDone(), stepOf(run)]));
    console.log(`killed after step ${stepOf(run)} of the log (wanted ${step})`);
  }
  await finish(run);
}

function files(run: string): string[] {
  const last = readFileSync(join(directory(run), 'latest'), 'utf8').trim();
  const saved = readdirSync(join(directory(run), last)).filter((name) => !/^(seconds|manifest)\.json$/.test(name));
  return ['pool.json', 'metrics.jsonl', 'latest', ...saved.map((name) => join(last, name))];
}

await Promise.all([finish('soak-whole'), killedRun('soak-killed')]);
let problems = 0;
for (const file of files('soak-whole')) {
  const [whole, killed] = ['soak-whole', 'soak-killed'].map((run) =>
    createHash('sha256')
      .update(readFileSync(join(directory(run), file)))
      .digest('hex'),
  );
  if (whole !== killed) problems += 1;
  console.log(`${whole === killed ? 'equal  ' : 'DIFFERS'} ${file}  ${whole!.slice(0, 16)} ${killed!.slice(0, 16)}`);
}
console.log(
  problems === 0
    ? `no difference after kills at the log's steps ${killsDone().join(', ')}`
    : `${problems} files differ`,
);
process.exitCode = problems === 0 ? 0 : 1;
