/** Means: over the image, for global pooling and squeeze-and-excite, and over the batch, for the loss. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { elementwise, scale } from './arithmetic.ts';
import { reshape, shapeOf } from './shapes.ts';

function meanOver(
  scope: Scope,
  x: Tensor,
  axes: readonly number[],
  keep: boolean,
  gradient: (into: Scope, arriving: Tensor) => Tensor,
): Tensor {
  const sizes = x.shape ?? [];
  const shape = keep
    ? sizes.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : sizes.filter((_, axis) => !axes.includes(axis));
  return scope.addOne('Mean', {
    inputs: [x, scope.constant(axes, 'int32')],
    attributes: { T: attribute.type(x.dtype), Tidx: attribute.type('int32'), keep_dims: attribute.bool(keep) },
    dtype: x.dtype,
    shape,
    gradient: (into, [arriving]) => [arriving ? gradient(into, arriving) : null, null],
  });
}

function broadcastTo(scope: Scope, x: Tensor, like: Tensor): Tensor {
  return scope.addOne('BroadcastTo', {
    inputs: [x, shapeOf(scope, like)],
    attributes: { T: attribute.type(x.dtype), Tidx: attribute.type('int32') },
    dtype: x.dtype,
    shape: like.shape,
  });
}

/** The mean of each channel of each image: `[batch, height, width, channels]` → `[batch, channels]`, or `[batch, 1, 1, channels]` if `keep`. */
export function globalAveragePool(scope: Scope, x: Tensor, keep = false): Tensor {
  const [, height, width, channels] = (x.shape ?? []) as readonly [number, number, number, number];
  return meanOver(scope, x, [1, 2], keep, (into, arriving) => {
    const spread = keep ? arriving : reshape(into, arriving, [-1, 1, 1, channels]);
    return broadcastTo(into, scale(into, spread, 1 / (height * width)), x);
  });
}

/** The mean of a vector: `[batch]` → a scalar. */
export function batchMean(scope: Scope, x: Tensor): Tensor {
  return meanOver(scope, x, [0], false, (into, arriving) => {
    const count = into.addOne('Cast', {
      inputs: [shapeOf(into, x)],
      attributes: { SrcT: attribute.type('int32'), DstT: attribute.type(x.dtype), Truncate: attribute.bool(false) },
      dtype: x.dtype,
      shape: [1],
    });
    return broadcastTo(into, elementwise(into, 'RealDiv', [reshape(into, arriving, [1]), count]), x);
  });
}
