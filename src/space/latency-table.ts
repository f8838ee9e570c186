/**
 * Latency tables: files that say how long each operation takes on some device, read in four formats and mapped onto a
 * space. docs/latency.md describes them for users.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import { blockSides, featureChannels } from './cost.ts';
import { operationToken } from './genotype.ts';
import { longest } from './latency.ts';
import { readFbnetPi4, readHwNasBench } from './latency-fbnet.ts';
import { isOwnTable, readOwnTable } from './latency-own.ts';
import { isProxylessTable, readProxyless } from './latency-proxyless.ts';
import type { LatencySource, NetworkPart, Refuse } from './latency-source.ts';
import type { Latency, Space } from './space.ts';

export interface LatencyTable {
  readonly latency: Latency;
  /** What the user should know of it. */
  readonly notes: readonly string[];
}

/** Tables have tens to thousands of entries; this is a mistake. */
const mostBytes = 32e6;

/**
 * The latencies of a space from a table's file. `device`: which of those that the file has; null where it has one.
 *
 * @throws GreedynasError `io` if the file cannot be read; `usage` for an unknown format, a device that it does not have,
 * a value that is no time, and operations that it does not have, the missing keys named
 */
export async function readLatencyTable(file: string, space: Space, device: string | null): Promise<LatencyTable> {
  const text = await explained('read', file, () => readFile(file, 'utf8'));
  return parseLatencyTable(text, file, space, device);
}

/** The same for a text that is already read; `file` only names it. */
export function parseLatencyTable(text: string, file: string, space: Space, device: string | null): LatencyTable {
  const refuse = (problem: string): GreedynasError => new GreedynasError('usage', `${file}: ${problem}`);
  const value = parseText(text, refuse);
  if (isOwnTable(value)) return { latency: readOwnTable(value, space, refuse), notes: [] };
  const source = chooseSource(value, device, refuse);
  return { latency: lookUp(source, space, refuse), notes: source.notes.map((note) => `${file}: ${note}`) };
}

function parseText(text: string, refuse: Refuse): unknown {
  if (text.length > mostBytes) throw refuse(`${text.length} characters, allowed: at most ${mostBytes}`);
  try {
    // JSON is YAML too, but the YAML reader takes a hundred times as long.
    return /^\s*[[{]/.test(text) ? JSON.parse(text) : parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw refuse(`is neither JSON nor YAML: ${reason}`);
  }
}

function chooseSource(value: unknown, device: string | null, refuse: Refuse): LatencySource {
  const source = readHwNasBench(value, device, refuse);
  if (source !== null) return source;
  if (device !== null) {
    throw refuse(`search.latencyDevice is ${JSON.stringify(device)}, but this table is of one device; leave it out`);
  }
  const other = readFbnetPi4(value) ?? (isProxylessTable(value) ? readProxyless(value) : null);
  if (other !== null) return other;
  throw refuse(
    'is no latency table, allowed: one that "greedynas space --measure" wrote, the YAML of ProxylessNAS, the JSON of HW-NAS-Bench, or the JSON of FBNet on a Raspberry Pi 4 (docs/latency.md)',
  );
}

/** Missing keys that an error lists. */
const shownKeys = 5;

function lookUp(source: LatencySource, space: Space, refuse: Refuse): Latency {
  const missing = new Map<string, string>();
  const millisecondsOf = (part: NetworkPart, name: string): number =>
    source.keysOf(part).reduce((sum, key) => {
      const value = source.valueOf(key);
      if (value === undefined) {
        missing.set(key, name);
        return sum;
      }
      if (typeof value !== 'number' || !(value >= 0 && value <= longest)) {
        throw refuse(`${key}: ${JSON.stringify(value)}, allowed: milliseconds from 0 to ${longest}`);
      }
      return sum + value;
    }, 0);
  const side = blockSides(space);
  const fixedParts: NetworkPart[] = [
    ...space.stem.map((block, index) => ({
      kind: 'fixed' as const,
      block,
      first: index === 0,
      side: side.stem[index]!,
    })),
    ...space.head.map((block, index) => ({ kind: 'fixed' as const, block, first: false, side: side.head[index]! })),
    {
      kind: 'classifier',
      channels: featureChannels(space),
      classes: space.classes,
      side: (side.head.at(-1) ?? side.layers.at(-1))?.output ?? space.resolution,
    },
  ];
  const fixed = fixedParts.reduce(
    (sum, part) => sum + millisecondsOf(part, part.kind === 'fixed' ? part.block.name : 'classifier'),
    0,
  );
  const layers = space.layers.map((layer, index) =>
    layer.operations.map((operation) =>
      millisecondsOf(
        { kind: 'operation', layer, operation, side: side.layers[index]! },
        `${layer.name} ${operationToken(operation)}`,
      ),
    ),
  );
  if (missing.size === 0) return { fixed, layers };
  const shown = [...missing].slice(0, shownKeys).map(([key, name]) => `\n  ${key} (${name})`);
  const more = missing.size > shownKeys ? `\n  and ${missing.size - shownKeys} more` : '';
  throw refuse(
    `lacks ${missing.size} of the keys that space ${space.name} at ${space.resolution} px needs:${shown.join('')}${more}\nAdd them, or measure this space on your device with "greedynas space --measure --out <file>".`,
  );
}
