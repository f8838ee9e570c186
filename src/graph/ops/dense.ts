/** Fully connected layers, with their gradients. */
import type { Scope, Tensor } from '../graph.ts';
import type { AttributeProto } from '../protocol.ts';
import { attribute, shapeText } from '../types.ts';

/**
 * The product of two matrices, one of them turned over or none. Differentiable where none is; backward functions need the others.
 */
export function product(scope: Scope, a: Tensor, b: Tensor, turned?: 'first' | 'second'): Tensor {
  const [aRows, aColumns] = a.shape as readonly [number, number];
  const [bRows, bColumns] = b.shape as readonly [number, number];
  return scope.addOne('MatMul', {
    inputs: [a, b],
    attributes: productAttributes(a, turned),
    dtype: a.dtype,
    shape: [turned === 'first' ? aColumns : aRows, turned === 'second' ? bRows : bColumns],
    gradient: (into, [gradient]) => {
      if (!gradient || turned !== undefined) return [null, null];
      return [
        a.differentiable ? product(into, gradient, b, 'second') : null,
        b.differentiable ? product(into, a, gradient, 'first') : null,
      ];
    },
  });
}

/** Of `MatMul`. */
export function productAttributes(a: Tensor, turned?: 'first' | 'second'): Record<string, AttributeProto> {
  return {
    T: attribute.type(a.dtype),
    transpose_a: attribute.bool(turned === 'first'),
    transpose_b: attribute.bool(turned === 'second'),
  };
}

/** Matrix product `[rows, inner]` · `[inner, columns]`. */
export function matMul(scope: Scope, a: Tensor, b: Tensor): Tensor {
  if (a.shape?.length !== 2 || b.shape?.length !== 2 || a.shape[1] !== b.shape[0]) {
    throw new Error(`matMul: ${shapeText(a.shape)} does not fit ${shapeText(b.shape)}`);
  }
  return product(scope, a, b);
}

/** Adds `bias` `[channels]` to the last dimension of x. */
export function biasAdd(scope: Scope, x: Tensor, bias: Tensor): Tensor {
  return scope.addOne('BiasAdd', {
    inputs: [x, bias],
    attributes: biasAttributes(x),
    dtype: x.dtype,
    shape: x.shape,
    gradient: (into, [gradient]) => {
      return gradient ? [gradient, channelSums(into, gradient)] : [null, null];
    },
  });
}

/** The sum of each channel, the last dimension. `[channels]` */
export function channelSums(scope: Scope, x: Tensor): Tensor {
  const shape = [x.shape?.at(-1) ?? -1];
  return scope.addOne('BiasAddGrad', { inputs: [x], attributes: biasAttributes(x), dtype: x.dtype, shape });
}

/** Of `BiasAdd` and its gradient, for x whose last dimension is the channels. */
export function biasAttributes(x: Tensor): Record<string, AttributeProto> {
  return { T: attribute.type(x.dtype), data_format: attribute.text('NHWC') };
}

/**
 * A matrix that is not differentiated times a matrix, for each example: `[batch, rows, inner]` · `[batch, inner, columns]`.
 *
 * @param transpose multiplies by the matrix turned over instead: its shape is `[batch, inner, rows]`
 */
export function batchMatMul(scope: Scope, matrix: Tensor, x: Tensor, transpose = false): Tensor {
  const [batch, first, second] = matrix.shape ?? [];
  const [rows, inner] = transpose ? [second, first] : [first, second];
  if (matrix.shape?.length !== 3 || x.shape?.length !== 3 || rows === undefined || inner !== x.shape[1]) {
    throw new Error(`batchMatMul: ${shapeText(matrix.shape)} does not fit ${shapeText(x.shape)}`);
  }
  return scope.addOne('BatchMatMulV2', {
    inputs: [matrix, x],
    attributes: { T: attribute.type(x.dtype), adj_x: attribute.bool(transpose), adj_y: attribute.bool(false) },
    dtype: x.dtype,
    shape: [batch!, rows, x.shape[2]!],
    gradient: (into, [gradient]) => [null, gradient ? batchMatMul(into, matrix, gradient, !transpose) : null],
  });
}
