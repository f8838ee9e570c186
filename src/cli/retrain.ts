/** `greedynas retrain`: trains one fixed network, from a subnet's weights or from scratch. */
import { type Command, flag, listFlag, requiredText, switchFlag, textFlag } from './command.ts';
import { defaultRetrainConfig } from './defaults.ts';
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
      describe: "YAML config; default: one of configs/retrain that fits the images, with --resume the run's own",
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
    ['greedynas retrain --subnet GreedyNAS-B --data data/imagenet', "a published network, by its authors' recipe"],
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
    const { chooseRetrainByData } = await import('./choose-config.ts');
    const { retrainSummary } = await import('../report/retrain-summary.ts');
    const { clock, stderr } = surroundings;
    const notice = noticeWriter(surroundings);
    const directory = requiredText(flags, 'data');
    const init = textFlag(flags, 'init');
    const resume = switchFlag(flags, 'resume');
    const subnet = textFlag(flags, 'subnet') ?? null;
    const config = textFlag(flags, 'config') ?? null;
    const chosen = await chooseRetrainByData({ directory, config, resume, subnet, notice });
    const signals = surroundings.watchSignals((signal) =>
      notice(`\n${signal}: finishing the update and saving; once more ends at once`),
    );
    try {
      const outcome = await retrainInFolder({
        root: join(surroundings.checkpoints, 'retrain'),
        name: textFlag(flags, 'run') ?? null,
        resume,
        subnet,
        init: init === 'supernet' || init === 'scratch' ? init : null,
        configFile: chosen.config,
        defaultConfigFile: defaultRetrainConfig,
        overrides: [...chosen.overrides, ...listFlag(flags, 'set')],
        surroundings: {
          clock,
          notice,
          loadData: (request) => surroundings.loadData(request, directory, notice),
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
