/** Elementwise sums and products, with their gradients. */
import { fused } from '../fused.ts';
import type { GradientFunction, Scope, Tensor } from '../graph.ts';
import { attribute, type DType, type Shape, shapeText } from '../types.ts';

/** An elementwise op without a gradient: what backward functions are made of. */
export function elementwise(scope: Scope, op: string, inputs: readonly Tensor[], shape?: Shape): Tensor {
  const first = inputs[0]!;
  return scope.addOne(op, {
    inputs,
    attributes: { T: attribute.type(first.dtype) },
    dtype: first.dtype,
    shape: shape === undefined ? first.shape : shape,
  });
}

/** x + y, of equal shapes. */
export function add(scope: Scope, x: Tensor, y: Tensor): Tensor {
  if (shapeText(x.shape) !== shapeText(y.shape)) {
    throw new Error(`add: shapes ${shapeText(x.shape)} and ${shapeText(y.shape)} differ`);
  }
  return scope.addOne('AddV2', {
    inputs: [x, y],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
    gradient: (_, [gradient]) => [gradient ?? null, gradient ?? null],
  });
}

/** x · factor, for a number or a scalar tensor that is not differentiated. */
export function scale(scope: Scope, x: Tensor, factor: number | Tensor): Tensor {
  const by = typeof factor === 'number' ? scope.constant(factor, x.dtype) : factor;
  return scope.addOne('Mul', {
    inputs: [x, by],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
    gradient: (into, [gradient]) => [gradient ? scale(into, gradient, by) : null, null],
  });
}

/** The channels of every image times its gates: `[batch, height, width, channels]` · `[batch, 1, 1, channels]` (squeeze-and-excite). */
export function scaleChannels(scope: Scope, x: Tensor, gates: Tensor): Tensor {
  return timesGates(scope, x, gates, (into, [gradient]) => {
    if (!gradient) return [null, null];
    const product = elementwise(into, 'Mul', [gradient, x]);
    const sum = into.addOne('Sum', {
      inputs: [product, into.constant([1, 2], 'int32')],
      attributes: { T: attribute.type(x.dtype), Tidx: attribute.type('int32'), keep_dims: attribute.bool(true) },
      dtype: x.dtype,
      shape: gates.shape,
    });
    return [timesGates(into, gradient, gates), sum];
  });
}

/** One loop, as TensorFlow's own product writes the gates out to the image's size first. */
function timesGates(scope: Scope, x: Tensor, gates: Tensor, gradient?: GradientFunction): Tensor {
  return fused(scope, {
    name: 'times_gates',
    inputs: [x, gates],
    body: (inside, [value, factors]) => elementwise(inside, 'Mul', [value!, factors!]),
    ...(gradient === undefined ? {} : { gradient }),
  });
}

/** The same values as another type. Gradients are cast back. */
export function cast(scope: Scope, x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  return scope.addOne('Cast', {
    inputs: [x],
    attributes: { SrcT: attribute.type(x.dtype), DstT: attribute.type(dtype), Truncate: attribute.bool(false) },
    dtype,
    shape: x.shape,
    gradient: (into, [gradient]) => [gradient ? cast(into, gradient, x.dtype) : null],
  });
}
