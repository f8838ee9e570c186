/** `greedynas evaluate`: how good a subnet that was cut out is, on held-out or on test images. */
import { type Command, flag, requiredText } from './command.ts';
import { noticeWriter, printResult } from './output.ts';

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: 'Evaluate a subnet as the fixed network that it is.',
  flags: {
    subnet: flag.subnet,
    split: {
      type: 'string',
      requiresArg: true,
      choices: ['validation', 'test'],
      default: 'validation',
      describe: 'images: those of the search, or the test set, which nothing else reads',
    },
    data: flag.data,
  },
  examples: [
    ['greedynas evaluate --subnet checkpoints/default/subnets/330M-1', "the search's loss again, on its images"],
    [
      'greedynas evaluate --subnet checkpoints/default/subnets/330M-1 --split test --json',
      'on the test set, for scripts',
    ],
  ],
  files: 'Reads the folder of the subnet and the data set. Writes nothing.',
  async run(flags, surroundings) {
    const { evaluationSummary } = await import('../report/evaluation-summary.ts');
    const directory = requiredText(flags, 'data');
    const result = await surroundings.evaluateSubnet({
      directory: requiredText(flags, 'subnet'),
      split: requiredText(flags, 'split') === 'test' ? 'test' : 'validation',
      loadData: (request) => surroundings.loadData(request, directory, noticeWriter(surroundings)),
    });
    printResult(surroundings, flags, result, evaluationSummary(result));
    return 0;
  },
};
