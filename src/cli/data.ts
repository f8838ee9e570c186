/** `greedynas data inspect`: what a data set of images holds, and what training makes of it. */
import { GreedynasError } from '../errors.ts';
import { type Command, requiredText, textFlag, wordsOf } from './command.ts';
import { noticeWriter, printResult } from './output.ts';

export const dataCommand: Command = {
  name: 'data',
  summary: 'Inspect images by class: counts, sizes, colours, broken files, augmented samples.',
  words: 'inspect FOLDER',
  flags: {
    sheet: { type: 'string', requiresArg: true, describe: 'draw 48 augmented training images into this PNG' },
    seed: { type: 'string', requiresArg: true, default: '42', describe: 'of the run whose first crops are drawn' },
  },
  examples: [
    ['greedynas data inspect data/tiny --sheet samples.png', 'a prepared data set, and what the network sees of it'],
    ['greedynas data inspect /imagenet --json', 'a tree of class folders, for scripts'],
  ],
  files: 'Reads every image of FOLDER. Writes the file of --sheet. Exits with 4 if an image is broken.',
  async run(flags, surroundings) {
    const [word, directory, ...more] = wordsOf(flags);
    if (word !== 'inspect' || directory === undefined || more.length > 0) {
      throw new GreedynasError('usage', 'data takes two words: greedynas data inspect FOLDER. See --help.');
    }
    const seedText = requiredText(flags, 'seed');
    const seed = Number(seedText);
    if (!/^\d{1,10}$/.test(seedText) || seed >= 2 ** 31) {
      throw new GreedynasError('usage', `--seed ${seedText}, allowed: a whole number from 0 to ${2 ** 31 - 1}`);
    }
    const { writeFile } = await import('node:fs/promises');
    const { drawContactSheet, inspectFolder } = await import('../data/inspect.ts');
    const { createPrepareProgress } = await import('../report/prepare-summary.ts');
    const { inspectionSummary } = await import('../report/inspection-summary.ts');
    const { explained } = await import('../storage/durable.ts');
    const notice = noticeWriter(surroundings);
    const found = await inspectFolder(directory, createPrepareProgress({ clock: surroundings.clock, line: notice }));
    const sheet = textFlag(flags, 'sheet') ?? null;
    if (sheet !== null) {
      const crop = { area: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
      const png = await drawContactSheet(directory, { seed, crop, flip: true });
      await explained('write', sheet, () => writeFile(sheet, png));
    }
    printResult(surroundings, flags, { ...found, sheet }, inspectionSummary(found, sheet));
    return found.broken.length === 0 ? 0 : 4;
  },
};
