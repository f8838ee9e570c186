/** ReLU, ReLU6, and MobileNetV3's H-Swish and H-Sigmoid (Howard et al. 2019, section 5.2), with their gradients. */
import { fused } from '../fused.ts';
import { ensureShape, type Scope, type Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { elementwise, scale } from './arithmetic.ts';

function clipped(scope: Scope, x: Tensor, op: 'Relu' | 'Relu6'): Tensor {
  const value = scope.addOne(op, {
    inputs: [x],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
    // From the output, not the input: the next convolution keeps it anyway, so the input can be freed.
    gradient: (into, [gradient]) => [gradient ? elementwise(into, `${op}Grad`, [gradient, y]) : null],
  });
  // TensorFlow's CPU optimiser fuses ReLU with the batch norm before it, forgets the shape of what it made, and then
  // oneDNN's layout pass aborts the process at the convolution that follows. Here the shape is stated again.
  const y: Tensor = op === 'Relu' && x.shape !== null ? ensureShape(scope, value, x.shape) : value;
  return y;
}

/** max(x, 0) */
export function relu(scope: Scope, x: Tensor): Tensor {
  return clipped(scope, x, 'Relu');
}

/** min(max(x, 0), 6) */
export function relu6(scope: Scope, x: Tensor): Tensor {
  return clipped(scope, x, 'Relu6');
}

/** relu6(x + 3) / 6 */
export function hSigmoid(scope: Scope, x: Tensor): Tensor {
  const shifted = scope.addOne('AddV2', {
    inputs: [x, scope.constant(3, x.dtype)],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
    gradient: (_, [gradient]) => [gradient ?? null, null],
  });
  return scale(scope, relu6(scope, shifted), 1 / 6);
}

/**
 * x · relu6(x + 3) / 6. Its gradient is computed from x alone, so that only x is kept for the backward pass.
 *
 * Written as (x / 6) · relu6(x + 3), a form that TensorFlow's CPU optimiser knows: where batch norm is folded, it makes it a
 * part of the convolution and bias before it.
 */
export function hSwish(scope: Scope, x: Tensor): Tensor {
  return fused(scope, {
    name: 'h_swish',
    inputs: [x],
    body: (inside, [value]) => {
      const clippedSum = shiftedRelu6(inside, value!);
      const sixth = elementwise(inside, 'Mul', [value!, inside.constant(1 / 6, x.dtype)]);
      return elementwise(inside, 'Mul', [sixth, clippedSum]);
    },
    gradient: (into, [gradient]) => [gradient ? hSwishGradient(into, x, gradient) : null],
  });
}

function hSwishGradient(scope: Scope, x: Tensor, gradient: Tensor): Tensor {
  return fused(scope, {
    name: 'h_swish_gradient',
    inputs: [x, gradient],
    body: (inside, [value, arriving]) => {
      const multiply = (a: Tensor, b: Tensor): Tensor => elementwise(inside, 'Mul', [a, b]);
      const clippedSum = shiftedRelu6(inside, value!);
      const sixth = multiply(arriving!, inside.constant(1 / 6, x.dtype));
      const throughGate = elementwise(inside, 'Relu6Grad', [multiply(sixth, value!), clippedSum]);
      return elementwise(inside, 'AddV2', [multiply(sixth, clippedSum), throughGate]);
    },
  });
}

/** relu6(x + 3), not differentiated. */
function shiftedRelu6(scope: Scope, x: Tensor): Tensor {
  return elementwise(scope, 'Relu6', [elementwise(scope, 'AddV2', [x, scope.constant(3, x.dtype)])]);
}
