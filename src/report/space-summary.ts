/** A search space as a table of its layers, with what its cheapest and its most expensive path cost. */
import { type CostTable, costTable, flopsRange, formatFlops, pathCount } from '../space/cost.ts';
import { operationToken } from '../space/genotype.ts';
import type { Space } from '../space/space.ts';
import { formatCount } from './format.ts';
import { formatTable } from './table.ts';

export interface SpaceDescription {
  readonly space: string;
  readonly resolution: number;
  readonly classes: number;
  readonly layers: readonly {
    readonly name: string;
    readonly inChannels: number;
    readonly outChannels: number;
    readonly stride: number;
    readonly operations: readonly string[];
    /** FLOPs of the layer's cheapest and most expensive operation. */
    readonly flops: readonly [number, number];
  }[];
  /** Decimal digits: there are more paths than a number of JavaScript counts exactly. */
  readonly paths: string;
  readonly flops: { readonly smallest: number; readonly largest: number };
  readonly params: { readonly smallest: number; readonly largest: number };
}

function paramsRange({ fixedParams, layers }: CostTable): { smallest: number; largest: number } {
  const sum = (choose: (...values: number[]) => number) =>
    layers.reduce((total, layer) => total + choose(...layer.params), fixedParams);
  return { smallest: sum(Math.min), largest: sum(Math.max) };
}

export function describeSpace(space: Space): SpaceDescription {
  const table = costTable(space);
  return {
    space: space.name,
    resolution: space.resolution,
    classes: space.classes,
    layers: space.layers.map(({ name, inChannels, outChannels, stride, operations }, index) => {
      const flops = table.layers[index]!.flops;
      return {
        name,
        inChannels,
        outChannels,
        stride,
        operations: operations.map(operationToken),
        flops: [Math.min(...flops), Math.max(...flops)],
      };
    }),
    paths: String(pathCount(space)),
    flops: flopsRange(table),
    params: paramsRange(table),
  };
}

export function spaceSummary(description: SpaceDescription): string {
  const { flops, params, paths } = description;
  const table = formatTable(
    [
      { title: 'layer' },
      { title: 'channels', align: 'right' },
      { title: 'stride', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'operations' },
    ],
    description.layers.map((layer) => [
      layer.name,
      `${layer.inChannels} -> ${layer.outChannels}`,
      String(layer.stride),
      `${formatFlops(layer.flops[0])} - ${formatFlops(layer.flops[1])}`,
      layer.operations.join(' '),
    ]),
  );
  return [
    `${description.space}: ${description.resolution} x ${description.resolution} px, ${description.classes} classes`,
    '',
    table,
    '',
    `Paths: ${paths}${paths.length > 6 ? ` (${Number(paths).toExponential(2)})` : ''}`,
    `FLOPs: ${flops.smallest} (${formatFlops(flops.smallest)}) to ${flops.largest} (${formatFlops(flops.largest)})`,
    `Parameters: ${params.smallest} (${formatCount(params.smallest)}) to ${params.largest} (${formatCount(params.largest)})`,
  ].join('\n');
}
