/** Images as bytes to normalised activations. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { cast } from './arithmetic.ts';

/**
 * (x / 255 − mean) / deviation for each colour.
 *
 * @param images uint8 `[batch, height, width, 3]`
 * @param mean, deviation one number a colour, of images scaled to [0, 1]
 * @returns float32, same shape
 */
export function normaliseImages(
  scope: Scope,
  images: Tensor,
  mean: readonly number[],
  deviation: readonly number[],
): Tensor {
  const arithmetic = (op: 'Sub' | 'Mul', x: Tensor, values: readonly number[]): Tensor =>
    scope.addOne(op, {
      inputs: [x, scope.constant(values, 'float32')],
      attributes: { T: attribute.type('float32') },
      dtype: 'float32',
      shape: x.shape,
    });
  const centred = arithmetic(
    'Sub',
    cast(scope, images, 'float32'),
    mean.map((value) => value * 255),
  );
  return arithmetic(
    'Mul',
    centred,
    deviation.map((value) => 1 / (255 * value)),
  );
}
