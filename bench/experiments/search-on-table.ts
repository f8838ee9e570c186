/**
 * The searches of a supernet where the truth is known: NAS-Bench-Macro's accuracies stand for the supernet's scores, exact
 * or with noise, under a limit of FLOPs. The true accuracy of the path that each search ranks first, over seeds.
 *
 *     node --import tsx bench/experiments/search-on-table.ts --table data/nas-bench-macro_cifar10.json --flops 60M --noise 0.5
 *
 * The noise is normal, in points of accuracy, and belongs to the path: asking again gives the same, as a supernet does.
 */
import { parseArgs } from 'node:util';
import { readMacroTable } from '../../src/benchmarks/nas-bench-macro.ts';
import { parseConfig } from '../../src/config/load.ts';
import { learnsPredictor } from '../../src/config/search-choices.ts';
import { createPathPredictor } from '../../src/predictors/path-predictor.ts';
import { createStream } from '../../src/random/stream.ts';
import { formatTable } from '../../src/report/table.ts';
import { limitedPaths } from '../../src/search/limits.ts';
import { createSearch } from '../../src/search/methods.ts';
import { runSearch } from '../../src/search/search.ts';
import { parseFlops } from '../../src/space/cost.ts';
import { pathKey } from '../../src/space/genotype.ts';
import type { Path } from '../../src/space/space.ts';
import { kendall } from '../../src/statistics/kendall.ts';

const { values: flags } = parseArgs({
  options: {
    table: { type: 'string', default: 'data/nas-bench-macro_cifar10.json' },
    methods: { type: 'string', default: 'random,evolution,weaknas,neural-predictor' },
    flops: { type: 'string', default: '60M' },
    noise: { type: 'string', default: '0' },
    evaluations: { type: 'string', default: '100,200' },
    seeds: { type: 'string', default: '3' },
  },
});

const { space, entry } = await readMacroTable(flags.table);
const limits = { flops: parseFlops(flags.flops) };
const within = limitedPaths(space, limits).findOthers(() => false, Number.POSITIVE_INFINITY).paths;
const truth = (path: Path): number => entry(path).accuracy;
const best = Math.max(...within.map(truth));
const deviation = Number(flags.noise);

function scorer(seed: number): (path: Path) => number {
  return (path) => {
    const stream = createStream(seed, pathKey(path));
    const normal = Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform());
    return truth(path) + deviation * normal;
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const seeds = Array.from({ length: Number(flags.seeds) }, (_, index) => index + 1);
const agreement = mean(seeds.map((seed) => kendall(within.map(scorer(seed)), within.map(truth))));
process.stdout.write(
  `${within.length} paths within ${flags.flops}, the best ${best.toFixed(2)} %; Kendall of scores and truth ${agreement.toFixed(3)}\n`,
);
const rows: string[][] = [];
for (const evaluations of flags.evaluations.split(',').map(Number)) {
  for (const method of flags.methods.split(',')) {
    const config = parseConfig(
      `{space: {preset: nas-bench-macro}, search: {method: ${method}, population: 50, generations: ${evaluations / 50}, initial: random}}`,
      { file: 'search-on-table' },
    );
    const predictor = learnsPredictor(config.search.method) ? createPathPredictor(config, space) : null;
    const found = seeds.map((seed) => {
      const score = scorer(seed);
      const evaluate = (path: Path) => ({ top1: score(path) / 100, loss: 1 - score(path) / 100 });
      const options = { space, limits, evaluate, stream: createStream(seed, 'search') };
      const [first] = runSearch(createSearch(config.search, [], options, predictor));
      return { score: 100 * first!.top1, accuracy: truth(first!.path) };
    });
    predictor?.close();
    const accuracies = found.map(({ accuracy }) => accuracy);
    rows.push([
      String(evaluations),
      method,
      mean(found.map(({ score }) => score)).toFixed(2),
      mean(accuracies).toFixed(2),
      (best - mean(accuracies)).toFixed(2),
      `${Math.min(...accuracies).toFixed(2)} … ${Math.max(...accuracies).toFixed(2)}`,
    ]);
  }
}
const right = (title: string) => ({ title, align: 'right' as const });
process.stdout.write(
  `${formatTable([right('evaluations'), { title: 'method' }, right('best score'), right('its accuracy'), right('regret'), right('lowest … highest')], rows)}\n`,
);
