/** `greedynas retrain`: trains one fixed network, from a subnet's weights or from scratch. */
import { type Command, defaultRetrainConfig, flag, listFlag, requiredText, switchFlag, textFlag } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const retrainCommand: Command = {
  name: 'retrain',
  summary: 'Train a fixed network to the end: a subnet that a search found, or any genotype.',
  flags: {
    subnet: {
      type: 'string',
      requiresArg: true,
      describe: 'folder of a subnet, a genotype, or a published name such as GreedyNAS-B; needed unless --resume',
    },
    init: {
      type: 'string',
      requiresArg: true,
      choices: ['supernet', 'scratch'],
      describe: 'begin with the weights of the subnet, or anew; default: supernet where there are weights',
    },
    config: {
      ...flag.config,
      describe: "YAML config; default: configs/retrain/cifar10.yaml, with --resume the run's own",
    },
    data: flag.data,
    run: {
      ...flag.run,
      describe: "name: its folder is checkpoints/retrain/<run>; default: the subnet's, with --resume the last one",
    },
    set: flag.set,
    resume: { type: 'boolean', describe: 'go on from the newest whole checkpoint' },
  },
  examples: [
    ['greedynas retrain --subnet checkpoints/default/subnets/12M-1', "from the supernet's weights, on CIFAR-10"],
    ['greedynas retrain --subnet checkpoints/default/subnets/12M-1 --init scratch --run anew', 'from scratch'],
    ['greedynas retrain --resume', 'go on with the one worked on last'],
  ],
  files: [
    'Reads the folder of the subnet and the data set. Writes checkpoints/retrain/<run>/: config.yaml, run.json,',
    'network.json (what is trained), metrics.jsonl, latest, step-<n>/ (to resume), and subnets/best/, the weights',
    '(moving averages where the config has them) of the epoch that is best on the held-out images: a subnet for',
    'evaluate and export. Ctrl-C finishes the update, saves and exits with 130.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { join } = await import('node:path');
    const { retrainInFolder } = await import('../retraining/run.ts');
    const { createRetrainProgress } = await import('../report/retrain-progress.ts');
    const { retrainSummary } = await import('../report/retrain-summary.ts');
    const { createTrainingBatches } = await import('../data/batches.ts');
    const { clock, stderr } = surroundings;
    const notice = noticeWriter(surroundings);
    const directory = requiredText(flags, 'data');
    const init = textFlag(flags, 'init');
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: finishing the update and saving; once more ends at once`),
    );
    try {
      const outcome = await retrainInFolder({
        root: join(surroundings.checkpoints, 'retrain'),
        name: textFlag(flags, 'run') ?? null,
        resume: switchFlag(flags, 'resume'),
        subnet: textFlag(flags, 'subnet') ?? null,
        init: init === 'supernet' || init === 'scratch' ? init : null,
        configFile: textFlag(flags, 'config') ?? null,
        defaultConfigFile: defaultRetrainConfig,
        overrides: listFlag(flags, 'set'),
        surroundings: {
          clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
          createBatches: (config, data, partImages) =>
            createTrainingBatches({
              set: data.train,
              batchSize: partImages,
              seed: config.seed,
              augmentation: config.data,
            }),
          createNetwork: surroundings.createRetraining,
          describeSession: surroundings.describeSession,
          interrupted: () => signals.received !== null,
          onStart: (from, steps, stepsPerEpoch) =>
            createRetrainProgress({ out: stderr, steps, stepsPerEpoch, from, clock }),
        },
      });
      printResult(surroundings, flags, outcome, retrainSummary(outcome));
      return outcome.end === 'signal' && signals.received !== null ? signalExitCode(signals.received) : 0;
    } finally {
      signals.stop();
    }
  },
};
