/** Random tensors that are pure functions of a seed (Philox 4x32-10, TensorFlow's stateless ops). */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { shapeOf } from './shapes.ts';

function stateless(
  scope: Scope,
  op: 'StatelessRandomNormal' | 'StatelessRandomUniform',
  like: Tensor,
  seed: Tensor,
): Tensor {
  return scope.addOne(op, {
    inputs: [like, seed],
    attributes: { dtype: attribute.type('float32'), T: attribute.type('int32'), Tseed: attribute.type(seed.dtype) },
    dtype: 'float32',
    shape: null,
  });
}

/** Normal deviates with mean 0 and deviation 1. `shape`: an int32 vector; `seed`: int32 or int64 `[2]`. */
export function randomNormal(scope: Scope, shape: Tensor, seed: Tensor): Tensor {
  return stateless(scope, 'StatelessRandomNormal', shape, seed);
}

/** Uniform deviates in [0, 1). */
export function randomUniform(scope: Scope, shape: Tensor, seed: Tensor): Tensor {
  return stateless(scope, 'StatelessRandomUniform', shape, seed);
}

/**
 * Inverted dropout (Srivastava et al. 2014): each value is 0 with probability `rate`, else divided by 1 − rate.
 *
 * @param rate in [0, 1)
 * @param seed int32 `[2]`; the same seed drops the same values
 */
export function dropout(scope: Scope, x: Tensor, rate: number, seed: Tensor): Tensor {
  if (rate === 0) return x;
  const drawn = randomUniform(scope, shapeOf(scope, x), seed);
  const kept = scope.addOne('GreaterEqual', {
    inputs: [drawn, scope.constant(rate, 'float32')],
    attributes: { T: attribute.type('float32') },
    dtype: 'bool',
    shape: x.shape,
  });
  const asNumbers = scope.addOne('Cast', {
    inputs: [kept],
    attributes: { SrcT: attribute.type('bool'), DstT: attribute.type(x.dtype), Truncate: attribute.bool(false) },
    dtype: x.dtype,
    shape: x.shape,
  });
  const factors = scope.addOne('Mul', {
    inputs: [asNumbers, scope.constant(1 / (1 - rate), x.dtype)],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
  });
  const multiply = (into: Scope, values: Tensor): Tensor =>
    into.addOne('Mul', {
      inputs: [values, factors],
      attributes: { T: attribute.type(x.dtype) },
      dtype: x.dtype,
      shape: x.shape,
      gradient: (deeper, [gradient]) => [gradient ? multiply(deeper, gradient) : null, null],
    });
  return multiply(scope, x);
}
