/** Picks a config by what --data points to, and says so: images by class train without another flag. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { detectFolder } from '../data/detect-folder.ts';
import { GreedynasError } from '../errors.ts';
import { defaultDataDirectory } from './command.ts';

export interface ChosenConfig {
  /** A YAML file; null: the default of the command. */
  readonly config: string | null;
  /** `key=value` each; those of the user go after them. */
  readonly overrides: readonly string[];
}

/** Images at most this large are trained on as Tiny ImageNet's are, at 64 pixels. */
const largestSmallSide = 96;

const configFile = (name: string): string => fileURLToPath(new URL(`../../configs/${name}`, import.meta.url));

/**
 * The config of the user stays; without one, images of at most 96 pixels get configs/tiny-imagenet.yaml, larger ones configs/greedynas-7x21-imagenet.yaml. Classes and
 * place of the images are taken from what is there. A folder without images by class is where CIFAR-10 lies, or is fetched to if a config is named.
 *
 * @throws GreedynasError `usage` for a place that is neither
 */
export async function chooseByData(options: {
  readonly directory: string;
  readonly config: string | null;
  readonly resume: boolean;
  readonly notice: (line: string) => void;
}): Promise<ChosenConfig> {
  const { directory, config, resume, notice } = options;
  if (directory === defaultDataDirectory) return { config, overrides: [] };
  const found = await detectFolder(directory);
  if (found === null) {
    if (config === null && !resume) await requireDataSets(directory);
    return { config, overrides: [] };
  }
  const folder = [`data.folder=${JSON.stringify(resolve(directory))}`];
  if (resume) return { config, overrides: folder };
  const chosen =
    config ?? configFile(found.shorterSide <= largestSmallSide ? 'tiny-imagenet.yaml' : 'greedynas-7x21-imagenet.yaml');
  const size = `images of about ${found.shorterSide} pixels`;
  notice(`${directory}: ${found.description}, ${found.classes} classes, ${size}; config: ${chosen}`);
  const overrides = ['data.dataset=folder', ...folder, `space.classes=${found.classes}`];
  return { config: chosen, overrides };
}

/** Whoever names a folder means what is in it: without a config nothing else is trained on in silence. */
async function requireDataSets(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => null);
  if (found?.isDirectory() && (await stat(join(directory, 'cifar10')).catch(() => null))?.isDirectory()) return;
  const problem =
    found === null
      ? 'nothing is there'
      : found.isDirectory()
        ? 'there are no images by class in it'
        : `a file; if it is an archive of images by class, run "greedynas prepare ${directory} <folder>" and name that folder`;
  throw new GreedynasError(
    'usage',
    `--data ${directory}: ${problem}. Allowed: a folder that "greedynas prepare" made; a folder with train/<class>/ or <class>/ of JPEG or PNG images; a folder with cifar10/ in it (to have CIFAR-10 fetched to another place, name its config as well)`,
  );
}
