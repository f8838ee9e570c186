/** One network, block by block: operation, resolution, channels, FLOPs, parameters and, where it is known, latency; with totals. */
import { describePath, formatFlops, type PathRow, pathFlops, pathLatency, pathParams } from '../space/cost.ts';
import { formatGenotype } from '../space/genotype.ts';
import { formatLatency } from '../space/latency.ts';
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
  /** Milliseconds by the latency table: of all, and of what every path has; null without a table. */
  readonly latency: { readonly total: number; readonly fixed: number } | null;
}

export function describeNetwork(space: Space, path: Path, name: string | null): NetworkDescription {
  const total = pathLatency(space, path);
  return {
    name,
    space: space.name,
    path: formatGenotype(space, path),
    resolution: space.resolution,
    classes: space.classes,
    rows: describePath(space, path),
    flops: pathFlops(space, path),
    params: pathParams(space, path),
    latency: total === undefined || space.latency === undefined ? null : { total, fixed: space.latency.fixed },
  };
}

/** The table as text. Sides and channels are those of a block's output. */
export function networkTable(description: NetworkDescription): string {
  const { rows, flops, params, latency, name, space, resolution, classes, path } = description;
  const timed = (cell: string): string[] => (latency === null ? [] : [cell]);
  const milliseconds = (value: number | undefined): string => (value === undefined ? '' : formatLatency(value));
  const table = formatTable(
    [
      { title: 'block' },
      { title: 'operation' },
      { title: 'stride', align: 'right' },
      { title: 'output', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'params', align: 'right' },
      ...timed('latency').map((title) => ({ title, align: 'right' as const })),
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
        ...timed(milliseconds(row.latency)),
      ]),
      ...timed(milliseconds(latency?.fixed)).map((fixed) => ['stem, head, classifier', '', '', '', '', '', '', fixed]),
      ['total', '', '', '', formatFlops(flops), '100.0 %', formatCount(params), ...timed(milliseconds(latency?.total))],
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
