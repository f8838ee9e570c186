/** Random tensors that are pure functions of a seed (Philox 4x32-10, TensorFlow's stateless ops). */
import type { Scope, Tensor } from '../graph.ts';
import { attribute, type DType, type Shape } from '../types.ts';
import { reshape, shapeOf } from './shapes.ts';

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
  return multiply(scope, x, keptFactors(scope, shapeOf(scope, x), x.shape, rate, seed, x.dtype));
}

/**
 * Stochastic depth (Huang et al. 2016): what a residual branch adds to an image, `[batch, height, width, channels]`, is 0 with
 * probability `rate`, else divided by 1 − rate.
 *
 * @param rate in [0, 1)
 * @param seed int32 `[2]`; the same seed drops the same images
 */
export function dropPath(scope: Scope, x: Tensor, rate: number, seed: Tensor): Tensor {
  if (rate === 0) return x;
  const [batch = -1] = x.shape ?? [];
  const count = scope.addOne('StridedSlice', {
    inputs: [
      shapeOf(scope, x),
      scope.constant([0], 'int32'),
      scope.constant([1], 'int32'),
      scope.constant([1], 'int32'),
    ],
    attributes: {
      T: attribute.type('int32'),
      Index: attribute.type('int32'),
      begin_mask: attribute.int(0),
      end_mask: attribute.int(0),
      ellipsis_mask: attribute.int(0),
      new_axis_mask: attribute.int(0),
      shrink_axis_mask: attribute.int(0),
    },
    dtype: 'int32',
    shape: [1],
  });
  const size = scope.addOne('ConcatV2', {
    inputs: [count, scope.constant([1, 1, 1], 'int32'), scope.constant(0, 'int32')],
    attributes: { T: attribute.type('int32'), Tidx: attribute.type('int32'), N: attribute.int(2) },
    dtype: 'int32',
    shape: [4],
  });
  return multiply(scope, x, keptFactors(scope, size, [batch, 1, 1, 1], rate, seed, x.dtype));
}

/**
 * Random erasing (Zhong et al. 2017): a rectangle of each image becomes normal noise, each value by itself. Not differentiated, as
 * images are not.
 *
 * @param images float32 `[batch, height, width, channels]`, normalised
 * @param boxes int32 `[batch, 4]`: top, left, height, width; 0 rows erase nothing
 * @param seed int32 `[2]`; the same seed gives the same noise
 */
export function eraseBoxes(scope: Scope, images: Tensor, boxes: Tensor, seed: Tensor): Tensor {
  const [batch = -1, height = -1, width = -1] = images.shape ?? [];
  const int = attribute.type('int32');
  const edge = (column: number): Tensor => {
    const cut = scope.addOne('Slice', {
      inputs: [boxes, scope.constant([0, column], 'int32'), scope.constant([-1, 1], 'int32')],
      attributes: { T: int, Index: int },
      dtype: 'int32',
      shape: [batch, 1],
    });
    return reshape(scope, cut, [-1, 1, 1, 1]);
  };
  const within = (first: Tensor, size: Tensor, length: number, shape: readonly number[]): Tensor => {
    const places = scope.constant(
      Array.from({ length }, (_, place) => place),
      'int32',
      shape,
    );
    const comparison = { attributes: { T: int }, dtype: 'bool', shape: [batch, ...shape.slice(1)] } as const;
    const end = scope.addOne('AddV2', {
      inputs: [first, size],
      attributes: { T: int },
      dtype: 'int32',
      shape: first.shape,
    });
    return both(
      scope,
      scope.addOne('GreaterEqual', { inputs: [places, first], ...comparison }),
      scope.addOne('Less', { inputs: [places, end], ...comparison }),
      comparison.shape,
    );
  };
  const rows = within(edge(0), edge(2), height, [1, height, 1, 1]);
  const columns = within(edge(1), edge(3), width, [1, 1, width, 1]);
  return scope.addOne('SelectV2', {
    inputs: [
      both(scope, rows, columns, [batch, height, width, 1]),
      randomNormal(scope, shapeOf(scope, images), seed),
      images,
    ],
    attributes: { T: attribute.type(images.dtype) },
    dtype: images.dtype,
    shape: images.shape,
  });
}

function both(scope: Scope, x: Tensor, y: Tensor, shape: Shape): Tensor {
  return scope.addOne('LogicalAnd', { inputs: [x, y], dtype: 'bool', shape });
}

/** 0 with probability `rate`, else 1 / (1 − rate). */
function keptFactors(scope: Scope, size: Tensor, shape: Shape, rate: number, seed: Tensor, dtype: DType): Tensor {
  const drawn = randomUniform(scope, size, seed);
  const kept = scope.addOne('GreaterEqual', {
    inputs: [drawn, scope.constant(rate, 'float32')],
    attributes: { T: attribute.type('float32') },
    dtype: 'bool',
    shape,
  });
  const asNumbers = scope.addOne('Cast', {
    inputs: [kept],
    attributes: { SrcT: attribute.type('bool'), DstT: attribute.type(dtype), Truncate: attribute.bool(false) },
    dtype,
    shape,
  });
  return scope.addOne('Mul', {
    inputs: [asNumbers, scope.constant(1 / (1 - rate), dtype)],
    attributes: { T: attribute.type(dtype) },
    dtype,
    shape,
  });
}

/** x · factors, which are not differentiated. */
function multiply(scope: Scope, x: Tensor, factors: Tensor): Tensor {
  return scope.addOne('Mul', {
    inputs: [x, factors],
    attributes: { T: attribute.type(x.dtype) },
    dtype: x.dtype,
    shape: x.shape,
    gradient: (into, [gradient]) => [gradient ? multiply(into, gradient, factors) : null, null],
  });
}
