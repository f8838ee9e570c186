/**
 * What racing spares and how often it chooses other paths, on a trained run: evaluates paths once on all ranking images, then
 * replays many rounds of 10 of them, of which 5 are chosen.
 *
 *     npx tsx bench/racing.ts --run <run> [--checkpoints checkpoints] [--data data] [--paths 100] [--pool 50]
 *                             [--images 1000] [--batch 100] [--first 100] [--rounds 1000] [--losses file]
 *
 * `--paths` are drawn uniformly, `--pool` are from the run's candidate pool as far as it has one. The losses of each image go
 * to `--losses` (default: losses-<step>-<batch>.json beside the checkpoint) and are read from there the next time.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/load.ts';
import { takeStack } from '../src/data/batches.ts';
import { loadCifar10 } from '../src/data/cifar10.ts';
import { createStream } from '../src/random/stream.ts';
import { parsePool } from '../src/sampling/pool-file.ts';
import { batchLooks, race } from '../src/sampling/racing.ts';
import { rankByLoss } from '../src/sampling/ranking.ts';
import { uniformPath } from '../src/sampling/uniform.ts';
import { pathKey } from '../src/space/genotype.ts';
import { buildSpace } from '../src/space/presets.ts';
import type { Path } from '../src/space/space.ts';
import { kendall } from '../src/statistics/kendall.ts';
import { createSupernetSession } from '../src/supernet/session.ts';
import { findCheckpoint } from '../src/training/checkpoint.ts';
import { sameChoice } from '../src/training/rank-paths.ts';
import { networkOptions } from '../src/training/run-options.ts';

const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    checkpoints: { type: 'string', default: 'checkpoints' },
    data: { type: 'string', default: 'data' },
    paths: { type: 'string', default: '100' },
    pool: { type: 'string', default: '50' },
    images: { type: 'string', default: '1000' },
    batch: { type: 'string', default: '100' },
    first: { type: 'string' },
    rounds: { type: 'string', default: '1000' },
    losses: { type: 'string' },
  },
});
const [drawn, keep] = [10, 5];
const images = Number(values.images);
const batch = Number(values.batch);
const first = Number(values.first ?? batch);

interface Evaluated {
  readonly batch: number;
  /** Of each path the losses of the images. */
  readonly uniform: readonly (readonly number[])[];
  readonly pool: readonly (readonly number[])[];
}

/** Evaluates the paths of a run's newest checkpoint; slow. */
async function evaluate(directory: string, file: string | undefined): Promise<Evaluated> {
  const { checkpoint } = await findCheckpoint(directory);
  if (checkpoint === null) throw new Error(`${directory} has no checkpoint`);
  const target = file ?? join(directory, `losses-${checkpoint.step}-${batch}.json`);
  if (existsSync(target)) return JSON.parse(readFileSync(target, 'utf8'));
  const config = loadConfig({ file: join(directory, 'config.yaml') });
  const space = buildSpace(config.space);
  const { seed } = config;
  const data = await loadCifar10({ directory: values.data, validationImages: config.data.validationImages, seed });
  const options = networkOptions(config, data);
  const supernet = createSupernetSession(space, { ...options, batches: { ...options.batches, ranking: batch } });
  supernet.restore(checkpoint.weightsPrefix);
  supernet.loadStack('ranking', takeStack(data.validation, images, seed));
  const stream = createStream(1, 'racing');
  const uniform = new Map<string, Path>();
  while (uniform.size < Number(values.paths)) {
    const path = uniformPath(space, stream);
    uniform.set(pathKey(path), path);
  }
  const poolFile = join(checkpoint.directory, 'pool.json');
  const pool = existsSync(poolFile) ? parsePool(space, JSON.parse(readFileSync(poolFile, 'utf8')), poolFile) : [];
  const scored = (paths: readonly Path[]): number[][] =>
    paths.map((path, index) => {
      if (index % 10 === 0) console.error(`path ${index} of ${paths.length}`);
      return Array.from(supernet.rank(path).losses, (loss) => Number(loss.toPrecision(7)));
    });
  const found = {
    batch,
    uniform: scored([...uniform.values()]),
    pool: scored(pool.slice(0, Number(values.pool)).map(({ path }) => path)),
  };
  supernet.close();
  writeFileSync(target, JSON.stringify(found));
  return found;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

/** Replays rounds in which each path comes from the pool with probability `epsilon`. */
function replay({ uniform, pool }: Evaluated, epsilon: number, confidence: number): string {
  const stream = createStream(2, 'rounds');
  const looks = batchLooks(first, batch, images);
  const rounds = Number(values.rounds);
  let [share, equal, kept, order, squares] = [0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const runners = new Set<readonly number[]>();
    while (runners.size < drawn) {
      const from = stream.uniform() < epsilon ? pool : uniform;
      runners.add(from[stream.integer(from.length)]!);
    }
    const losses = [...runners];
    const places = losses.map(() => 1);
    const result = race(places, { keep, looks, confidence }, (path, start, count) =>
      losses[path]!.slice(start, start + count),
    );
    const truth = losses.map(mean);
    const best = rankByLoss(truth);
    const chosen = result.order.slice(0, keep);
    share += mean(result.seen) / images / rounds;
    equal += (sameChoice(result.order, best, places, keep) ? 1 : 0) / rounds;
    kept += chosen.filter((path) => best.indexOf(path) < keep).length / keep / rounds;
    order +=
      kendall(
        chosen.map((path) => result.losses[path]!),
        chosen.map((path) => truth[path]!),
      ) / rounds;
    squares += mean(result.losses.map((loss, path) => (loss - truth[path]!) ** 2)) / rounds;
  }
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(9);
  return `${String(confidence).padEnd(12)}${percent(share)}${percent(equal)}${percent(kept)}${order.toFixed(3).padStart(9)}${Math.sqrt(squares).toFixed(4).padStart(9)}`;
}

if (values.run === undefined) {
  console.log('racing: skipped, as no trained run was named: --run <run>');
} else {
  const found = await evaluate(join(values.checkpoints, values.run), values.losses);
  for (const epsilon of found.pool.length >= drawn ? [0, 0.5, 1] : [0]) {
    const spread = [...found.uniform.map(mean)].sort((a, b) => a - b);
    console.log(
      `\n${values.rounds} rounds of ${drawn} paths, ${keep} chosen; ${100 * epsilon} % of the draws from ${found.pool.length} paths of the pool, the others from ${found.uniform.length} uniform ones (loss ${spread[0]!.toFixed(3)} to ${spread.at(-1)!.toFixed(3)}); looks after ${first} and each further ${batch} of ${images} images`,
    );
    console.log('confidence     images    equal     kept  kendall     rmse');
    for (const confidence of [0.5, 0.8, 0.9, 0.95, 0.99]) console.log(replay(found, epsilon, confidence));
  }
}
