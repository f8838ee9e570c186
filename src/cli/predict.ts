/** `greedynas predict`: search methods and predictors measured on a tabular benchmark, where the truth is known. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { type Command, type Flags, requiredText, switchFlag, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const predictCommand: Command = {
  name: 'predict',
  summary: 'Measure search methods and accuracy predictors on NAS-Bench-101, NAS-Bench-201 or NAS-Bench-Macro.',
  flags: {
    benchmark: {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      choices: ['nasbench101', 'nasbench101-validation', 'nasbench201-cifar10', 'nasbench201-cifar100', 'macro'],
      describe: 'the table',
    },
    method: {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe:
        'methods, by commas: random, evolution, local-search, neural-predictor, neural-predictor-two-stage, weaknas, weaknas-neural-predictor, weaknas-neural-predictor-two-stage; @50 behind one that has a predictor: it begins with 50 random networks',
    },
    budget: {
      type: 'string',
      requiresArg: true,
      default: '200',
      describe: 'queries, by commas: a trial goes on to the largest, and all are reported',
    },
    seeds: { type: 'string', requiresArg: true, default: '5', describe: 'trials of each method, with seeds 1, 2, …' },
    'until-optimum': {
      type: 'boolean',
      describe: 'end a trial once it has queried the best network; the largest budget is the cap',
    },
    assess: {
      type: 'boolean',
      describe: 'no search: fit the predictors on random networks (172, or as @ says), measure them on all others',
    },
    scan: {
      type: 'string',
      requiresArg: true,
      default: 'all',
      describe:
        'what WeakNAS predicts each iteration: all networks, or a number of fresh random ones and the neighbours of the best known',
    },
    units: {
      type: 'string',
      requiresArg: true,
      default: '1000',
      describe:
        "units of each of the four layers of WeakNAS' perceptron; with 250 a trial takes a tenth of the time and finds as much (docs/results/predictors.md)",
    },
    top: {
      type: 'string',
      requiresArg: true,
      default: '100',
      describe: 'WeakNAS queries 10 networks, drawn from so many of the best predictions; 10 takes the best themselves',
    },
    data: { type: 'string', requiresArg: true, default: 'data', describe: "folder of the benchmarks' files" },
    out: {
      type: 'string',
      requiresArg: true,
      describe: 'folder that is written; default: checkpoints/predict/<benchmark>',
    },
    workers: { type: 'string', requiresArg: true, describe: 'processes side by side; default: one a core' },
    threads: { type: 'string', requiresArg: true, default: '1', describe: "TensorFlow's threads in each process" },
  },
  examples: [
    [
      'greedynas predict --benchmark nasbench101 --method random,evolution,local-search --budget 200,2000 --seeds 500',
      'the baselines, 500 trials each',
    ],
    ['greedynas predict --benchmark nasbench201-cifar10 --method weaknas --until-optimum --budget 1000', 'how soon'],
    ['greedynas predict --benchmark nasbench101 --method neural-predictor --assess --seeds 3', 'the predictor alone'],
    [
      'greedynas predict --benchmark nasbench101 --method neural-predictor@50,neural-predictor@172 --budget 500',
      'examples against trials',
    ],
  ],
  files: [
    'Reads nasbench101.csv.gz or nasbench_only108.tfrecord, nasbench101_val_first20001.csv.gz, nasbench201.csv.gz,',
    'nas-bench-macro_cifar10.json. Writes into --out settings.json, trials.jsonl (a line for each trial, as it ends),',
    'summary.json, summary.csv, curve.csv and curve.svg, or scatter.csv and scatter.svg. Ctrl-C stops; the same',
    'command goes on with the trials that are missing.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { runSweep } = await import('../benchmarks/sweep.ts');
    const { writePredictFiles } = await import('../report/predict-files.ts');
    const { predictSummary } = await import('../report/predict-summary.ts');
    const request = await readRequest(flags, surroundings.checkpoints);
    const notice = noticeWriter(surroundings);
    const signals = surroundings.watchSignals((signal) => notice(`\n${signal}: stopping; finished trials are kept`));
    try {
      const outcome = await runSweep({
        ...request,
        interrupted: () => signals.received !== null,
        onProgress({ done, total, method, seed, seconds }) {
          notice(`${done}/${total}  ${method}, seed ${seed}: ${seconds.toFixed(1)} s`);
        },
      });
      if (outcome.end === 'signal') {
        notice(`stopped after ${outcome.done} of ${outcome.total} trials; the same command goes on`);
        return signalExitCode(signals.received ?? 'SIGINT');
      }
      await writePredictFiles(request.out, outcome.result);
      const { summary } = outcome.result;
      printResult(surroundings, flags, summary, predictSummary(summary, request.out));
      return 0;
    } finally {
      signals.stop();
    }
  },
};

async function readRequest(flags: Flags, checkpoints: string) {
  const { benchmarkNames } = await import('../benchmarks/open-benchmark.ts');
  const { parseMethod, usesPredictor } = await import('../benchmarks/methods.ts');
  const benchmark = benchmarkNames.find((name) => name === requiredText(flags, 'benchmark'));
  if (benchmark === undefined) throw new RangeError('yargs let an unknown benchmark pass');
  const methods = [...new Set(requiredText(flags, 'method').split(','))];
  const choices = methods.map(parseMethod);
  const budgets = requiredText(flags, 'budget')
    .split(',')
    .map((text) => positive('budget', text))
    .sort((a, b) => a - b);
  const assess = switchFlag(flags, 'assess');
  const without = choices.find(({ name }) => !usesPredictor(name));
  if (assess && without !== undefined) {
    throw new GreedynasError('usage', `--assess: ${without.text} has no predictor`);
  }
  if (assess && switchFlag(flags, 'until-optimum')) {
    throw new GreedynasError('usage', '--assess does not search: give it without --until-optimum');
  }
  const scan = requiredText(flags, 'scan');
  const workers = textFlag(flags, 'workers');
  return {
    settings: {
      benchmark,
      data: requiredText(flags, 'data'),
      budget: budgets.at(-1) ?? 1,
      untilOptimum: switchFlag(flags, 'until-optimum'),
      assess,
      scan: scan === 'all' ? ({ kind: 'all' } as const) : ({ kind: 'part', rows: positive('scan', scan) } as const),
      units: positive('units', requiredText(flags, 'units')),
      top: positive('top', requiredText(flags, 'top')),
      threads: positive('threads', requiredText(flags, 'threads')),
    },
    budgets,
    methods,
    seeds: positive('seeds', requiredText(flags, 'seeds')),
    workers: workers === undefined ? availableParallelism() : positive('workers', workers),
    out: textFlag(flags, 'out') ?? join(checkpoints, 'predict', benchmark),
  };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new GreedynasError('usage', `--${flag} ${text}: allowed are whole numbers from 1`);
}
