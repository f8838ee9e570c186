/**
 * The same short run of the default config twice, and once more stopped by Ctrl-C about half-way and resumed: all three must
 * leave the same bytes. `npx tsx bench/reproducible.ts [steps, default 120]`; ends with 1 if they differ.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const steps = Number(process.argv[2] ?? 120);
const settings = { 'training.steps': steps, 'sampling.warmupSteps': 20, 'checkpoints.every': 50, 'logging.every': 10 };
const program = ['src/cli/greedynas.js', 'train-supernet'];
const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const runs = ['reproducible-first', 'reproducible-second', 'reproducible-resumed'] as const;
const folder = (run: string): string => join('checkpoints', run);

for (const run of runs) rmSync(folder(run), { recursive: true, force: true });
for (const run of runs.slice(0, 2)) {
  console.log(`${run}: ${steps} steps`);
  spawnSync(process.execPath, [...program, '--run', run, ...flags], { stdio: ['ignore', 'ignore', 'ignore'] });
}

const [, , resumed] = runs;
const child = spawn(process.execPath, [...program, '--run', resumed, ...flags], { stdio: 'ignore' });
const metrics = join(folder(resumed), 'metrics.jsonl');
const watch = setInterval(() => {
  const lines = existsSync(metrics) ? readFileSync(metrics, 'utf8').trim().split('\n').length : 0;
  if (lines * settings['logging.every'] >= steps / 2) {
    clearInterval(watch);
    child.kill('SIGINT');
  }
}, 50);
const status = await new Promise((resolve) => child.once('close', resolve));
clearInterval(watch);
const stopped = readdirSync(folder(resumed)).filter((name) => name.startsWith('step-'));
console.log(`${resumed}: Ctrl-C, exit ${status}, checkpoints ${stopped.join(' ')}; then --resume`);
spawnSync(process.execPath, [...program, '--run', resumed, '--resume'], { stdio: 'ignore' });

const last = `step-${String(steps).padStart(8, '0')}`;
const files = [
  'metrics.jsonl',
  'pool.json',
  ...['weights.data-00000-of-00001', 'weights.index', 'state.json'].map((name) => join(last, name)),
];
let equal = status === 130;
for (const file of files) {
  const hashes = runs.map((run) =>
    createHash('sha256')
      .update(readFileSync(join(folder(run), file)))
      .digest('hex'),
  );
  const same = new Set(hashes).size === 1;
  equal &&= same;
  console.log(`${same ? 'equal  ' : 'DIFFERS'} ${file}  ${hashes.map((hash) => hash.slice(0, 12)).join(' ')}`);
}
console.log(equal ? 'all three runs left the same bytes' : 'the runs differ');
process.exitCode = equal ? 0 : 1;
