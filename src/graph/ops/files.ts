/** Bytes of images: out of files, and out of the records of TFRecord files. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { unstack } from './shapes.ts';

/** The bytes of `text` (a string scalar) that `range` (int32 `[2]`: first, number) names. */
export function substring(scope: Scope, text: Tensor, range: Tensor): Tensor {
  const [first, count] = unstack(scope, range) as [Tensor, Tensor];
  return scope.addOne('Substr', {
    inputs: [text, first, count],
    attributes: { T: attribute.type('int32'), unit: attribute.text('BYTE') },
    dtype: 'string',
    shape: [],
  });
}

/** String `index` (an int32 scalar) of a list `[count]`. */
export function oneOf(scope: Scope, texts: Tensor, index: Tensor): Tensor {
  return scope.addOne('GatherV2', {
    inputs: [texts, index, scope.constant(0, 'int32')],
    attributes: {
      Tparams: attribute.type('string'),
      Tindices: attribute.type('int32'),
      Taxis: attribute.type('int32'),
      batch_dims: attribute.int(0),
    },
    dtype: 'string',
    shape: [],
  });
}

/** A whole file as a string scalar. */
export function readFile(scope: Scope, name: Tensor): Tensor {
  return scope.addOne('ReadFile', { inputs: [name], dtype: 'string', shape: [] });
}

/** The field `image/encoded` of a serialised `tf.train.Example`; an error if it has none. */
export function encodedImage(scope: Scope, record: Tensor): Tensor {
  return scope.addOne('ParseSingleExample', {
    // An empty default makes the field obligatory.
    inputs: [record, scope.constant([], 'string', [0])],
    attributes: {
      num_sparse: attribute.int(0),
      sparse_keys: { list: {} },
      sparse_types: attribute.types([]),
      dense_keys: attribute.texts(['image/encoded']),
      Tdense: attribute.types(['string']),
      dense_shapes: attribute.shapes([[]]),
    },
    dtype: 'string',
    shape: [],
  });
}
