/** What measuring a space's latency says when it ends: the table, and how far its sums are from whole networks. */
import { formatGenotype, operationToken } from '../space/genotype.ts';
import { formatLatency } from '../space/latency.ts';
import type { Latency, Space } from '../space/space.ts';
import type { MeasuredLatency } from '../supernet/measure-latency.ts';
import { formatTable } from './table.ts';

export interface MeasurementDescription extends Latency {
  readonly space: string;
  readonly resolution: number;
  /** How it was measured. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Milliseconds of a call that computes nothing; part of `fixed`. */
  readonly overhead: number;
  /** How much single runs differ (`MeasuredLatency`). */
  readonly spread: number;
  readonly operations: readonly { readonly layer: string; readonly tokens: readonly string[] }[];
  /** Milliseconds of the cheapest and of the dearest path. */
  readonly paths: { readonly smallest: number; readonly largest: number };
  /** Whole networks; `error` is the sum's, as a share of what was measured. */
  readonly checks: readonly {
    readonly path: string;
    readonly predicted: number;
    readonly measured: number;
    readonly error: number;
  }[];
  /** The file that has the table; null for none. */
  readonly table: string | null;
}

export function describeMeasurement(
  space: Space,
  { latency, overhead, spread, checks }: MeasuredLatency,
  facts: MeasurementDescription['facts'],
  table: string | null,
): MeasurementDescription {
  const sum = (choose: (...values: number[]) => number): number =>
    latency.layers.reduce((total, layer) => total + choose(...layer), latency.fixed);
  return {
    space: space.name,
    resolution: space.resolution,
    facts,
    fixed: latency.fixed,
    layers: latency.layers,
    overhead,
    spread,
    operations: space.layers.map(({ name, operations }) => ({ layer: name, tokens: operations.map(operationToken) })),
    paths: { smallest: sum(Math.min), largest: sum(Math.max) },
    checks: checks.map(({ path, predicted, measured }) => ({
      path: formatGenotype(space, path),
      predicted,
      measured,
      error: predicted / measured - 1,
    })),
    table,
  };
}

/** Above this something else was at work. */
const busySpread = 0.2;

const percent = (share: number): string => `${share < 0 ? '' : '+'}${(100 * share).toFixed(1)} %`;

export function measurementSummary(description: MeasurementDescription): string {
  const { operations, layers, fixed, overhead, paths, checks, facts } = description;
  const table = formatTable(
    [{ title: 'layer' }, { title: 'operations' }],
    operations.map(({ layer, tokens }, index) => [
      layer,
      tokens.map((token, place) => `${token} ${formatLatency(layers[index]![place]!)}`).join('  '),
    ]),
  );
  const checked = formatTable(
    [
      { title: 'sum', align: 'right' },
      { title: 'measured', align: 'right' },
      { title: 'error', align: 'right' },
      { title: 'network' },
    ],
    checks.map(({ path, predicted, measured, error }) => [
      formatLatency(predicted),
      formatLatency(measured),
      percent(error),
      path,
    ]),
  );
  const errors = checks.map(({ error }) => Math.abs(error));
  const mean = errors.reduce((total, error) => total + error, 0) / errors.length;
  return [
    `${description.space} at ${description.resolution} px: ${Object.entries(facts)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
    '',
    table,
    '',
    `Fixed: ${formatLatency(fixed)}, of it ${formatLatency(overhead)} for a call that computes nothing`,
    `Paths: ${formatLatency(paths.smallest)} to ${formatLatency(paths.largest)}`,
    '',
    ...(checks.length === 0
      ? []
      : [`Sums against ${checks.length} whole networks: ${(100 * mean).toFixed(1)} % off on average`, checked]),
    ...(description.spread <= busySpread
      ? []
      : [
          '',
          `Single runs differ by ${(100 * description.spread).toFixed(0)} %: the machine was busy, and the table is not reliable. Measure again when it is quiet.`,
        ]),
    ...(description.table === null
      ? []
      : ['', `Next: greedynas search --latency-table ${description.table} --latency …`]),
  ].join('\n');
}
