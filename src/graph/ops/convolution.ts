/** Convolutions of images `[batch, height, width, channels]`, dense and depthwise, with their gradients. */
import type { Scope, Tensor } from '../graph.ts';
import type { AttributeProto } from '../protocol.ts';
import { attribute, type Shape, shapeText } from '../types.ts';
import { product, productAttributes } from './dense.ts';
import { everyNthPixel, reshape, shapeOf, sliceColumns, sliceFixed } from './shapes.ts';

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
  if (scope.graph.kernels === 'onednn' && height === 1 && width === 1 && stride === 1 && reshapable(x)) {
    return pointwiseConvolution(scope, x, filter);
  }
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
        (into.graph.kernels === 'onednn'
          ? filterGradientInPieces(into, x, filter, gradient, stride, attributes)
          : null) ??
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

function reshapable(x: Tensor): boolean {
  return x.shape?.slice(1).every((size) => size > 0) ?? false;
}

/**
 * A 1x1 convolution as the matrix product that it is, over all pixels, forward and backward. oneDNN's matrix products are
 * faster than its 1x1 convolutions (32 → 144 channels at 56x56, batch 32: 10.7 against 11.9 ms of processor time forward,
 * 14.1 against 19.1 for the input gradient; 144 → 32: 14.3 against 18.8). Without oneDNN the convolution is such a product
 * already; on a GPU the product would force its layout on the neighbours.
 */
function pointwiseConvolution(scope: Scope, x: Tensor, filter: Tensor): Tensor {
  const [, , inChannels, outChannels] = filter.shape as readonly [number, number, number, number];
  const matrix = (into: Scope): Tensor => reshape(into, filter, [inChannels, outChannels]);
  const [batch = -1, height = -1, width = -1] = x.shape ?? [];
  const rows = batch < 0 ? -1 : batch * height * width;
  const multiplied = scope.addOne('MatMul', {
    inputs: [reshape(scope, x, [rows, inChannels]), matrix(scope)],
    attributes: productAttributes(x),
    dtype: x.dtype,
    shape: [rows, outChannels],
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      // From the variable and the image, not from their matrices: what leaves a branch for its derivative is kept.
      const backInput = (): Tensor => product(into, gradient, matrix(into), 'second');
      const backFilter = (): Tensor => product(into, reshape(into, x, [rows, inChannels]), gradient, 'first');
      return [x.differentiable ? backInput() : null, filter.differentiable ? backFilter() : null];
    },
  });
  return reshape(scope, multiplied, [batch, height, width, outChannels]);
}

/**
 * The filter gradient of a depthwise 5x5 or 7x7 convolution with stride 1 from gradients of filters 3 wide, the widest that
 * oneDNN has a depthwise kernel for; `null` where that does not apply. Processor time at batch 32, whole and in pieces:
 * 7x7: 146 and 107 ms for 192 channels at 56x56, 46 and 29 for 240 at 28x28, 23 and 13 for 480 at 14x14, 16 and 7 for 1152
 * at 7x7; 5x5: 73 and 56, 23 and 14, 12 and 6. With stride 2 pieces are slower than the whole.
 *
 * The middle columns of the filter come from the image as it is. Of a 7x7 the columns on the right come from the image
 * without its first two columns and the gradient without its last two, those on the left the other way round; the column
 * of such a piece that is next to the middle lacks the image's edge and is not used. Of a 5x5 both outer columns come at
 * once, without a copy: where two neighbouring pixels count as one with twice the channels, one column aside is two pixels.
 */
function filterGradientInPieces(
  into: Scope,
  x: Tensor,
  filter: Tensor,
  gradient: Tensor,
  stride: number,
  attributes: Attributes,
): Tensor | null {
  const [kernelHeight, kernelWidth, channels] = filter.shape as readonly [number, number, number, number];
  const [batch, height, width] = x.shape as readonly [number, number, number, number];
  const five = kernelWidth === 5 && width % 2 === 0;
  const seven = kernelWidth === 7 && width > 2;
  if (stride !== 1 || kernelHeight % 2 === 0 || height <= 0 || width <= 0 || !(five || seven)) return null;
  const threeWide = (image: Tensor, arriving: Tensor): Tensor => {
    const shape = [kernelHeight, 3, image.shape?.[3] ?? -1, 1];
    return into.addOne('DepthwiseConv2dNativeBackpropFilter', {
      inputs: [image, into.constant(shape, 'int32'), arriving],
      attributes,
      dtype: filter.dtype,
      shape,
    });
  };
  const columns = (piece: Tensor, start: number, count: number): Tensor =>
    sliceFixed(into, piece, [0, start, 0, 0], [-1, count, -1, -1], [kernelHeight, count, channels, 1]);
  const middle = threeWide(x, gradient);
  let left: Tensor;
  let right: Tensor;
  if (five) {
    const paired = (image: Tensor): Tensor => reshape(into, image, [batch, height, width / 2, 2 * channels]);
    const pairs = reshape(into, threeWide(paired(x), paired(gradient)), [kernelHeight, 3, 2, channels]);
    const both = into.addOne('Sum', {
      inputs: [pairs, into.constant(2, 'int32')],
      attributes: {
        T: attribute.type(filter.dtype),
        Tidx: attribute.type('int32'),
        keep_dims: attribute.bool(false),
      },
      dtype: filter.dtype,
      shape: [kernelHeight, 3, channels],
    });
    const outer = reshape(into, both, [kernelHeight, 3, channels, 1]);
    left = columns(outer, 0, 1);
    right = columns(outer, 2, 1);
  } else {
    const aside = (image: Tensor, start: number): Tensor => sliceColumns(into, image, start, width - 2);
    left = columns(threeWide(aside(x, 0), aside(gradient, 2)), 0, 2);
    right = columns(threeWide(aside(x, 2), aside(gradient, 0)), 1, 2);
  }
  return into.addOne('ConcatV2', {
    inputs: [left, middle, right, into.constant(1, 'int32')],
    attributes: { N: attribute.int(3), T: attribute.type(filter.dtype), Tidx: attribute.type('int32') },
    dtype: filter.dtype,
    shape: filter.shape,
  });
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
  const pixels = reshape(into, x, [-1, inChannels]);
  const multiplied = product(into, pixels, reshape(into, gradient, [-1, outChannels]), 'first');
  return reshape(into, multiplied, [1, 1, inChannels, outChannels]);
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
