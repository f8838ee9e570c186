/** Weights of TensorFlow in the layout of PyTorch and ONNX: channels before rows and columns. */
import type { WeightTensor } from './program.ts';

/**
 * A convolution's filter `[height, width, in, out]` as `[out, in, height, width]`; a depthwise one `[height, width, channels, 1]`
 * as `[channels, 1, height, width]`.
 */
export function filterChannelsFirst({ shape, values }: WeightTensor, depthwise: boolean): WeightTensor {
  const [height = 1, width = 1, third = 1, fourth = 1] = shape;
  const [outer, inner] = depthwise ? [third, fourth] : [fourth, third];
  const area = height * width;
  const target = new Float32Array(values.length);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const [a, b] = depthwise ? [o, i] : [i, o];
        target[(o * inner + i) * area + pixel] = values[(pixel * third + a) * fourth + b]!;
      }
    }
  }
  return { shape: [outer, inner, height, width], values: target };
}

/** A matrix `[rows, columns]` as `[columns, rows]`. */
export function transposed({ shape, values }: WeightTensor): WeightTensor {
  const [rows = 1, columns = 1] = shape;
  const target = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) target[column * rows + row] = values[row * columns + column]!;
  }
  return { shape: [columns, rows], values: target };
}

/** The bytes of float32 values, little-endian as every format here has them (and every machine that runs this). */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
