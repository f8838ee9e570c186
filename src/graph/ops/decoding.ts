/** Encoded images to pixels of one size: cut out, scaled, mirrored. All for a single image, in a function that tf.data maps. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute, type DType, type Shape } from '../types.ts';
import { cast, elementwise } from './arithmetic.ts';
import { unstack } from './shapes.ts';

const anySize: Shape = [-1, -1, 3];

/**
 * A part of a JPEG; what lies outside is not decoded. Chroma is not smoothed and the fast integer transform is used: for
 * training, speed counts more than the last grey level.
 *
 * @param box int32 `[4]`: top, left, height, width in pixels, within the image
 * @returns uint8 `[height, width, 3]`
 */
export function cropAndDecodeJpeg(scope: Scope, encoded: Tensor, box: Tensor): Tensor {
  return scope.addOne('DecodeAndCropJpeg', {
    inputs: [encoded, box],
    attributes: {
      channels: attribute.int(3),
      ratio: attribute.int(1),
      fancy_upscaling: attribute.bool(false),
      try_recover_truncated: attribute.bool(false),
      acceptable_fraction: attribute.float(1),
      dct_method: attribute.text('INTEGER_FAST'),
    },
    dtype: 'uint8',
    shape: anySize,
  });
}

/** A whole JPEG, PNG, BMP or first frame of a GIF as uint8 `[height, width, 3]`. */
export function decodeImage(scope: Scope, encoded: Tensor): Tensor {
  return scope.addOne('DecodeImage', {
    inputs: [encoded],
    attributes: {
      channels: attribute.int(3),
      dtype: attribute.type('uint8'),
      expand_animations: attribute.bool(false),
    },
    dtype: 'uint8',
    shape: anySize,
  });
}

/** The part of an image that `box` (int32 `[4]`: top, left, height, width) names. */
export function cut(scope: Scope, image: Tensor, box: Tensor): Tensor {
  const [top, left, height, width] = unstack(scope, box) as [Tensor, Tensor, Tensor, Tensor];
  const triple = (first: Tensor, second: Tensor, third: number): Tensor =>
    pack(scope, [first, second, scope.constant(third, 'int32')]);
  return scope.addOne('Slice', {
    inputs: [image, triple(top, left, 0), triple(height, width, 3)],
    attributes: { T: attribute.type(image.dtype), Index: attribute.type('int32') },
    dtype: image.dtype,
    shape: anySize,
  });
}

/**
 * Scales to a square by bilinear interpolation between pixel centres, without smoothing first: a crop of an image whose
 * shorter side is little above the network's resolution is scaled down little or not at all. In whole numbers from bytes to
 * bytes, rounded: four bytes a value less to write and to read again than through float32, at most 1.5 away from it and not darker on the whole.
 *
 * @param image uint8 `[height, width, 3]`
 * @returns uint8 `[side, side, 3]`
 */
export function resizeTo(scope: Scope, image: Tensor, side: number): Tensor {
  const shape = [1, side, side, 3];
  const [resized] = scope.add('QuantizedResizeBilinear', {
    inputs: [
      sameBytes(scope, batchOfOne(scope, image), 'quint8'),
      scope.constant([side, side], 'int32'),
      // What the least and the greatest byte stand for does not matter: it goes in as it comes out.
      scope.constant(0, 'float32'),
      scope.constant(255, 'float32'),
    ],
    attributes: {
      T: attribute.type('quint8'),
      align_corners: attribute.bool(false),
      half_pixel_centers: attribute.bool(true),
    },
    outputs: [
      { dtype: 'quint8', shape },
      { dtype: 'float32', shape: [] },
      { dtype: 'float32', shape: [] },
    ],
  }).outputs;
  return onlyOne(scope, sameBytes(scope, resized!, 'uint8'));
}

/** The tensor under another type of the same width; nothing is copied. */
function sameBytes(scope: Scope, tensor: Tensor, dtype: DType): Tensor {
  return scope.addOne('Bitcast', {
    inputs: [tensor],
    attributes: { T: attribute.type(tensor.dtype), type: attribute.type(dtype) },
    dtype,
    shape: tensor.shape,
  });
}

/**
 * Scales as Pillow's and torchvision's `BILINEAR` do (a triangle as wide as the scale demands), and cuts a square out.
 *
 * @param scale float32 `[2]`, vertical and horizontal
 * @param corner float32 `[2]`, top and left of the square in the scaled image
 * @returns float32 `[side, side, 3]`
 */
export function scaleAndCut(scope: Scope, image: Tensor, scale: Tensor, corner: Tensor, side: number): Tensor {
  const shift = scope.addOne('Neg', {
    inputs: [corner],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape: [2],
  });
  const scaled = scope.addOne('ScaleAndTranslate', {
    inputs: [batchOfOne(scope, image), scope.constant([side, side], 'int32'), scale, shift],
    attributes: {
      T: attribute.type(image.dtype),
      kernel_type: attribute.text('triangle'),
      antialias: attribute.bool(true),
    },
    dtype: 'float32',
    shape: [1, side, side, 3],
  });
  return onlyOne(scope, scaled);
}

/** Rounds values of 0 … 255 to bytes. */
export function toBytes(scope: Scope, image: Tensor): Tensor {
  return cast(scope, elementwise(scope, 'AddV2', [image, scope.constant(0.5, 'float32')]), 'uint8');
}

/**
 * The image, mirrored left to right if `flip` (a uint8 scalar) is not 0. It takes the one way or the other: a `SelectV2` between both
 * takes 0.5 ms for a byte image of 224 px, ten times as long as reversing it (measured).
 */
export function mirrored(scope: Scope, image: Tensor, flip: Tensor): Tensor {
  const { dtype, shape } = image;
  const [upright, turned] = scope.add('Switch', {
    inputs: [image, cast(scope, flip, 'bool')],
    attributes: { T: attribute.type(dtype) },
    outputs: [
      { dtype, shape },
      { dtype, shape },
    ],
  }).outputs;
  const reversed = scope.addOne('ReverseV2', {
    inputs: [turned!, scope.constant([1], 'int32')],
    attributes: { T: attribute.type(dtype), Tidx: attribute.type('int32') },
    dtype,
    shape,
  });
  const [taken] = scope.add('Merge', {
    inputs: [upright!, reversed],
    attributes: { T: attribute.type(dtype), N: attribute.int(2) },
    outputs: [
      { dtype, shape },
      { dtype: 'int32', shape: [] },
    ],
  }).outputs;
  return taken!;
}

function batchOfOne(scope: Scope, image: Tensor): Tensor {
  return scope.addOne('ExpandDims', {
    inputs: [image, scope.constant(0, 'int32')],
    attributes: { T: attribute.type(image.dtype), Tdim: attribute.type('int32') },
    dtype: image.dtype,
    shape: [1, ...(image.shape ?? [])],
  });
}

function onlyOne(scope: Scope, batch: Tensor): Tensor {
  return scope.addOne('Squeeze', {
    inputs: [batch],
    attributes: { T: attribute.type(batch.dtype), squeeze_dims: attribute.ints([0]) },
    dtype: batch.dtype,
    shape: batch.shape?.slice(1) ?? null,
  });
}

function pack(scope: Scope, scalars: readonly Tensor[]): Tensor {
  const dtype: DType = scalars[0]!.dtype;
  return scope.addOne('Pack', {
    inputs: scalars,
    attributes: { T: attribute.type(dtype), N: attribute.int(scalars.length), axis: attribute.int(0) },
    dtype,
    shape: [scalars.length],
  });
}
