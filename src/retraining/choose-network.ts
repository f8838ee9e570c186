/** The network that a user wants retrained: a subnet's folder, a genotype, a published name. */
import { existsSync } from 'node:fs';
import type { RetrainConfig } from '../config/retrain-schema.ts';
import { dataSets } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import { detectFolder } from '../data/detect-folder.ts';
import { GreedynasError } from '../errors.ts';
import { formatGenotype } from '../space/genotype.ts';
import { spacePresets, tableDepths } from '../space/presets.ts';
import { recogniseNetwork } from '../space/recognise.ts';
import { readSubnet, type SubnetDescription } from '../supernet/subnet.ts';
import type { RetrainedNetwork } from './network-file.ts';

/** A network whose colours may not be known before the data set is read. */
export type ChosenNetwork = Omit<RetrainedNetwork, 'mean' | 'deviation'> & {
  readonly colours: Pick<RetrainedNetwork, 'mean' | 'deviation'> | null;
};

/** @throws GreedynasError `usage` for what is no network, `io` for a damaged subnet */
export async function chooseNetwork(
  subnet: string,
  init: 'supernet' | 'scratch' | null,
  config: RetrainConfig,
): Promise<ChosenNetwork> {
  if (existsSync(subnet)) {
    const { path, space, mean, deviation } = await readSubnet(subnet);
    return { path, space, name: null, from: init === 'scratch' ? null : subnet, colours: { mean, deviation } };
  }
  const { name, preset, space, path } = recogniseNetwork(subnet);
  if (init === 'supernet') {
    throw new GreedynasError(
      'usage',
      `--init supernet: ${JSON.stringify(subnet.slice(0, 80))} has no weights, allowed: --init scratch, or --subnet with the folder of a subnet`,
    );
  }
  const { resolution, classes } = await sizesOf(config);
  return {
    path: formatGenotype(space, path),
    space: {
      preset,
      resolution,
      classes,
      width: 1,
      strides: [...spacePresets[preset].strides],
      depths: tableDepths(spacePresets[preset]),
    },
    name,
    from: null,
    colours: null,
  };
}

/** What a network given by name sees and tells: what the images are, or what the config says. */
async function sizesOf({ data }: RetrainConfig): Promise<{ resolution: number; classes: number }> {
  const usual = dataSets[data.dataset];
  if (data.dataset !== 'folder') return usual;
  const found = data.folder === null ? null : await detectFolder(data.folder);
  return { resolution: data.resolution ?? usual.resolution, classes: found?.classes ?? usual.classes };
}

/** Throws a usage error where the network takes other images, or tells other classes, than the data set has. */
export function requireFitting(
  { resolution, classes }: Pick<SubnetDescription['space'], 'resolution' | 'classes'>,
  data: DataSet,
): DataSet {
  const { name, train, classes: names } = data;
  const [width, height] = 'names' in train ? [train.resolution, train.resolution] : [train.width, train.height];
  if (width !== resolution || height !== resolution || names.length !== classes) {
    throw new GreedynasError(
      'usage',
      `the network takes images of ${resolution} x ${resolution} px and tells ${classes} classes, data set ${name} has ${width} x ${height} px and ${names.length} classes: choose a subnet that was searched on it`,
    );
  }
  return data;
}
