/** The network that a user wants retrained: a subnet's folder, a genotype, a published name. */
import { existsSync } from 'node:fs';
import type { RetrainConfig } from '../config/retrain-schema.ts';
import { dataSets } from '../config/schema.ts';
import type { DataSet, ImageSet } from '../data/dataset.ts';
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
  const { resolution, classes } = dataSets[config.data.dataset];
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

/** Throws a usage error where images lie in files, or where the network takes other images, or tells other classes, than the data set has. */
export function requireFitting(
  { resolution, classes }: Pick<SubnetDescription['space'], 'resolution' | 'classes'>,
  data: DataSet,
): DataSet<ImageSet> {
  const { name, train, validation, classes: names } = data;
  if ('names' in train || 'names' in validation) {
    throw new GreedynasError('usage', `data.dataset: ${name} lies in files, allowed: a data set in memory, cifar10`);
  }
  if (train.width !== resolution || train.height !== resolution || names.length !== classes) {
    throw new GreedynasError(
      'usage',
      `the network takes images of ${resolution} x ${resolution} px and tells ${classes} classes, data set ${name} has ${train.width} x ${train.height} px and ${names.length} classes: choose a subnet that was searched on it`,
    );
  }
  // The check above narrows the parts that are here; `loadTest` gives images of the same kind.
  return data as DataSet<ImageSet>;
}
