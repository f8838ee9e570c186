/** Picks a config by what --data points to, and says so: images by class train without another flag. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { detectFolder } from '../data/detect-folder.ts';
import { GreedynasError } from '../errors.ts';
import { formatGenotype } from '../space/genotype.ts';
import { recogniseNetwork } from '../space/recognise.ts';
import { readSubnet } from '../supernet/subnet.ts';
import { defaultDataDirectory } from './defaults.ts';

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

/**
 * The same for a retraining: without `--data` the images are those that the subnet's supernet was trained on. Images of at most 96
 * pixels get configs/retrain/tiny-imagenet.yaml, larger ones configs/retrain/imagenet.yaml, or se-imagenet.yaml for networks with
 * squeeze-and-excite. What was held out from the supernet stays held out.
 *
 * @param subnet as the user names it; null on resume
 */
export async function chooseRetrainByData(options: {
  readonly directory: string;
  readonly config: string | null;
  readonly resume: boolean;
  readonly subnet: string | null;
  readonly notice: (line: string) => void;
}): Promise<ChosenConfig> {
  const { config, resume, subnet, notice } = options;
  const origin = resume || subnet === null || !existsSync(subnet) ? null : (await readSubnet(subnet)).origin;
  const named = options.directory !== defaultDataDirectory;
  const directory = named ? options.directory : (origin?.folder ?? null);
  if (directory === null) return { config, overrides: [] };
  const found = await detectFolder(directory);
  if (found === null) {
    if (config === null && !resume) await requireDataSets(directory);
    return { config, overrides: [] };
  }
  const folder = [`data.folder=${JSON.stringify(resolve(directory))}`];
  if (resume) return { config, overrides: folder };
  const large = subnet !== null && (await hasSqueezeExcite(subnet)) ? 'se-imagenet.yaml' : 'imagenet.yaml';
  const chosen =
    config ?? configFile(`retrain/${found.shorterSide <= largestSmallSide ? 'tiny-imagenet.yaml' : large}`);
  notice(
    `${directory}: ${found.description}, ${found.classes} classes, images of about ${found.shorterSide} pixels; config: ${chosen}`,
  );
  const division =
    origin?.dataset === 'folder'
      ? [`data.validationImages=${origin.heldOut}`, `seed=${origin.seed}`]
      : found.heldOut === null
        ? []
        : [`data.validationImages=${found.heldOut}`];
  return { config: chosen, overrides: ['data.dataset=folder', ...folder, ...division] };
}

async function hasSqueezeExcite(subnet: string): Promise<boolean> {
  if (existsSync(subnet)) return / ?\w+se\b/.test((await readSubnet(subnet)).path);
  const { space, path } = recogniseNetwork(subnet);
  return / ?\w+se\b/.test(formatGenotype(space, path));
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
