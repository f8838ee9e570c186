/** Convolutions of images `[batch, height, width, channels]`, dense and depthwise, with their gradients. */
import type { Scope, Tensor } from '../graph.ts';
import type { AttributeProto } from '../protocol.ts';
import { attribute, type Shape, shapeText } from '../types.ts';
import { everyNthPixel, reshape, shapeOf } from './shapes.ts';

type Attributes = Record<string, AttributeProto>;

/**
 * oneDNN's filter gradient of a strided 1x1 convolution writes past its workspace where the image has fewer channels than its
 * block of 16 (8 without AVX-512) and the batch does not divide by the threads: the process dies of a corrupted heap, or the
 * gradient is wrong (oneDNN's issue 6035; measured with TensorFlow 2.21: batch 5, 4 channels, 16 px, 2 threads). Wider images
 * keep to oneDNN, which is 3 times faster there than taking the pixels out first.
 */
const oneDnnBlock = 16;

/**
 * Convolution with SAME padding and no bias.
 *
 * @param x `[batch, height, width, inChannels]`
 * @param filter `[kernel, kernel, inChannels, outChannels]`
 * @returns `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outChannels]`
 */
export function conv2d(scope: Scope, x: Tensor, filter: Tensor, stride: number): Tensor {
  checkShapes('conv2d', x, filter);
  const attributes = { ...convolutionAttributes(x, stride), use_cudnn_on_gpu: attribute.bool(true) };
  const [height, width, inChannels = 0] = filter.shape ?? [];
  const pointwise = height === 1 && width === 1 && (stride === 1 || inChannels < oneDnnBlock);
  return scope.addOne('Conv2D', {
    inputs: [x, filter],
    attributes,
    dtype: x.dtype,
    shape: outputShape(x, stride, filter.shape?.[3] ?? -1),
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      const backInput = (): Tensor => backpropInput(into, 'Conv2DBackpropInput', x, filter, gradient, attributes);
      const backFilter = (): Tensor =>
        pointwise
          ? pointwiseFilterGradient(into, stride === 1 ? x : everyNthPixel(into, x, stride), filter, gradient)
          : backpropFilter(into, 'Conv2DBackpropFilter', x, filter, gradient, attributes);
      return [x.differentiable ? backInput() : null, filter.differentiable ? backFilter() : null];
    },
  });
}

/**
 * Depthwise convolution with SAME padding, one filter a channel.
 *
 * @param filter `[kernel, kernel, channels, 1]`
 */
export function depthwiseConv2d(scope: Scope, x: Tensor, filter: Tensor, stride: number): Tensor {
  checkShapes('depthwiseConv2d', x, filter);
  const attributes = convolutionAttributes(x, stride);
  return scope.addOne('DepthwiseConv2dNative', {
    inputs: [x, filter],
    attributes,
    dtype: x.dtype,
    shape: outputShape(x, stride, filter.shape?.[2] ?? -1),
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      const symmetric = stride === 1 && isOdd(filter.shape?.[0]) && isOdd(filter.shape?.[1]);
      const backInput = (): Tensor =>
        symmetric
          ? flippedDepthwise(into, filter, gradient, attributes, x.shape)
          : backpropInput(into, 'DepthwiseConv2dNativeBackpropInput', x, filter, gradient, attributes);
      const backFilter = (): Tensor =>
        backpropFilter(into, 'DepthwiseConv2dNativeBackpropFilter', x, filter, gradient, {
          ...attributes,
          ...wideFilterPadding(x, filter, stride),
        });
      return [x.differentiable ? backInput() : null, filter.differentiable ? backFilter() : null];
    },
  });
}

function checkShapes(name: string, x: Tensor, filter: Tensor): void {
  if (x.shape?.length !== 4 || filter.shape?.length !== 4 || x.shape[3] !== filter.shape[2]) {
    throw new Error(`${name}: image ${shapeText(x.shape)} does not fit filter ${shapeText(filter.shape)}`);
  }
}

