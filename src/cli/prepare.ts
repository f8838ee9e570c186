/** `greedynas prepare`: images by class into TFRecord shards with an index, for training from files. */
import { GreedynasError } from '../errors.ts';
import { type Command, type Flags, requiredText, textFlag, wordsOf } from './command.ts';
import { noticeWriter, printResult } from './output.ts';
import { signalExitCode } from './signals.ts';

export const prepareCommand: Command = {
  name: 'prepare',
  summary: 'Prepare images by class for training: TFRecord shards with an index.',
  words: 'SOURCE OUT',
  flags: {
    'shorter-side': {
      type: 'string',
      requiresArg: true,
      default: '256',
      describe: 'pixels that the shorter side is reduced to (never enlarged), or keep',
    },
    quality: { type: 'string', requiresArg: true, default: '90', describe: 'of JPEGs that are written anew, 1 to 100' },
    shards: { type: 'string', requiresArg: true, describe: 'files of the training images; default: about 128 MB each' },
    'hold-out': {
      type: 'string',
      requiresArg: true,
      default: '0',
      describe: 'training images of each class set apart for ranking and search',
    },
    seed: { type: 'string', requiresArg: true, default: '42', describe: 'of the order and of what is held out' },
    'val-labels': {
      type: 'string',
      requiresArg: true,
      describe: 'list with the classes of a flat val folder, in SOURCE',
    },
    'on-corrupt': {
      type: 'string',
      requiresArg: true,
      choices: ['fail', 'skip'],
      default: 'fail',
      describe: 'what an image that cannot be used does',
    },
  },
  examples: [
    ['greedynas prepare /imagenet data/imagenet --hold-out 50', "ImageNet, the paper's 50 held-out images a class"],
    ['greedynas prepare tiny-imagenet-200 data/tiny --shorter-side keep', 'Tiny ImageNet, its bytes unchanged'],
    ['greedynas prepare photos.tar data/photos --on-corrupt skip', 'an archive of folders by class'],
  ],
  files: [
    'SOURCE: train/<class>/ and val/<class>/, or <class>/ alone, or a flat val/ with its list; a folder or a tar archive.',
    'Writes OUT/: train-*.tfrecord (tf.train.Example), train.index, heldout and test likewise, dataset.json last.',
    'Ctrl-C stops; the same command goes on.',
  ].join('\n'),
  async run(flags, surroundings) {
    const { prepareImages } = await import('../data/prepare.ts');
    const { createPrepareProgress, prepareSummary } = await import('../report/prepare-summary.ts');
    const [source, out, ...more] = wordsOf(flags);
    if (source === undefined || out === undefined || more.length > 0) {
      throw new GreedynasError('usage', 'prepare takes two words: greedynas prepare SOURCE OUT. See --help.');
    }
    const notice = noticeWriter(surroundings);
    const side = requiredText(flags, 'shorter-side');
    const signals = surroundings.watchSignals((signal) => notice(`\n${signal}: stopping; once more ends at once`));
    try {
      const result = await prepareImages(
        source,
        out,
        {
          shorterSide: side === 'keep' ? null : integerFlag(flags, 'shorter-side', 8, 65_535, ', or keep'),
          quality: integerFlag(flags, 'quality', 1, 100),
          shards: textFlag(flags, 'shards') === undefined ? null : integerFlag(flags, 'shards', 1, 65_535),
          heldOutPerClass: integerFlag(flags, 'hold-out', 0, 1_000_000),
          seed: integerFlag(flags, 'seed', 0, 2 ** 31 - 1),
          onCorrupt: requiredText(flags, 'on-corrupt') === 'skip' ? 'skip' : 'fail',
          validationList: textFlag(flags, 'val-labels') ?? null,
        },
        {
          notice,
          interrupted: () => signals.received !== null,
          onProgress: createPrepareProgress({ clock: surroundings.clock, line: notice }),
        },
      );
      printResult(surroundings, flags, result, prepareSummary(result));
      return result.end === 'signal' && signals.received !== null ? signalExitCode(signals.received) : 0;
    } finally {
      signals.stop();
    }
  },
};

function integerFlag(flags: Flags, name: string, least: number, most: number, also = ''): number {
  const text = requiredText(flags, name);
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new GreedynasError('usage', `--${name} ${text}, allowed: a whole number from ${least} to ${most}${also}`);
}
