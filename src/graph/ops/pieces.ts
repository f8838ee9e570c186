/** A batch in pieces, side by side: for CPUs, whose caches hold the activations of a few images but not of a whole batch. */
import { ensureShape, type Scope, type Tensor } from '../graph.ts';
import { attribute, shapeText } from '../types.ts';
import { whileLoop } from '../while-loop.ts';
import { elementwise } from './arithmetic.ts';
import { shapeOf, sliceRows, unstack } from './shapes.ts';

export interface PiecesOptions {
  /** Unique in the graph. */
  readonly name: string;
  /** Rows of a piece; the last piece has what is left. */
  readonly size: number;
  /** Adds what is done with a piece to the given scope; row i of the result belongs to row i of the piece. */
  readonly body: (scope: Scope, piece: Tensor) => Tensor;
}

/** More than most machines have cores; pieces that find no free thread wait. */
const parallelIterations = 32;

/**
 * What `body` makes of the rows of `batch`, of which there may be any number, also none. Where a row's result does not depend on the
 * rows beside it, it is that of the whole batch, bit for bit, as far as the kernels' results do not depend on the batch size.
 *
 * Forward only. The gain is whole where TensorFlow runs each operation in one thread and as many operations at a time as there
 * are cores; docs/results/fixed-network.md has the numbers.
 *
 * @param batch `[batch, …]`, in the main graph
 * @returns `[batch, …]`
 */
export function inPieces(scope: Scope, batch: Tensor, { name, size, body }: PiecesOptions): Tensor {
  const int32 = (value: number): Tensor => scope.constant(value, 'int32');
  const rows = unstack(scope, shapeOf(scope, batch))[0]!;
  const count = elementwise(scope, 'FloorDiv', [elementwise(scope, 'AddV2', [rows, int32(size - 1)]), int32(size)]);
  const type = { element_dtype: attribute.type('float32'), shape_type: attribute.type('int32') };
  const list = scope.addOne('TensorListReserve', {
    // A scalar of -1: results of any shape.
    inputs: [int32(-1), count],
    attributes: type,
    dtype: 'variant',
    shape: [],
  });
  let shape: readonly number[] = [];
  const [, filled] = whileLoop(scope, {
    name,
    start: [int32(0), list],
    condition: (inside, [index]) =>
      inside.addOne('Less', {
        inputs: [index!, count],
        attributes: { T: attribute.type('int32') },
        dtype: 'bool',
        shape: [],
      }),
    body: (inside, [index, results]) => {
      const first = elementwise(inside, 'Mul', [index!, int32(size)]);
      const left = elementwise(inside, 'Sub', [rows, first]);
      const taken = sliceRows(inside, inside.import(batch), first, elementwise(inside, 'Minimum', [int32(size), left]));
      const result = body(inside, ensureShape(inside, taken, taken.shape ?? []));
      if (result.dtype !== 'float32' || result.shape === null) {
        throw new Error(`inPieces "${name}": a piece gives ${result.dtype} ${shapeText(result.shape)}`);
      }
      shape = [-1, ...result.shape.slice(1)];
      const next = inside.addOne('TensorListSetItem', {
        inputs: [results!, index!, result],
        attributes: { element_dtype: type.element_dtype },
        dtype: 'variant',
        shape: [],
      });
      return [elementwise(inside, 'AddV2', [index!, int32(1)]), next];
    },
    parallelIterations,
  });
  const joined = scope.add('TensorListConcatV2', {
    inputs: [filled!, scope.constant(shape, 'int32'), scope.constant([], 'int64')],
    attributes: type,
    outputs: [
      { dtype: 'float32', shape },
      { dtype: 'int64', shape: [-1] },
    ],
  });
  return ensureShape(scope, joined.outputs[0]!, shape);
}
