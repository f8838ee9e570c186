/** What a latency table's format is to the space that it is read for: keys of a network's parts, and their values. */
import type { GreedynasError } from '../errors.ts';
import type { Sides } from './cost.ts';
import type { FixedBlock, Layer, Operation } from './space.ts';

/** A part of a network, as the formats look it up. Sides are those of its input and output, in pixels. */
export type NetworkPart =
  | { readonly kind: 'fixed'; readonly block: FixedBlock; readonly first: boolean; readonly side: Sides }
  | { readonly kind: 'classifier'; readonly channels: number; readonly classes: number; readonly side: number }
  | { readonly kind: 'operation'; readonly layer: Layer; readonly operation: Operation; readonly side: Sides };

/** A file in one of the formats. */
export interface LatencySource {
  /** The keys whose milliseconds add up to a part's; none for a part that takes no time. */
  readonly keysOf: (part: NetworkPart) => readonly string[];
  readonly valueOf: (key: string) => unknown;
  /** What the user should know of the table. */
  readonly notes: readonly string[];
}

/** Makes the error of a table from what is wrong with it. */
export type Refuse = (problem: string) => GreedynasError;
