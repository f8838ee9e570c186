/** `greedynas space`: what a search space holds, layer by layer, and what its paths cost. */
import type { RunConfig } from '../config/schema.ts';
import { GreedynasError } from '../errors.ts';
import type { RecognisedNetwork } from '../space/recognise.ts';
import { type Command, defaultConfig, type Flags, flag, listFlag, textFlag, wordsOf } from './command.ts';
import { printResult } from './output.ts';
import type { Surroundings } from './surroundings.ts';

export const spaceCommand: Command = {
  name: 'space',
  summary: 'Show a search space, or describe one network: its blocks, FLOPs and parameters.',
  words: '[describe GENOTYPE|SUBNET]',
  flags: {
    config: { ...flag.config, describe: 'YAML config whose space to show' },
    preset: {
      type: 'string',
      requiresArg: true,
      describe: 'name of a space instead: mobilenet-7, mobilenet-13-se, nas-bench-macro',
    },
    set: flag.set,
    svg: { type: 'string', requiresArg: true, describe: 'of describe: draw the network into this file' },
  },
  examples: [
    ['greedynas space --preset mobilenet-7', "the paper's space at 224 px"],
    ['greedynas space --config configs/cifar10.yaml --set space.width=0.5', 'the space of a config with a change'],
    ['greedynas space describe GreedyNAS-B --svg b.svg', 'a published network, and its drawing'],
    ['greedynas space describe checkpoints/default/subnets/12M-1', 'a subnet that a search cut out'],
    ['greedynas space describe e3k3 skip e6k5 skip skip e6k5 e3k3 skip', 'a genotype; the space is recognised from it'],
  ],
  files: 'Writes the file of --svg, and nothing else.',
  async run(flags, surroundings) {
    const [word, ...rest] = wordsOf(flags);
    if (word === 'describe') return describe(rest.join(' '), flags, surroundings);
    if (word !== undefined) {
      throw new GreedynasError('usage', `space does not take "${word}", allowed: describe GENOTYPE|SUBNET, or nothing`);
    }
    if (textFlag(flags, 'svg') !== undefined) {
      throw new GreedynasError('usage', '--svg draws one network: greedynas space describe GENOTYPE|SUBNET --svg file');
    }
    const { buildSpace } = await import('../space/presets.ts');
    const { describeSpace, spaceSummary } = await import('../report/space-summary.ts');
    const options = await chosenSpace(flags);
    const space = buildSpace(options ?? (await configuredSpace(defaultConfig, [])));
    const description = describeSpace(space);
    printResult(surroundings, flags, description, spaceSummary(description));
    return 0;
  },
};

/** `space describe`: the table of a network that is a genotype, a published name, or a subnet's folder; and its drawing. */
async function describe(network: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { describeNetwork, networkTable } = await import('../report/path-table.ts');
  if (network === '') {
    throw new GreedynasError(
      'usage',
      'space describe needs a network: a genotype, a published name such as GreedyNAS-B, or the folder of a subnet',
    );
  }
  const { space, path, name } = await findNetwork(network, flags);
  const description = describeNetwork(space, path, name);
  const svg = textFlag(flags, 'svg');
  if (svg !== undefined) {
    const { drawNetwork } = await import('../report/network-drawing.ts');
    const { writeDurably } = await import('../storage/durable.ts');
    await writeDurably(svg, drawNetwork(description));
  }
  printResult(surroundings, flags, description, networkTable(description));
  return 0;
}

type DescribedNetwork = Pick<RecognisedNetwork, 'name' | 'space' | 'path'>;

async function findNetwork(network: string, flags: Flags): Promise<DescribedNetwork> {
  const { existsSync } = await import('node:fs');
  const options = await chosenSpace(flags);
  if (existsSync(network)) {
    const { readSubnet } = await import('../supernet/subnet.ts');
    const { networkIn } = await import('../space/recognise.ts');
    if (options !== null) {
      throw new GreedynasError('usage', 'a subnet has its own space: leave out --preset, --config and --set');
    }
    const subnet = await readSubnet(network);
    return { ...networkIn(subnet.space, subnet.path), name: network };
  }
  const { networkIn, recogniseNetwork } = await import('../space/recognise.ts');
  return options === null ? recogniseNetwork(network) : networkIn(options, network);
}

/** The space that the flags name; null where they name none. */
async function chosenSpace(flags: Flags): Promise<SpaceChoice | null> {
  const preset = textFlag(flags, 'preset');
  const config = textFlag(flags, 'config');
  const overrides = listFlag(flags, 'set');
  if (preset !== undefined) {
    if (config !== undefined || overrides.length > 0) {
      throw new GreedynasError(
        'usage',
        '--preset shows a space as the papers have it: give it alone, or --config with --set',
      );
    }
    const { requirePreset } = await import('../space/presets.ts');
    return { preset: requirePreset(preset) };
  }
  if (config === undefined && overrides.length === 0) return null;
  return configuredSpace(config ?? defaultConfig, overrides);
}

type SpaceChoice = Pick<RunConfig['space'], 'preset'> & Partial<RunConfig['space']>;

async function configuredSpace(file: string, overrides: string[]): Promise<SpaceChoice> {
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig({ file, overrides }).space;
}
