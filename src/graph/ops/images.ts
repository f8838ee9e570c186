/** Images as bytes to normalised activations. */
import type { Scope, Tensor } from '../graph.ts';
import { shapeText } from '../types.ts';
import { cast, elementwise } from './arithmetic.ts';
import { reshape } from './shapes.ts';

/**
 * (x / 255 − mean) / deviation for each colour.
 *
 * Computed on rows of pixels, `[batch · height, width · 3]`, with the constants of a whole row: TensorFlow's broadcast of three
 * values over the last dimension takes four times as long on a CPU (17.0 against 4.5 ms of processor time for 32 images of
 * 224 px). The values are the same, bit for bit.
 *
 * @param images uint8 `[batch, height, width, 3]`; height and width are known
 * @param mean, deviation one number a colour, of images scaled to [0, 1]
 * @returns float32, same shape
 */
export function normaliseImages(
  scope: Scope,
  images: Tensor,
  mean: readonly number[],
  deviation: readonly number[],
): Tensor {
  const [, , width = -1, colours = -1] = images.shape ?? [];
  if (width < 0 || colours < 0) throw new Error(`normaliseImages: ${shapeText(images.shape)} leaves the width open`);
  const arithmetic = (op: 'Sub' | 'Mul', x: Tensor, values: readonly number[]): Tensor => {
    const row = Array.from({ length: width }, () => values).flat();
    return elementwise(scope, op, [x, scope.constant(row, 'float32')]);
  };
  const rows = reshape(scope, cast(scope, images, 'float32'), [-1, width * colours]);
  const centred = arithmetic(
    'Sub',
    rows,
    mean.map((value) => value * 255),
  );
  const scaled = arithmetic(
    'Mul',
    centred,
    deviation.map((value) => 1 / (255 * value)),
  );
  return reshape(scope, scaled, images.shape ?? []);
}
