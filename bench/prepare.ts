/**
 * `greedynas prepare` beside a straightforward Pillow script with 2 processes (bench/peers/prepare_pillow.py) on the same images, in turns:
 * wall time, processor time and what they wrote, start of the programs included.
 *
 *     node --import tsx bench/prepare.ts --source <class folders> [--side 128|keep] [--rounds 3] [--times 10]
 *
 * With --times each image is there under so many names, as links, so that the start of the programs weighs as little as on a real data set.
 * The peer runs where bench/make-data-peer-environment.sh was run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheDirectory } from '../src/engine/layout.ts';

const { values } = parseArgs({
  options: {
    source: { type: 'string' },
    side: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
    times: { type: 'string', default: '1' },
  },
});
const { source, side } = values;
const python = process.env.GREEDYNAS_DATA_BENCH_PYTHON ?? join(cacheDirectory(), 'bench-data', 'bin', 'python');
const place = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

if (source === undefined || !existsSync(python)) {
  console.log('bench/prepare.ts: skipped, needs --source and the peer (see its head)');
} else {
  compare(source);
}

interface Cost {
  readonly wall: number;
  readonly processor: number;
  readonly bytes: number;
}

function compare(folder: string): void {
  // Nothing is removed before all is done: for half a minute ext4 passes by the inodes of removed files, which made the script, with a file for each
  // image, slower from round to round: 1.4 s, 3.7, 6.3, … 9.0.
  const root = mkdtempSync(join(tmpdir(), 'greedynas-prepare-'));
  const images = Number(values.times) === 1 ? folder : multiplied(folder, join(root, 'source'), Number(values.times));
  const contestants: Record<string, (out: string) => string[]> = {
    greedynas: (out) => [
      process.execPath,
      place('../src/cli/greedynas.js'),
      'prepare',
      images,
      out,
      '--shorter-side',
      side,
    ],
    pillow: (out) => [python, place('peers/prepare_pillow.py'), images, out, side],
  };
  const costs: Record<string, Cost[]> = { greedynas: [], pillow: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, words] of Object.entries(contestants)) {
      const out = join(root, `${name}-${round}`);
      const cost = timed(words(out), out);
      costs[name]!.push(cost);
      const { wall, processor, bytes } = cost;
      console.log(
        `round ${round + 1}  ${name.padEnd(9)}  ${wall.toFixed(2)} s, processor ${processor.toFixed(2)} s, ${(bytes / 1e6).toFixed(2)} MB`,
      );
    }
  }
  rmSync(root, { recursive: true, force: true });
  const middle = (name: string, of: keyof Cost): number => {
    const sorted = costs[name]!.map((cost) => cost[of]).sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? 0;
  };
  for (const cost of ['wall', 'processor', 'bytes'] as const) {
    console.log(`pillow / greedynas, ${cost}: ${(middle('pillow', cost) / middle('greedynas', cost)).toFixed(2)}`);
  }
}

/** The files of a folder under `times` names each. */
function multiplied(folder: string, target: string, times: number): string {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const below = join(target, relative(folder, entry.parentPath));
    mkdirSync(below, { recursive: true });
    for (let name = 0; name < times; name++) {
      symlinkSync(resolve(entry.parentPath, entry.name), join(below, `${name}-${entry.name}`));
    }
  }
  return target;
}

/** Runs a command that writes into the folder `out`. */
function timed(words: string[], out: string): Cost {
  const { status, stderr } = spawnSync('bash', ['-c', 'TIMEFORMAT=\'%R %U %S\'; time "$@"', 'bash', ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  const [wall = 0, user = 0, system = 0] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(out, name)));
  const bytes = files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
  return { wall, processor: user + system, bytes };
}
