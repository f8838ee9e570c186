/** `greedynas train-supernet`: trains a supernet in a run folder, from the beginning or from where it was. */
import {
  type Command,
  countFlag,
  type Flags,
  flag,
  listFlag,
  requiredText,
  switchFlag,
  textFlag,
  wordsFor,
} from './command.ts';
import { defaultConfig } from './defaults.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';
import { supervise } from './supervisor.ts';
import type { Surroundings } from './surroundings.ts';

export const trainSupernetCommand: Command = {
  name: 'train-supernet',
  summary: 'Train a weight-sharing supernet with GreedyNAS.',
  flags: {
    config: { ...flag.config, describe: "YAML config; default: configs/cifar10.yaml, with --resume the run's own" },
    data: flag.data,
    run: { ...flag.run, default: 'default' },
    set: flag.set,
    resume: { type: 'boolean', describe: 'go on from the newest whole checkpoint of the run' },
    restarts: {
      type: 'string',
      requiresArg: true,
      describe: 'when the process dies, go on by itself, so many times at most; default: 0',
    },
  },
  examples: [
    ['greedynas train-supernet', 'CIFAR-10 on two cores, about 8 minutes'],
    [
      'greedynas train-supernet --run wide --set space.width=0.75 --set seed=7',
      'a run of its own with two keys changed',
    ],
    ['greedynas train-supernet --run wide --resume', 'continue a run that was stopped'],
    ['greedynas train-supernet --run wide --restarts 5', 'go on by itself if the process dies'],
  ],
  files: [
    'Writes checkpoints/<run>/: config.yaml (every key), run.json (versions, engine), metrics.jsonl,',
    'pool.json, latest, and step-<n>/ with the weights and all state.',
    'Ctrl-C finishes the step, saves and exits with 130.',
  ].join('\n'),
  async run(flags, surroundings) {
    const restarts = countFlag(flags, 'restarts');
    if (restarts > 0) return superviseTraining(restarts, flags, surroundings);
    const { trainInFolder } = await import('../training/session.ts');
    const { createProgress } = await import('../report/progress.ts');
    const { trainingSummary } = await import('../report/training-summary.ts');
    const { openTrainingBatches } = await import('../data/training-batches.ts');
    const { chooseByData } = await import('./choose-config.ts');
    const { clock, stderr, interactive } = surroundings;
    const notice = noticeWriter(surroundings);
    const name = requiredText(flags, 'run');
    const directory = requiredText(flags, 'data');
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: finishing the step and saving; once more ends at once`),
    );
    let endProgress = () => {};
    try {
      const config = textFlag(flags, 'config') ?? null;
      const chosen = await chooseByData({ directory, config, resume: switchFlag(flags, 'resume'), notice });
      const result = await trainInFolder({
        root: surroundings.checkpoints,
        name,
        resume: switchFlag(flags, 'resume'),
        configFile: chosen.config,
        defaultConfigFile: defaultConfig,
        overrides: [...chosen.overrides, ...listFlag(flags, 'set')],
        surroundings: {
          clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
          createBatches: (config, data, supernet) =>
            openTrainingBatches({
              data,
              supernet,
              batchSize: config.training.batch,
              seed: config.seed,
              augmentation: config.data,
            }),
          createSupernet: surroundings.createSupernet,
          describeSession: surroundings.describeSession,
          interrupted: () => signals.received !== null,
          onStart: (from, steps) => {
            const progress = createProgress({ out: stderr, interactive, steps, from, clock });
            endProgress = progress.end;
            return progress.report;
          },
        },
      });
      endProgress();
      printResult(surroundings, flags, { run: name, ...result }, trainingSummary(name, result));
      return result.end === 'signal' && signals.received !== null ? signalExitCode(signals.received) : 0;
    } finally {
      endProgress();
      signals.stop();
    }
  },
};

/** Trains in a process of its own, which is started again when it dies. */
async function superviseTraining(restarts: number, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { runDirectory, runExists } = await import('../training/run-folder.ts');
  const { listSteps } = await import('../training/checkpoint.ts');
  const { checkpoints: root, startSelf, onSignals, sleep } = surroundings;
  const name = requiredText(flags, 'run');
  const directory = runDirectory(root, name);
  const words = wordsFor(flags, ['config', 'data', 'run', 'set', 'json']);
  return supervise({
    start: (resume) => startSelf(['train-supernet', ...words, ...(resume ? ['--resume'] : [])]),
    restarts,
    begun: () => runExists(root, name),
    progress: async () => ((await runExists(root, name)) ? ((await listSteps(directory))[0] ?? -1) : -1),
    resume: switchFlag(flags, 'resume'),
    onSignals,
    sleep,
    notice: noticeWriter(surroundings),
  });
}
