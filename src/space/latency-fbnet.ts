/**
 * Latency tables of FBNet's blocks: the JSON of HW-NAS-Bench (RICE-EIC/HW-NAS-Bench, several devices, milliseconds), and
 * that of FBNet on a Raspberry Pi 4, which has no keys but places: a row for each of FBNet's 22 layers, in it the
 * microseconds of nine blocks.
 */
import type { LatencySource, NetworkPart, Refuse } from './latency-source.ts';
import { keepsShape } from './space.ts';

interface BlockShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

function blockKey(side: number, shape: BlockShape, expansion: number, kernel: number, groups = 1): string {
  const { inChannels, outChannels, stride } = shape;
  return `ConvBlock_H${side}_W${side}_Cin${inChannels}_Cout${outChannels}_exp${expansion}_kernel${kernel}_stride${stride}_group${groups}`;
}

function skipKey(side: number, { inChannels, outChannels, stride }: BlockShape): string {
  return `Skip_H${side}_W${side}_Cin${inChannels}_Cout${outChannels}_stride${stride}`;
}

/** The side in a key is that of the input. */
function keysOf(part: NetworkPart): string[] {
  if (part.kind === 'classifier') {
    const { side, channels, classes } = part;
    return [
      `AvgP_H${side}_W${side}_Cin${channels}_Cout${channels}_kernel${side}_stride1`,
      `FC_Cin${channels}_Cout${classes}`,
    ];
  }
  const side = part.side.input;
  if (part.kind === 'fixed') {
    const { block } = part;
    if (block.kind === 'mbconv') return [blockKey(side, block, block.expansion, block.kernel)];
    const { inChannels, outChannels, kernel, stride } = block;
    return [`ConvNorm_H${side}_W${side}_Cin${inChannels}_Cout${outChannels}_kernel${kernel}_stride${stride}_group1`];
  }
  const { layer, operation } = part;
  if (operation.kind === 'identity') return [skipKey(side, layer)];
  return [`${blockKey(side, layer, operation.expansion, operation.kernel)}${operation.se ? '_se' : ''}`];
}

/** Null if this is no table of HW-NAS-Bench. @throws GreedynasError `usage` if no device, or one that it lacks, is chosen */
export function readHwNasBench(value: unknown, device: string | null, refuse: Refuse): LatencySource | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const tables = Object.entries(value).filter(
    ([key, entries]) => key.endsWith('_latency') && typeof entries === 'object' && entries !== null,
  );
  const blocks = tables.some(([, entries]) => Object.keys(entries).some((key) => key.startsWith('ConvBlock_')));
  if (!blocks) return null;
  const devices = tables.map(([key]) => key.slice(0, -'_latency'.length));
  const chosen = device ?? (devices.length === 1 ? devices[0] : undefined);
  const entries = tables.find(([key]) => key === `${chosen}_latency`)?.[1];
  if (entries === undefined) {
    const given = device === null ? 'no device is chosen' : `has no device ${JSON.stringify(device)}`;
    throw refuse(`${given}; search.latencyDevice (--latency-device), allowed: ${devices.join(', ')}`);
  }
  return { keysOf, valueOf: (key) => (Object.hasOwn(entries, key) ? entries[key] : undefined), notes: [] };
}

/** FBNet's searched layers at 224 px (Wu et al. 2019, table 1): channels, layers, stride of the first. */
const fbnetStages = [
  [16, 1, 1],
  [24, 4, 2],
  [32, 4, 2],
  [64, 4, 2],
  [112, 4, 1],
  [184, 4, 2],
  [352, 1, 1],
] as const;
const fbnetFirst = { channels: 16, side: 112 };

/** The rows before the first searched layer, and the blocks of a row: kernel, expansion, groups. The ninth is the skip. */
const rowsBefore = 2;
const rowBlocks = [
  [3, 1, 1],
  [3, 1, 2],
  [3, 3, 1],
  [3, 6, 1],
  [5, 1, 1],
  [5, 1, 2],
  [5, 3, 1],
  [5, 6, 1],
] as const;

/** Null if this is no such table. Layers of the same shape were measured each; here they share their mean. */
export function readFbnetPi4(value: unknown): LatencySource | null {
  if (!Array.isArray(value)) return null;
  const layers = fbnetStages.flatMap(([channels, count, stride], stage) =>
    Array.from({ length: count }, (_, position) => ({
      inChannels: position === 0 ? (fbnetStages[stage - 1]?.[0] ?? fbnetFirst.channels) : channels,
      outChannels: channels,
      stride: position === 0 ? stride : 1,
    })),
  );
  const rows: unknown[] = value.slice(rowsBefore, rowsBefore + layers.length);
  const samples = new Map<string, number[]>();
  let side = fbnetFirst.side;
  for (const [index, layer] of layers.entries()) {
    const row = rows[index];
    if (!Array.isArray(row) || row.length < rowBlocks.length) return null;
    const keys = [
      ...rowBlocks.map(([kernel, expansion, groups]) => blockKey(side, layer, expansion, kernel, groups)),
      skipKey(side, layer),
    ];
    for (const [place, microseconds] of row.entries()) {
      const key = keys[place];
      if (key === undefined || typeof microseconds !== 'number') return null;
      samples.set(key, [...(samples.get(key) ?? []), microseconds / 1000]);
    }
    side = Math.ceil(side / layer.stride);
  }
  return {
    keysOf: (part) => (part.kind === 'operation' ? pi4Keys(part) : []),
    valueOf(key) {
      const some = samples.get(key);
      return some && some.reduce((sum, sample) => sum + sample, 0) / some.length;
    },
    notes: ['has no stem, head and classifier: a latency from it is that of the searched layers alone'],
  };
}

/** A skip that changes the shape is in no row. */
function pi4Keys(part: NetworkPart & { kind: 'operation' }): string[] {
  return part.operation.kind === 'identity' && !keepsShape(part.layer)
    ? [`${skipKey(part.side.input, part.layer)} (which FBNet does not have)`]
    : keysOf(part);
}
