/**
 * Latency tables with the keys of ProxylessNAS (mit-han-lab/proxylessnas and once-for-all, `latency_tools`): YAML, for
 * each operation its `mean` in milliseconds. The format has no squeeze-and-excite and no identity that changes the shape;
 * keys of the same pattern are looked up for these, so that a table can be completed by hand.
 */
import type { LatencySource, NetworkPart } from './latency-source.ts';
import { keepsShape } from './space.ts';

type Entries = Readonly<Record<string, unknown>>;

/** A mapping with at least one key of the format. */
export function isProxylessTable(value: unknown): value is Entries {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.keys(value).some((key) => /^[A-Za-z_0-9]+-input:\d+x\d+x\d+-output:/.test(key));
}

export function readProxyless(entries: Entries): LatencySource {
  return {
    keysOf: (part) => keysOf(part),
    valueOf(key) {
      const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
      return typeof entry === 'object' && entry !== null && 'mean' in entry ? entry.mean : entry;
    },
    notes: [],
  };
}

function keysOf(part: NetworkPart): string[] {
  if (part.kind === 'classifier') {
    // The pooling is in it.
    return [`Logits-input:${part.side}x${part.side}x${part.channels}-output:${part.classes}`];
  }
  const block = part.kind === 'fixed' ? part.block : part.layer;
  const { input, output } = part.side;
  const shapes = `input:${input}x${input}x${block.inChannels}-output:${output}x${output}x${block.outChannels}`;
  const mbconv = (expansion: number, kernel: number): string =>
    `expanded_conv-${shapes}-expand:${expansion}-kernel:${kernel}-stride:${block.stride}-idskip:${keepsShape(block) ? 1 : 0}`;
  if (part.kind === 'fixed') {
    if (part.block.kind === 'mbconv') return [mbconv(part.block.expansion, part.block.kernel)];
    return [`${part.first ? 'Conv' : 'Conv_1'}-${shapes}`];
  }
  const { operation } = part;
  if (operation.kind === 'mbconv') {
    return [`${mbconv(operation.expansion, operation.kernel)}${operation.se ? '-se:1' : ''}`];
  }
  return keepsShape(block) ? [] : [`skip-${shapes}-stride:${block.stride}`];
}
