/** `greedynas rank`: how well a supernet ranks networks, against known accuracies or against another score of its own. */
import { GreedynasError } from '../errors.ts';
import { type Command, type Flags, flag, listFlag, requiredText, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const rankCommand: Command = {
  name: 'rank',
  summary: 'Measure how well a trained supernet ranks networks.',
  flags: {
    run: { ...flag.run, describe: 'name of the run; default: the one worked on last' },
    benchmark: {
      type: 'string',
      requiresArg: true,
      choices: ['nas-bench-macro'],
      describe: 'rank against the accuracies of this benchmark, which --table has',
    },
    table: { type: 'string', requiresArg: true, describe: "the benchmark's JSON file, gzipped or not" },
    against: {
      type: 'string',
      requiresArg: true,
      describe: 'rank against another score instead: top1:5000, top1:5000:recalibrated',
    },
    score: {
      type: 'string',
      requiresArg: true,
      default: 'loss',
      describe: 'what ranks: loss or top1; with :<images>, and :recalibrated for statistics set for each network',
    },
    images: {
      type: 'string',
      requiresArg: true,
      default: '1000',
      describe: 'held-out images of a score that does not say how many',
    },
    batch: {
      type: 'string',
      requiresArg: true,
      default: '250',
      describe: 'images that go through the network at once and share batch statistics',
    },
    networks: { type: 'string', requiresArg: true, default: '600', describe: 'distinct networks to rank' },
    seed: { type: 'string', requiresArg: true, default: '0', describe: 'decides which networks; a number' },
    name: { type: 'string', requiresArg: true, describe: 'name of the ranking; default: made of step and images' },
    plot: { type: 'string', requiresArg: true, describe: 'SVG file to draw score against truth into' },
    data: flag.data,
    set: { ...flag.set, describe: 'override a key of the calibration or the engine, as search.key=value' },
  },
  examples: [
    [
      'greedynas rank --benchmark nas-bench-macro --table macro.json --plot rank.svg',
      'the newest run against true accuracies',
    ],
    ['greedynas rank --score loss:1000 --against top1:5000', 'loss on few images against accuracy on all'],
    ['greedynas rank --run wide --score top1:5000:recalibrated --against loss:5000 --json', 'for scripts'],
  ],
  files: [
    'Reads the newest whole checkpoint of checkpoints/<run>/. Writes there rank/<name>/: scores.jsonl',
    '(a line for each network, as it is scored), settings.json and rank.json (every figure). The same',
    'command again goes on where it was stopped, and scores no network twice; more networks or',
    'another score use what is there.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { rankRun } = await import('../ranking/rank-run.ts');
    const { rankingSummary } = await import('../report/ranking-summary.ts');
    const { createRankProgress } = await import('../report/rank-progress.ts');
    const { rankingPlot } = await import('../report/ranking-plot.ts');
    const { writeDurably } = await import('../storage/durable.ts');
    const notice = noticeWriter(surroundings);
    const directory = requiredText(flags, 'data');
    const truth = readTruth(flags);
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: finishing the network; once more ends at once`),
    );
    const progress = createRankProgress({
      out: surroundings.stderr,
      interactive: surroundings.interactive,
      clock: surroundings.clock,
    });
    try {
      const outcome = await rankRun({
        root: surroundings.checkpoints,
        run: textFlag(flags, 'run'),
        name: textFlag(flags, 'name') ?? null,
        score: requiredText(flags, 'score'),
        images: wholeNumber(flags, 'images', 1),
        batch: wholeNumber(flags, 'batch', 1),
        networks: wholeNumber(flags, 'networks', 2),
        seed: wholeNumber(flags, 'seed', 0),
        truth,
        overrides: listFlag(flags, 'set'),
        surroundings: {
          clock: surroundings.clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
          createSupernet: surroundings.createSupernet,
          interrupted: () => signals.received !== null,
          onProgress: progress.report,
        },
      });
      progress.end();
      if (outcome.end === 'signal') {
        notice(
          `stopped with ${outcome.scored} of ${outcome.total} networks scored: the same command goes on from there`,
        );
        return signalExitCode(signals.received ?? 'SIGINT');
      }
      const plot = textFlag(flags, 'plot');
      if (plot !== undefined) await writeDurably(plot, rankingPlot(outcome.result));
      printResult(surroundings, flags, outcome.result, rankingSummary(outcome.result));
      return 0;
    } finally {
      progress.end();
      signals.stop();
    }
  },
};

function readTruth(flags: Flags): { against: string } | { benchmark: 'nas-bench-macro'; table: string } {
  const benchmark = textFlag(flags, 'benchmark');
  const table = textFlag(flags, 'table');
  const against = textFlag(flags, 'against');
  if (benchmark !== undefined && table !== undefined && against === undefined) {
    // Its only choice, which the parser has checked.
    return { benchmark: 'nas-bench-macro', table };
  }
  if (against !== undefined && benchmark === undefined && table === undefined) return { against };
  throw new GreedynasError(
    'usage',
    'rank needs something to rank against: --benchmark nas-bench-macro with --table <its file>, or --against top1:5000 for example',
  );
}

function wholeNumber(flags: Flags, name: string, least: number): number {
  const text = requiredText(flags, name);
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new GreedynasError('usage', `--${name} ${JSON.stringify(text)}, allowed: a whole number of at least ${least}`);
}