function convolutionAttributes(x: Tensor, stride: number): Attributes {
  return {
    T: attribute.type(x.dtype),
    strides: attribute.ints([1, stride, stride, 1]),
    padding: attribute.text('SAME'),
    explicit_paddings: attribute.ints([]),
    data_format: attribute.text('NHWC'),
    dilations: attribute.ints([1, 1, 1, 1]),
  };
}

function outputShape(x: Tensor, stride: number, channels: number): Shape {
  const [batch, height, width] = x.shape as readonly [number, number, number, number];
  const reduced = (size: number): number => (size < 0 ? size : Math.ceil(size / stride));
  return [batch, reduced(height), reduced(width), channels];
}

function isOdd(size: number | undefined): boolean {
  return size !== undefined && size % 2 === 1;
}

function backpropInput(
  into: Scope,
  op: string,
  x: Tensor,
  filter: Tensor,
  gradient: Tensor,
  attributes: Attributes,
): Tensor {
  const inputs = [shapeOf(into, x), filter, gradient];
  return into.addOne(op, { inputs, attributes, dtype: x.dtype, shape: x.shape });
}

function backpropFilter(
  into: Scope,
  op: string,
  x: Tensor,
  filter: Tensor,
  gradient: Tensor,
  attributes: Attributes,
): Tensor {
  const inputs = [x, shapeOf(into, filter), gradient];
  return into.addOne(op, { inputs, attributes, dtype: filter.dtype, shape: filter.shape });
}

/**
 * The filter gradient of a 1x1 convolution as the matrix product that it is, xᵀ · gradient over all pixels: on a CPU up to
 * twice as fast as oneDNN's convolution (8.4 against 4.7 ms for 32 → 192 channels at 56x56, batch 32).
 */
function pointwiseFilterGradient(into: Scope, x: Tensor, filter: Tensor, gradient: Tensor): Tensor {
  const [, , inChannels, outChannels] = filter.shape as readonly [number, number, number, number];
  const product = into.addOne('MatMul', {
    inputs: [reshape(into, x, [-1, inChannels]), reshape(into, gradient, [-1, outChannels])],
    attributes: {
      T: attribute.type(x.dtype),
      transpose_a: attribute.bool(true),
      transpose_b: attribute.bool(false),
    },
    dtype: x.dtype,
    shape: [inChannels, outChannels],
  });
  return reshape(into, product, [1, 1, inChannels, outChannels]);
}

/**
 * With stride 1 and an odd kernel the input gradient of a depthwise convolution is the depthwise convolution of the gradient
 * with the filter turned by 180°; forward kernels are the faster ones (3.5 against 2.1 ms for 576 channels, 7x7, 14x14).
 */
function flippedDepthwise(into: Scope, filter: Tensor, gradient: Tensor, attributes: Attributes, shape: Shape): Tensor {
  const turned = into.addOne('ReverseV2', {
    inputs: [filter, into.constant([0, 1], 'int32')],
    attributes: { T: attribute.type(filter.dtype), Tidx: attribute.type('int32') },
    dtype: filter.dtype,
    shape: filter.shape,
  });
  return into.addOne('DepthwiseConv2dNative', {
    inputs: [gradient, turned],
    attributes,
    dtype: filter.dtype,
    shape,
  });
}

/**
 * The same padding written out, for the filter gradient of depthwise kernels wider than 3. oneDNN has no depthwise kernel
 * for these and falls back to a grouped convolution with 16 times the work (7x7, 192 channels, 56x56, batch 32: 86 ms; 5x5:
 * 58 ms); it leaves explicit padding to TensorFlow's own kernel (54 ms; 24 ms).
 */
function wideFilterPadding(x: Tensor, filter: Tensor, stride: number): Attributes {
  const [kernelHeight, kernelWidth] = filter.shape as readonly [number, number, number, number];
  const [, height, width] = x.shape as readonly [number, number, number, number];
  if (kernelWidth <= 3 || height < 0 || width < 0) return {};
  const sides = (size: number, kernel: number): [number, number] => {
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const paddings = [0, 0, ...sides(height, kernelHeight), ...sides(width, kernelWidth), 0, 0];
  return { padding: attribute.text('EXPLICIT'), explicit_paddings: attribute.ints(paddings) };
}
