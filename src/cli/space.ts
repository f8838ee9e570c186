/** `greedynas space`: what a search space holds, layer by layer, and what its paths cost. */
import type { RunConfig } from '../config/schema.ts';
import { GreedynasError } from '../errors.ts';
import type { RecognisedNetwork } from '../space/recognise.ts';
import type { Space } from '../space/space.ts';
import { type Command, type Flags, flag, listFlag, switchFlag, textFlag, wordsOf } from './command.ts';
import { defaultConfig } from './defaults.ts';
import { noticeWriter, printResult } from './output.ts';
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
    measure: { type: 'boolean', describe: 'measure how long each operation takes on this device' },
    out: { type: 'string', requiresArg: true, describe: 'of --measure: write the latency table into this file' },
    batch: { type: 'string', requiresArg: true, describe: 'of --measure: images at once; default 1' },
    repeats: { type: 'string', requiresArg: true, describe: 'of --measure: rounds whose median counts; default 50' },
    svg: { type: 'string', requiresArg: true, describe: 'of describe: draw the network into this file' },
    'latency-table': {
      ...flag['latency-table'],
      describe: `of describe: ${flag['latency-table'].describe}`,
    },
    'latency-device': flag['latency-device'],
  },
  examples: [
    ['greedynas space --preset mobilenet-7', "the paper's space at 224 px"],
    ['greedynas space --config configs/cifar10.yaml --set space.width=0.5', 'the space of a config with a change'],
    ['greedynas space --config configs/cifar10.yaml --measure --out here.yaml', 'a table for search --latency-table'],
    ['greedynas space describe GreedyNAS-B --svg b.svg', 'a published network, and its drawing'],
    ['greedynas space describe checkpoints/default/subnets/12M-1', 'a subnet that a search cut out'],
    ['greedynas space describe GreedyNAS-B --latency-table here.yaml', 'with the latency of each layer'],
    ['greedynas space describe e3k3 skip e6k5 skip skip e6k5 e3k3 skip', 'a genotype; the space is recognised from it'],
  ],
  files: [
    'Writes the files of --out and --svg, and nothing else. --measure takes threads and oneDNN from the engine',
    'section of the config, and wants a quiet machine.',
  ].join('\n'),
  async run(flags, surroundings) {
    const [word, ...rest] = wordsOf(flags);
    if (word === 'describe') return describe(rest.join(' '), flags, surroundings);
    if (word !== undefined) {
      throw new GreedynasError('usage', `space does not take "${word}", allowed: describe GENOTYPE|SUBNET, or nothing`);
    }
    const ofNetwork = ['svg', 'latency-table', 'latency-device'].find((name) => textFlag(flags, name) !== undefined);
    if (ofNetwork !== undefined) {
      throw new GreedynasError(
        'usage',
        `--${ofNetwork} is of one network: greedynas space describe GENOTYPE|SUBNET --${ofNetwork} …`,
      );
    }
    const { buildSpace } = await import('../space/presets.ts');
    const { describeSpace, spaceSummary } = await import('../report/space-summary.ts');
    const options = await chosenSpace(flags);
    const space = buildSpace(options ?? (await configuredSpace(defaultConfig, [])));
    if (switchFlag(flags, 'measure')) return measure(space, flags, surroundings);
    const stray = ['out', 'batch', 'repeats'].find((name) => textFlag(flags, name) !== undefined);
    if (stray !== undefined) throw new GreedynasError('usage', `--${stray} goes with --measure`);
    const description = describeSpace(space);
    printResult(surroundings, flags, description, spaceSummary(description));
    return 0;
  },
};

/** `space --measure`: the latency table of a space on this device, and how well its sums agree with whole networks. */
async function measure(space: Space, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { loadConfig } = await import('../config/load.ts');
  const { formatOwnTable } = await import('../space/latency-own.ts');
  const { describeMeasurement, measurementSummary } = await import('../report/latency-summary.ts');
  const { writeDurably } = await import('../storage/durable.ts');
  const overrides = listFlag(flags, 'set');
  const { engine, seed } = loadConfig({ file: textFlag(flags, 'config') ?? defaultConfig, overrides });
  const batch = countFlag(flags, 'batch', 1);
  const repeats = countFlag(flags, 'repeats', 50);
  const notice = noticeWriter(surroundings);
  notice(`measuring ${space.name} at ${space.resolution} px, batch ${batch}, ${repeats} rounds after ${warmupRounds}`);
  const { measured, device } = await surroundings.measureLatency(space, {
    engine,
    batch,
    repeats,
    warmup: warmupRounds,
    seed,
  });
  const facts = { ...device, batch, warmup: warmupRounds, repeats };
  const out = textFlag(flags, 'out') ?? null;
  if (out !== null) await writeDurably(out, formatOwnTable(space, measured.latency, facts));
  const description = describeMeasurement(space, measured, facts, out);
  printResult(surroundings, flags, description, measurementSummary(description));
  return 0;
}

/** The first compiles, the others warm caches and clocks up. */
const warmupRounds = 5;

function countFlag(flags: Flags, name: string, standard: number): number {
  const text = textFlag(flags, name);
  if (text === undefined) return standard;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new GreedynasError('usage', `--${name} ${JSON.stringify(text)}, allowed: a whole number from 1 to 99999`);
}

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
  const description = describeNetwork(await withTable(space, flags, noticeWriter(surroundings)), path, name);
  const svg = textFlag(flags, 'svg');
  if (svg !== undefined) {
    const { drawNetwork } = await import('../report/network-drawing.ts');
    const { writeDurably } = await import('../storage/durable.ts');
    await writeDurably(svg, drawNetwork(description));
  }
  printResult(surroundings, flags, description, networkTable(description));
  return 0;
}

/** The space with the latencies of --latency-table; without it as it is. */
async function withTable(space: Space, flags: Flags, notice: (line: string) => void): Promise<Space> {
  const file = textFlag(flags, 'latency-table');
  const device = textFlag(flags, 'latency-device') ?? null;
  if (file === undefined) {
    if (device === null) return space;
    throw new GreedynasError('usage', '--latency-device chooses from the table of --latency-table: give that too');
  }
  const { readLatencyTable } = await import('../space/latency-table.ts');
  const { withLatency } = await import('../space/latency.ts');
  const { latency, notes } = await readLatencyTable(file, space, device);
  for (const note of notes) notice(note);
  return withLatency(space, latency);
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
