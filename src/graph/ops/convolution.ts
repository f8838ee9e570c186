/** Convolutions of images `[batch, height, width, channels]`, dense and depthwise, with their gradients. */
import type { Scope, Tensor } from '../graph.ts';
import type { AttributeProto } from '../protocol.ts';
import { attribute, shapeText } from '../types.ts';
import { shapeOf } from './shapes.ts';

interface Kind {
  readonly forward: string;
  readonly backInput: string;
  readonly backFilter: string;
  readonly extra: Record<string, AttributeProto>;
}

const dense: Kind = {
  forward: 'Conv2D',
  backInput: 'Conv2DBackpropInput',
  backFilter: 'Conv2DBackpropFilter',
  extra: { use_cudnn_on_gpu: attribute.bool(true) },
};

const depthwise: Kind = {
  forward: 'DepthwiseConv2dNative',
  backInput: 'DepthwiseConv2dNativeBackpropInput',
  backFilter: 'DepthwiseConv2dNativeBackpropFilter',
  extra: {},
};

/**
 * Convolution with SAME padding and no bias.
 *
 * @param x `[batch, height, width, inChannels]`
 * @param filter `[kernel, kernel, inChannels, outChannels]`
 * @returns `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outChannels]`
 */
export function conv2d(scope: Scope, x: Tensor, filter: Tensor, stride: number): Tensor {
  return convolution(scope, x, filter, stride, dense, filter.shape?.[3] ?? -1);
}

/**
 * Depthwise convolution with SAME padding, one filter a channel.
 *
 * @param filter `[kernel, kernel, channels, 1]`
 */
export function depthwiseConv2d(scope: Scope, x: Tensor, filter: Tensor, stride: number): Tensor {
  return convolution(scope, x, filter, stride, depthwise, filter.shape?.[2] ?? -1);
}

function convolution(scope: Scope, x: Tensor, filter: Tensor, stride: number, kind: Kind, outChannels: number): Tensor {
  if (x.shape?.length !== 4 || filter.shape?.length !== 4 || x.shape[3] !== filter.shape[2]) {
    throw new Error(`${kind.forward}: image ${shapeText(x.shape)} does not fit filter ${shapeText(filter.shape)}`);
  }
  const attributes = {
    T: attribute.type(x.dtype),
    strides: attribute.ints([1, stride, stride, 1]),
    padding: attribute.text('SAME'),
    explicit_paddings: attribute.ints([]),
    data_format: attribute.text('NHWC'),
    dilations: attribute.ints([1, 1, 1, 1]),
    ...kind.extra,
  };
  const [batch, height, width] = x.shape as readonly [number, number, number, number];
  const reduced = (size: number): number => (size < 0 ? size : Math.ceil(size / stride));
  return scope.addOne(kind.forward, {
    inputs: [x, filter],
    attributes,
    dtype: x.dtype,
    shape: [batch, reduced(height), reduced(width), outChannels],
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      const backInput = (): Tensor =>
        into.addOne(kind.backInput, {
          inputs: [shapeOf(into, x), filter, gradient],
          attributes,
          dtype: x.dtype,
          shape: x.shape,
        });
      const backFilter = (): Tensor =>
        into.addOne(kind.backFilter, {
          inputs: [x, shapeOf(into, filter), gradient],
          attributes,
          dtype: filter.dtype,
          shape: filter.shape,
        });
      return [x.differentiable ? backInput() : null, filter.differentiable ? backFilter() : null];
    },
  });
}
