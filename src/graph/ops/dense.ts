/** Fully connected layers, with their gradients. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute, type Shape, shapeText } from '../types.ts';

function product(scope: Scope, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, shape: Shape): Tensor {
  return scope.addOne('MatMul', {
    inputs: [a, b],
    attributes: {
      T: attribute.type(a.dtype),
      transpose_a: attribute.bool(transposeA),
      transpose_b: attribute.bool(transposeB),
    },
    dtype: a.dtype,
    shape,
    gradient: (into, [gradient]) => {
      if (!gradient || transposeA || transposeB) return [null, null];
      return [
        a.differentiable ? product(into, gradient, b, false, true, a.shape) : null,
        b.differentiable ? product(into, a, gradient, true, false, b.shape) : null,
      ];
    },
  });
}

/** Matrix product `[rows, inner]` · `[inner, columns]`. */
export function matMul(scope: Scope, a: Tensor, b: Tensor): Tensor {
  if (a.shape?.length !== 2 || b.shape?.length !== 2 || a.shape[1] !== b.shape[0]) {
    throw new Error(`matMul: ${shapeText(a.shape)} does not fit ${shapeText(b.shape)}`);
  }
  return product(scope, a, b, false, false, [a.shape[0]!, b.shape[1]!]);
}

/** Adds `bias` `[channels]` to the last dimension of x. */
export function biasAdd(scope: Scope, x: Tensor, bias: Tensor): Tensor {
  const attributes = { T: attribute.type(x.dtype), data_format: attribute.text('NHWC') };
  return scope.addOne('BiasAdd', {
    inputs: [x, bias],
    attributes,
    dtype: x.dtype,
    shape: x.shape,
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      return [
        gradient,
        into.addOne('BiasAddGrad', { inputs: [gradient], attributes, dtype: x.dtype, shape: bias.shape }),
      ];
    },
  });
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
