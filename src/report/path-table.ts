/** One network, block by block: operation, resolution, channels, FLOPs and parameters, with totals. */
import { describePath, formatFlops, type PathRow, pathFlops, pathParams } from '../space/cost.ts';
import { formatGenotype } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { formatCount } from './format.ts';
import { formatTable } from './table.ts';

export interface NetworkDescription {
  /** A published name, a subnet's folder, or null. */
  readonly name: string | null;
  readonly space: string;
  /** The genotype. */
  readonly path: string;
  readonly resolution: number;
  readonly classes: number;
  readonly rows: readonly PathRow[];
  readonly flops: number;
  readonly params: number;
}

export function describeNetwork(space: Space, path: Path, name: string | null): NetworkDescription {
  return {
    name,
    space: space.name,
    path: formatGenotype(space, path),
    resolution: space.resolution,
    classes: space.classes,
    rows: describePath(space, path),
    flops: pathFlops(space, path),
    params: pathParams(space, path),
  };
}

/** The table as text. Sides and channels are those of a block's output. */
export function networkTable(description: NetworkDescription): string {
  const { rows, flops, params, name, space, resolution, classes, path } = description;
  const table = formatTable(
    [
      { title: 'block' },
      { title: 'operation' },
      { title: 'stride', align: 'right' },
      { title: 'output', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'params', align: 'right' },
    ],
    [
      ...rows.map((row) => [
        row.name,
        row.token,
        String(row.stride),
        `${row.resolution} x ${row.resolution} x ${row.outChannels}`,
        formatFlops(row.flops),
        `${((100 * row.flops) / flops).toFixed(1)} %`,
        formatCount(row.params),
      ]),
      ['total', '', '', '', formatFlops(flops), '100.0 %', formatCount(params)],
    ],
  );
  return [
    `${name === null ? '' : `${name}: `}${space}, ${resolution} x ${resolution} px, ${classes} classes`,
    '',
    table,
    '',
    `FLOPs: ${flops}; parameters: ${params}`,
    `Genotype: ${path}`,
  ].join('\n');
}
