/** `greedynas space`: what a search space holds, layer by layer, and what its paths cost. */
import { GreedynasError } from '../errors.ts';
import type { SpaceOptions } from '../space/presets.ts';
import { type Command, defaultConfig, flag, listFlag, textFlag } from './command.ts';
import { printResult } from './output.ts';

export const spaceCommand: Command = {
  name: 'space',
  summary: 'Show a search space: its layers, number of paths, and range of FLOPs and parameters.',
  flags: {
    config: { ...flag.config, describe: 'YAML config whose space to show' },
    preset: {
      type: 'string',
      requiresArg: true,
      describe: 'name of a space instead: mobilenet-7, mobilenet-13-se, nas-bench-macro',
    },
    set: flag.set,
  },
  examples: [
    ['greedynas space --preset mobilenet-7', "the paper's space at 224 px"],
    ['greedynas space --config configs/cifar10.yaml --set space.width=0.5', 'the space of a config with a change'],
  ],
  files: 'Writes nothing.',
  async run(flags, surroundings) {
    const { buildSpace } = await import('../space/presets.ts');
    const { describeSpace, spaceSummary } = await import('../report/space-summary.ts');
    const preset = textFlag(flags, 'preset');
    const config = textFlag(flags, 'config');
    const overrides = listFlag(flags, 'set');
    if (preset !== undefined && (config !== undefined || overrides.length > 0)) {
      throw new GreedynasError(
        'usage',
        '--preset shows a space as the papers have it: give it alone, or --config with --set',
      );
    }
    const options = preset === undefined ? await configuredSpace(config ?? defaultConfig, overrides) : { preset };
    const space = buildSpace(options);
    const description = describeSpace(space);
    printResult(surroundings, flags, description, spaceSummary(description));
    return 0;
  },
};

async function configuredSpace(file: string, overrides: string[]): Promise<SpaceOptions> {
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig({ file, overrides }).space;
}
