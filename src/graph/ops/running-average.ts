/** State that the forward pass moves: running averages, and tensors kept on the device. */
import type { Operation, Scope, Tensor, Variable } from '../graph.ts';
import { attribute } from '../types.ts';
import { elementwise } from './arithmetic.ts';

/**
 * variable ← variable + factor · (value − variable). With factor 1, 1/2, 1/3, … over equal batches the variable ends as
 * their mean. Factor 1 sets the value itself: the sum would keep the rounding of what was there before, or its NaN.
 *
 * @returns the update, which must be made to run
 */
export function moveTowards(scope: Scope, variable: Variable, value: Tensor, factor: Tensor): Operation {
  const current = scope.read(variable);
  const step = elementwise(scope, 'Mul', [elementwise(scope, 'Sub', [value, current]), factor], variable.shape);
  const first = scope.addOne('GreaterEqual', {
    inputs: [factor, scope.constant(1, 'float32')],
    attributes: { T: attribute.type('float32') },
    dtype: 'bool',
    shape: [],
  });
  const next = scope.addOne('SelectV2', {
    inputs: [first, value, elementwise(scope, 'AddV2', [current, step])],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape: variable.shape,
  });
  return scope.add('AssignVariableOp', {
    inputs: [scope.handle(variable), next],
    attributes: { dtype: attribute.type('float32') },
  });
}

/** Sets a variable to a fed value. The copy keeps TensorFlow from holding on to JavaScript's memory. */
export function store(scope: Scope, variable: Variable, value: Tensor): Operation {
  const copy = scope.addOne('DeepCopy', {
    inputs: [value],
    attributes: { T: attribute.type(value.dtype) },
    dtype: value.dtype,
    shape: value.shape,
  });
  return assign(scope, variable, copy);
}

/** Sets a variable to a value of the graph. */
export function assign(scope: Scope, variable: Variable, value: Tensor): Operation {
  return scope.add('AssignVariableOp', {
    inputs: [scope.handle(variable), value],
    attributes: { dtype: attribute.type(variable.dtype) },
  });
}
