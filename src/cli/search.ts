/** `greedynas search`: the best paths of a trained supernet under a FLOPs limit, and their weights. */
import { type Command, flag, listFlag, requiredText, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const searchCommand: Command = {
  name: 'search',
  summary: 'Search a trained supernet for the best paths under a FLOPs limit and cut their weights out.',
  flags: {
    flops: { ...flag.flops, demandOption: true },
    run: { ...flag.run, describe: 'name of the run; default: the one worked on last' },
    name: { type: 'string', requiresArg: true, describe: 'name of the search; default: made of the limit' },
    data: flag.data,
    set: { ...flag.set, describe: "override a key of the run's search settings, as search.key=value" },
  },
  examples: [
    ['greedynas search --flops 330M', 'the newest run, within 330 million multiply-adds'],
    ['greedynas search --flops 0.2G --run wide --set search.generations=40', 'a longer search of another run'],
  ],
  files: [
    'Reads the newest whole checkpoint of checkpoints/<run>/ and its pool. Writes there',
    'search/<name>/search.json and population.jsonl, and subnets/<name>-<n>/.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { searchRun } = await import('../search/run-search.ts');
    const { searchSummary } = await import('../report/search-summary.ts');
    const { createSearchProgress } = await import('../report/search-progress.ts');
    const notice = noticeWriter(surroundings);
    const directory = requiredText(flags, 'data');
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: ending the search; nothing of it is written`),
    );
    const progress = createSearchProgress({
      out: surroundings.stderr,
      interactive: surroundings.interactive,
      clock: surroundings.clock,
    });
    try {
      const found = await searchRun({
        root: surroundings.checkpoints,
        run: textFlag(flags, 'run'),
        flops: requiredText(flags, 'flops'),
        name: textFlag(flags, 'name') ?? null,
        overrides: listFlag(flags, 'set'),
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
      if (found === null) {
        return signalExitCode(signals.received ?? 'SIGINT');
      }
      printResult(surroundings, flags, found.result, searchSummary(found.result));
      return 0;
    } finally {
      progress.end();
      signals.stop();
    }
  },
};
