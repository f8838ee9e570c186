/** `greedynas search`: the best paths of a trained supernet under a FLOPs limit, and their weights. */
import { type Command, flag, listFlag, requiredText, switchFlag, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const searchCommand: Command = {
  name: 'search',
  summary: 'Search a trained supernet for the best paths under a FLOPs limit and cut their weights out.',
  flags: {
    flops: { ...flag.flops, describe: `${flag.flops.describe}; needed unless --resume` },
    run: { ...flag.run, describe: 'name of the run; default: the one worked on last' },
    name: { type: 'string', requiresArg: true, describe: 'name of the search; default: made of the limit' },
    data: flag.data,
    set: { ...flag.set, describe: "override a key of the run's search settings, as search.key=value" },
    resume: { type: 'boolean', describe: 'go on with the search that was stopped last, or with --name' },
  },
  examples: [
    ['greedynas search --flops 330M', 'the newest run, within 330 million multiply-adds'],
    ['greedynas search --flops 0.2G --run wide --set search.generations=40', 'a longer search of another run'],
    ['greedynas search --resume', 'go on with the search that was stopped, with its limit and settings'],
    ['greedynas search --resume --run wide --name 200M', 'go on with another one'],
    ['greedynas search --flops 330M --json > found.json', 'what search.json holds, for scripts'],
  ],
  files: [
    'Reads the newest whole checkpoint of checkpoints/<run>/ and its pool. Writes there search/<name>/:',
    'state.json (to resume), population.jsonl and comparison.jsonl (every evaluation), search.json (the',
    'result); and subnets/<name>-<n>/. Ctrl-C finishes the path, saves and exits with 130.',
  ].join('\n'),
  async run(flags, surroundings) {
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
        flops: textFlag(flags, 'flops'),
        name: textFlag(flags, 'name') ?? null,
        overrides: listFlag(flags, 'set'),
        resume: switchFlag(flags, 'resume'),
        surroundings: {
          clock: surroundings.clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
          createSupernet: surroundings.createSupernet,
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
