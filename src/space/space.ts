/** What a search space is: fixed blocks around a list of layers, each with its operations. Pure data. */

export type Activation = 'relu' | 'relu6' | 'hswish';

/** One candidate of a layer. `mbconv` is the inverted bottleneck of MobileNetV2, with squeeze-and-excite if `se`. */
export type Operation =
  | { readonly kind: 'mbconv'; readonly expansion: number; readonly kernel: number; readonly se: boolean }
  | { readonly kind: 'identity' };

/** A block that every path goes through. `conv`: convolution, batch norm, activation (if any). No convolution has a bias. */
export type FixedBlock =
  | {
      readonly kind: 'conv';
      readonly name: string;
      readonly kernel: number;
      readonly stride: number;
      readonly inChannels: number;
      readonly outChannels: number;
      readonly activation: Activation | null;
    }
  | {
      readonly kind: 'mbconv';
      readonly name: string;
      readonly kernel: number;
      readonly expansion: number;
      readonly stride: number;
      readonly inChannels: number;
      readonly outChannels: number;
    };

/**
 * A searchable layer (choice block). Identity keeps its input where `stride` is 1 and the channels agree; elsewhere it
 * is a 1x1 convolution with that stride and batch norm, without activation.
 */
export interface Layer {
  readonly name: string;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly operations: readonly Operation[];
}

/**
 * A space: image → stem blocks → layers → head blocks → global average pool → dropout → linear classifier with bias.
 * MBConv adds its input where stride is 1 and channels agree; expansion 1 has no expanding convolution. Its activation follows the
 * expanding and the depthwise convolution, none follows the projection. Squeeze-and-excite sits after the depthwise activation
 * with `seRatio` of the expanded width, two 1x1 convolutions with bias, ReLU between, H-Sigmoid gate.
 */
export interface Space {
  readonly name: string;
  /** Side of the square input image, in pixels. */
  readonly resolution: number;
  readonly classes: number;
  /** The activation inside every MBConv. */
  readonly activation: Activation;
  readonly seRatio: number;
  readonly stem: readonly FixedBlock[];
  readonly layers: readonly Layer[];
  readonly head: readonly FixedBlock[];
  /** What its parts take on some device, where that is known. */
  readonly latency?: Latency;
}

/** Latencies of a space's parts in milliseconds; that of a path is `fixed` plus the sum over its operations. */
export interface Latency {
  /** What every path takes: stem, head and classifier. */
  readonly fixed: number;
  /** For each layer, the latency of each of its operations. */
  readonly layers: readonly (readonly number[])[];
}

/** A path: for each layer the index of its operation. */
export type Path = readonly number[];

/** A layer whose identity is a true skip: nothing but the input. */
export function keepsShape(layer: { stride: number; inChannels: number; outChannels: number }): boolean {
  return layer.stride === 1 && layer.inChannels === layer.outChannels;
}

/** The width between the two convolutions of squeeze-and-excite: `seRatio` of the expanded width, rounded, at least 1. */
export function squeezedChannels(expandedChannels: number, seRatio: number): number {
  return Math.max(1, Math.round(expandedChannels * seRatio));
}
