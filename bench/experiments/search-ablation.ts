/**
 * Searches compared at equal evaluations, on one trained run: evolution from the candidate pool, evolution from random
 * paths, regularised evolution, WeakNAS and the Neural Predictor (with the pool and without) and random search, several
 * seeds each. The best top-1 found (on the images of the search)
 * over the number of evaluations, and the top-1 of each final path on held-out images that chose nothing.
 *
 *     npx tsx bench/experiments/search-ablation.ts --run default --flops 12M
 *
 * All of them share one file of evaluations, so that a path costs its evaluation once, whoever asks for it, and an
 * interruption loses nothing: the same command goes on. Writes checkpoints/<run>/ablation/<name>/: ablation.json (all
 * curves), ablation.csv (a line for each search and evaluation); evaluations-<weights>.jsonl beside them is the cache.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { processSurroundings } from '../../src/cli/surroundings.ts';
import { comparisonImages } from '../../src/config/held-out.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { RunConfig } from '../../src/config/schema.ts';
import { learnsPredictor } from '../../src/config/search-choices.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { formatDuration, formatPercent } from '../../src/report/format.ts';
import { formatTable } from '../../src/report/table.ts';
import { parsePool } from '../../src/sampling/pool-file.ts';
import { type Evaluate, restoreCandidate } from '../../src/search/evaluator.ts';
import { checkLimits, type Limits } from '../../src/search/limits.ts';
import { createSearch, searchLength } from '../../src/search/methods.ts';
import { identifyCheckpoint } from '../../src/search/saved-search.ts';
import { createScorer, type Scorer } from '../../src/search/scorer.ts';
import { formatFlops, parseFlops, pathFlops } from '../../src/space/cost.ts';
import { formatGenotype, parseGenotype, pathKey } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path, Space } from '../../src/space/space.ts';
import { createFolder, readIfThere, writeDurably } from '../../src/storage/durable.ts';
import { findCheckpoint } from '../../src/training/checkpoint.ts';
import { configFile, poolFile, runDirectory } from '../../src/training/run-folder.ts';
import { dataRequest } from '../../src/training/run-options.ts';

type Settings = RunConfig['search'];

/** The searches that are compared. Regularised evolution starts from random paths, as its paper has it. */
const arms: Readonly<Record<string, Pick<Settings, 'method' | 'initial'>>> = {
  'evolution from the pool': { method: 'evolution', initial: 'pool' },
  'evolution from random paths': { method: 'evolution', initial: 'random' },
  'regularized evolution': { method: 'regularized-evolution', initial: 'random' },
  'WeakNAS from the pool': { method: 'weaknas', initial: 'pool' },
  'WeakNAS from random paths': { method: 'weaknas', initial: 'random' },
  'Neural Predictor from the pool': { method: 'neural-predictor', initial: 'pool' },
  'Neural Predictor from random paths': { method: 'neural-predictor', initial: 'random' },
  'random search': { method: 'random', initial: 'random' },
};

interface Curve {
  readonly arm: string;
  readonly seed: number;
  /** Best top-1 so far after each evaluation. */
  readonly best: readonly number[];
  /** The final best path. */
  readonly path: string;
  readonly flops: number;
  /** Its top-1 on held-out images that chose nothing; null where there are none. */
  heldOut: number | null;
}

