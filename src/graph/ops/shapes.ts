/** Sizes known only when the graph runs, and changes of shape. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute, elementCount } from '../types.ts';

/** The shape as an int32 vector: a constant where it is fully known, computed where the batch size is fed. */
export function shapeOf(scope: Scope, x: Tensor): Tensor {
  if (x.shape !== null && elementCount(x.shape) >= 0) return scope.constant(x.shape, 'int32');
  return scope.addOne('Shape', {
    inputs: [x],
    attributes: { T: attribute.type(x.dtype), out_type: attribute.type('int32') },
    dtype: 'int32',
    shape: [x.shape?.length ?? -1],
  });
}

/** The same values under another shape; at most one size may be −1. */
export function reshape(scope: Scope, x: Tensor, shape: readonly number[]): Tensor {
  return scope.addOne('Reshape', {
    inputs: [x, scope.constant(shape, 'int32')],
    attributes: { T: attribute.type(x.dtype), Tshape: attribute.type('int32') },
    dtype: x.dtype,
    shape,
    gradient: (into, [gradient]) => [gradient ? reshapeLike(into, gradient, x) : null, null],
  });
}

function reshapeLike(scope: Scope, x: Tensor, like: Tensor): Tensor {
  // A constant where at most one size is unknown: `like` itself need not be kept for its shape.
  const known = like.shape !== null && like.shape.filter((size) => size < 0).length < 2;
  return scope.addOne('Reshape', {
    inputs: [x, known ? scope.constant(like.shape, 'int32') : shapeOf(scope, like)],
    attributes: { T: attribute.type(x.dtype), Tshape: attribute.type('int32') },
    dtype: x.dtype,
    shape: like.shape,
  });
}

/** Rows `start` … `start + count − 1` of the first dimension; both are int32 scalars. */
export function sliceRows(scope: Scope, x: Tensor, start: Tensor, count: Tensor): Tensor {
  const rank = x.shape?.length ?? 0;
  const vector = (first: Tensor, rest: number): Tensor =>
    scope.addOne('Pack', {
      inputs: [first, ...Array.from({ length: rank - 1 }, () => scope.constant(rest, 'int32'))],
      attributes: { T: attribute.type('int32'), N: attribute.int(rank), axis: attribute.int(0) },
      dtype: 'int32',
      shape: [rank],
    });
  return scope.addOne('Slice', {
    inputs: [x, vector(start, 0), vector(count, -1)],
    attributes: { T: attribute.type(x.dtype), Index: attribute.type('int32') },
    dtype: x.dtype,
    shape: [-1, ...(x.shape ?? []).slice(1)],
  });
}

/** Every `stride`-th row and column of images `[batch, height, width, channels]`, from the first on. */
export function everyNthPixel(scope: Scope, x: Tensor, stride: number): Tensor {
  const [batch, height, width, channels] = (x.shape ?? []) as readonly [number, number, number, number];
  const reduced = (size: number): number => (size < 0 ? size : Math.ceil(size / stride));
  const whole = scope.constant([0, 0, 0, 0], 'int32');
  return scope.addOne('StridedSlice', {
    inputs: [x, whole, whole, scope.constant([1, stride, stride, 1], 'int32')],
    attributes: {
      T: attribute.type(x.dtype),
      Index: attribute.type('int32'),
      // Bit i leaves out the limit of dimension i: all four go from the first to the last.
      begin_mask: attribute.int(0b1111),
      end_mask: attribute.int(0b1111),
      ellipsis_mask: attribute.int(0),
      new_axis_mask: attribute.int(0),
      shrink_axis_mask: attribute.int(0),
    },
    dtype: x.dtype,
    shape: [batch, reduced(height), reduced(width), channels],
  });
}

/** Columns `start` … `start + count − 1` of images `[batch, height, width, channels]`. */
export function sliceColumns(scope: Scope, x: Tensor, start: number, count: number): Tensor {
  const [batch = -1, height = -1, , channels = -1] = x.shape ?? [];
  return sliceFixed(scope, x, [0, 0, start, 0], [-1, -1, count, -1], [batch, height, count, channels]);
}

/** A part whose place is known when the graph is built; a size of −1 takes the rest of a dimension. */
export function sliceFixed(
  scope: Scope,
  x: Tensor,
  start: readonly number[],
  size: readonly number[],
  shape: readonly number[],
): Tensor {
  return scope.addOne('Slice', {
    inputs: [x, scope.constant(start, 'int32'), scope.constant(size, 'int32')],
    attributes: { T: attribute.type(x.dtype), Index: attribute.type('int32') },
    dtype: x.dtype,
    shape,
  });
}

/** The elements of an int32 vector of known length as scalars. */
export function unstack(scope: Scope, x: Tensor): Tensor[] {
  const count = x.shape?.[0] ?? 0;
  return scope.add('Unpack', {
    inputs: [x],
    attributes: { T: attribute.type(x.dtype), num: attribute.int(count), axis: attribute.int(0) },
    outputs: Array.from({ length: count }, () => ({ dtype: x.dtype, shape: [] })),
  }).outputs;
}

/** Values `start` … `start + count − 1` of a vector. */
export function sliceOf(scope: Scope, vector: Tensor, start: number, count: number): Tensor {
  return scope.addOne('Slice', {
    inputs: [vector, scope.constant([start], 'int32'), scope.constant([count], 'int32')],
    attributes: { T: attribute.type(vector.dtype), Index: attribute.type('int32') },
    dtype: vector.dtype,
    shape: [count],
  });
}
