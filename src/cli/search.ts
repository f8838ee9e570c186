/** `greedynas search`: the best paths of a trained supernet under limits on what they cost, and their weights. */
import { searchMethods } from '../config/search-choices.ts';
import { GreedynasError } from '../errors.ts';
import { type Command, type Flags, flag, listFlag, requiredText, switchFlag, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';
import type { Surroundings } from './surroundings.ts';

export const searchCommand: Command = {
  name: 'search',
  summary: 'Search a trained supernet for the best paths under limits and cut their weights out.',
  flags: {
    flops: { ...flag.flops, describe: `${flag.flops.describe}; none for no limit` },
    params: flag.params,
    latency: { ...flag.latency, describe: `${flag.latency.describe}; needs a table` },
    'latency-table': flag['latency-table'],
    'latency-device': flag['latency-device'],
    method: {
      type: 'string',
      requiresArg: true,
      choices: searchMethods,
      describe: "how to search; default: the run's search.method, else evolution",
    },
    run: { ...flag.run, describe: 'name of the run; default: the one worked on last' },
    name: { type: 'string', requiresArg: true, describe: 'name of the search; default: made of the limits' },
    data: flag.data,
    set: { ...flag.set, describe: "override a key of the run's search settings, as search.key=value" },
    resume: { type: 'boolean', describe: 'go on with the search that was stopped last, or with --name' },
    list: {
      type: 'boolean',
      describe: 'show the candidates and the front of the search that ended last, or of --name',
    },
    pick: {
      type: 'string',
      requiresArg: true,
      describe: "cut candidates of that search out: best, knee, 'flops<300M', an id of --list; commas for several",
    },
  },
  examples: [
    ['greedynas search --flops 330M', 'the newest run, within 330 million multiply-adds'],
    ['greedynas search --flops 0.2G --run wide --set search.generations=40', 'a longer search of another run'],
    ['greedynas search --params 5M --latency 80ms --latency-table phone.yaml', 'within 5 million weights and 80 ms'],
    ['greedynas search --flops none --method nsga2', 'the whole front of accuracy against FLOPs'],
    [
      'greedynas search --flops 330M --method weaknas --set search.generations=4',
      '200 evaluations, chosen by a predictor',
    ],
    ['greedynas search --resume', 'go on with the search that was stopped, with its limits and settings'],
    ['greedynas search --resume --run wide --name 200M', 'go on with another one'],
    ['greedynas search --list', 'the candidates of the search that ended last, each with its id'],
    ["greedynas search --name 330M --pick 'knee,flops<200M,4'", 'cut three of another one out'],
    ['greedynas search --flops 330M --json > found.json', 'what search.json holds, for scripts'],
  ],
  files: [
    'At least one limit is needed unless --resume, --list or --pick. Every method stays within the limits',
    'and evaluates no path twice, at most search.population x search.generations paths in all.',
    'weaknas and neural-predictor learn to predict scores from those (search.predictor.*).',
    '',
    'Reads the newest whole checkpoint of checkpoints/<run>/ and its pool. Writes there search/<name>/:',
    'state.json (to resume), population.jsonl and comparison.jsonl (every evaluation), search.json (the',
    'result); and subnets/<name>-<n>/. Ctrl-C finishes the path, saves and exits with 130.',
    '',
    '--list and --pick go with --run, --name and --data alone. --list writes nothing. --pick writes',
    'subnets/<name>-<id>/ from the checkpoint that was searched, and leaves those that are there. knee is',
    'the path of the front farthest below the line between its ends, cost and error normalised;',
    'flops<, params< and latency< (or <=) take the best path within.',
  ].join('\n'),
  async run(flags, surroundings) {
    if (switchFlag(flags, 'list') || textFlag(flags, 'pick') !== undefined) {
      return runOnFinished(flags, surroundings);
    }
    const { searchRun } = await import('../search/run-search.ts');
    const { searchSummary } = await import('../report/search-summary.ts');
    const { createSearchProgress } = await import('../report/search-progress.ts');
    const notice = noticeWriter(surroundings);
    const directory = requiredText(flags, 'data');
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: finishing the path and saving; once more ends at once`),
    );
    const progress = createSearchProgress({
      out: surroundings.stderr,
      interactive: surroundings.interactive,
      clock: surroundings.clock,
    });
    try {
      const outcome = await searchRun({
        root: surroundings.checkpoints,
        run: textFlag(flags, 'run'),
        limits: {
          flops: textFlag(flags, 'flops'),
          params: textFlag(flags, 'params'),
          latency: textFlag(flags, 'latency'),
        },
        method: textFlag(flags, 'method'),
        latencyTable: textFlag(flags, 'latency-table'),
        latencyDevice: textFlag(flags, 'latency-device'),
        name: textFlag(flags, 'name') ?? null,
        overrides: listFlag(flags, 'set'),
        resume: switchFlag(flags, 'resume'),
        surroundings: {
          clock: surroundings.clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
          createSupernet: surroundings.createSupernet,
          createPredictor: surroundings.createPredictor,
          cutSubnet: surroundings.cutSubnet,
          interrupted: () => signals.received !== null,
          onProgress: progress.report,
        },
      });
      progress.end();
      if (outcome.end === 'signal') {
        const { run, name, saved } = outcome;
        notice(
          saved
            ? `saved: go on with "greedynas search --resume --run ${run} --name ${name}"`
            : 'stopped before the search began: nothing was written',
        );
        return signalExitCode(signals.received ?? 'SIGINT');
      }
      const { result, before } = outcome;
      if (before) {
        notice(`this search of run ${result.run} has ended; nothing is left to do`);
      }
      printResult(surroundings, flags, result, searchSummary(result));
      return 0;
    } finally {
      progress.end();
      signals.stop();
    }
  },
};

/** What a new search takes, and one that has ended does not. */
const searchingFlags = ['flops', 'params', 'latency', 'latency-table', 'latency-device', 'method', 'set', 'resume'];

/** `--list` and `--pick`. */
async function runOnFinished(flags: Flags, surroundings: Surroundings): Promise<number> {
  const pick = textFlag(flags, 'pick');
  const list = switchFlag(flags, 'list');
  const mode = list ? '--list' : '--pick';
  const others = [...searchingFlags, ...(list ? ['pick'] : [])];
  const against = others.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (against !== undefined) {
    throw new GreedynasError('usage', `${mode} is of a search that has ended: give it without --${against}`);
  }
  const { listSearch, pickSubnets } = await import('../search/pick-subnets.ts');
  const { pickSummary, searchListing } = await import('../report/search-list.ts');
  const notice = noticeWriter(surroundings);
  const wanted = {
    root: surroundings.checkpoints,
    run: textFlag(flags, 'run'),
    name: textFlag(flags, 'name') ?? null,
    notice,
  };
  if (pick === undefined) {
    const listed = await listSearch(wanted);
    printResult(surroundings, flags, listed, searchListing(listed));
    return 0;
  }
  const directory = requiredText(flags, 'data');
  const signals = surroundings.watchSignals((signal) =>
    notice(`\n${signal}: finishing the subnet; once more ends at once`),
  );
  try {
    const outcome = await pickSubnets({
      ...wanted,
      pick,
      surroundings: {
        loadData: (request) => surroundings.loadData(request, directory, notice),
        cutSubnet: surroundings.cutSubnet,
        interrupted: () => signals.received !== null,
      },
    });
    if (outcome.interrupted) {
      notice(`stopped after ${outcome.subnets.length} subnets: the same command goes on`);
      return signalExitCode(signals.received ?? 'SIGINT');
    }
    printResult(surroundings, flags, outcome, pickSummary(outcome));
    return 0;
  } finally {
    signals.stop();
  }
}