const { values: flags } = parseArgs({
  options: {
    root: { type: 'string', default: 'checkpoints' },
    run: { type: 'string', default: 'default' },
    data: { type: 'string', default: 'data' },
    name: { type: 'string' },
    flops: { type: 'string', default: 'none' },
    seeds: { type: 'string', default: '1,2,3' },
    arms: { type: 'string' },
    evaluations: { type: 'string', default: '500' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

/** Scores that are kept in a file, a line each; the file begins anew where the weights or the images are others. */
function openCache(file: string, space: Space) {
  const scores = new Map<string, { loss: number; top1: number }>();
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  // What follows the last line end lost its tail.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  for (const line of whole.split('\n').filter((each) => each !== '')) {
    const { path, loss, top1 } = JSON.parse(line) as { path: string; loss: number | null; top1: number | null };
    const candidate = restoreCandidate(space, { path: parseGenotype(space, path), loss, top1 });
    scores.set(pathKey(candidate.path), candidate);
  }
  return {
    size: scores.size,
    /** The scores of a path, from the file or by scoring it now. */
    through(score: Evaluate): Evaluate {
      return (path) => {
        const known = scores.get(pathKey(path));
        if (known !== undefined) return known;
        const { loss, top1 } = score(path);
        appendFileSync(file, `${JSON.stringify({ path: formatGenotype(space, path), loss, top1 })}\n`);
        scores.set(pathKey(path), { loss, top1 });
        return { loss, top1 };
      };
    },
  };
}

/** Scores with a line now and then of how it goes. */
function withProgress(score: Evaluate): Evaluate {
  let count = 0;
  const began = performance.now();
  return (path) => {
    const scores = score(path);
    count += 1;
    if (count % 50 === 0) {
      const seconds = (performance.now() - began) / 1000;
      process.stderr.write(
        `${count} paths scored in ${formatDuration(seconds)}, ${(seconds / count).toFixed(2)} s each\n`,
      );
    }
    return scores;
  };
}

async function readPool(space: Space, file: string): Promise<Path[]> {
  const text = await readIfThere(file);
  return text === null ? [] : parsePool(space, JSON.parse(text), file).map(({ path }) => path);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Best top-1 at some numbers of evaluations: the mean over the seeds, and lowest to highest. */
function summary(curves: readonly Curve[], length: number): string {
  const marks = [10, 25, 50, 100, 200, 300, 500, 1000, 2000].filter((mark) => mark < length).concat(length);
  const rows = Object.keys(arms).flatMap((arm) => {
    const own = curves.filter((curve) => curve.arm === arm);
    if (own.length === 0) return [];
    const cells = marks.map((mark) => {
      const at = own.map(({ best }) => best[Math.min(mark, best.length) - 1]!);
      const spread = (100 * (Math.max(...at) - Math.min(...at))) / 2;
      return `${(100 * mean(at)).toFixed(2)} ±${spread.toFixed(2)}`;
    });
    const held = own.flatMap(({ heldOut }) => heldOut ?? []);
    return [[arm, ...cells, held.length === 0 ? '-' : formatPercent(mean(held))]];
  });
  const right = (title: string) => ({ title, align: 'right' as const });
  return formatTable(
    [{ title: 'best top-1 (%) after' }, ...marks.map((mark) => right(String(mark))), right('held out')],
    rows,
  );
}

async function main(): Promise<void> {
  const notice = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const surroundings = processSurroundings();
  const directory = runDirectory(flags.root, flags.run);
  const given = loadConfig({ file: join(directory, configFile), overrides: flags.set });
  const generations = Math.ceil(Number(flags.evaluations) / given.search.population);
  const config: RunConfig = { ...given, search: { ...given.search, generations } };
  const length = searchLength(config.search);
  const space = buildSpace(config.space);
  const limits: Limits = flags.flops === 'none' ? {} : { flops: parseFlops(flags.flops) };
  checkLimits(space, limits);
  const { checkpoint } = await findCheckpoint(directory);
  if (checkpoint === null) throw new GreedynasError('usage', `${directory} has no checkpoint: train the run first`);
  const pool = await readPool(space, join(checkpoint.directory, poolFile));
  if (pool.length === 0) notice('this run has no candidate pool: evolution from the pool is left out');

  const { seed, search, engine } = config;
  const { calibrationImages, calibrationBatch, validationImages, validationBatch } = search;
  const images = {
    seed,
    calibrationImages,
    calibrationBatch,
    validationImages,
    validationBatch,
    onednn: engine.onednn,
  };
  const weights = createHash('sha256')
    .update(JSON.stringify([await identifyCheckpoint(checkpoint), images, config.data]))
    .digest('hex')
    .slice(0, 12);
  const folder = join(directory, 'ablation');
  const name = flags.name ?? (limits.flops === undefined ? 'all' : formatFlops(limits.flops));
  await createFolder(join(folder, name));
  const cache = openCache(join(folder, `evaluations-${weights}.jsonl`), space);
  notice(`${cache.size} paths of step ${checkpoint.step} are scored already`);

  const data = await surroundings.loadData(dataRequest(config), flags.data, notice);
  const supernet = await surroundings.createSupernet(config, space, data);
  try {
    supernet.restore(checkpoint.weightsPrefix);
    const score: Scorer = createScorer(supernet, config, data);
    const evaluate = cache.through(withProgress((path) => score('search', path)));
    const curves: Curve[] = [];
    for (const seedText of flags.seeds.split(',')) {
      for (const [arm, choice] of Object.entries(arms)) {
        if (choice.initial === 'pool' && pool.length === 0) continue;
        if (flags.arms !== undefined && !flags.arms.split(',').includes(arm)) continue;
        const stream = createStream(Number(seedText), 'search');
        const own = { ...search, ...choice };
        const predictor = learnsPredictor(own.method)
          ? await surroundings.createPredictor({ ...config, search: own }, space)
          : null;
        const exploration = createSearch(own, pool, { space, limits, evaluate, stream }, predictor);
        const best: number[] = [];
        for (let found = exploration.next(); found !== null; found = exploration.next()) {
          best.push(Math.max(best.at(-1) ?? 0, Number.isFinite(found.top1) ? found.top1 : 0));
        }
        predictor?.close();
        const { path } = exploration.ranked()[0]!;
        const last = { path: formatGenotype(space, path), flops: pathFlops(space, path), heldOut: null };
        curves.push({ arm, seed: Number(seedText), best, ...last });
        notice(
          `seed ${seedText}, ${arm}: ${formatPercent(best.at(-1)!)} after ${best.length} evaluations, ${last.path}`,
        );
      }
    }
    if (comparisonImages(config) > 0) {
      const held = new Map<string, number>();
      for (const curve of curves) {
        const top1 = held.get(curve.path) ?? score('comparison', parseGenotype(space, curve.path)).top1;
        held.set(curve.path, top1);
        curve.heldOut = top1;
      }
    }
    const result = {
      run: flags.run,
      step: checkpoint.step,
      space: space.name,
      limits,
      pool: pool.length,
      population: search.population,
      evaluations: length,
      searchImages: validationImages,
      heldOutImages: comparisonImages(config),
      curves,
    };
    await writeDurably(join(folder, name, 'ablation.json'), `${JSON.stringify(result, null, 1)}\n`);
    const lines = curves.flatMap(({ arm, seed: own, best }) =>
      best.map((top1, index) => `${arm},${own},${index + 1},${top1}`),
    );
    await writeDurably(join(folder, name, 'ablation.csv'), `${['arm,seed,evaluations,top1', ...lines].join('\n')}\n`);
    process.stdout.write(`${summary(curves, length)}\n\nWritten to ${join(folder, name)}\n`);
  } finally {
    supernet.close();
  }
}

await main().catch((error: unknown) => {
  if (!(error instanceof GreedynasError)) throw error;
  process.stderr.write(`search-ablation: ${error.message}\n`);
  process.exitCode = error.exitCode;
});
