/** A plain matrix product, the fastest that the machine multiplies: what a network's arithmetic is compared with. */
import type { Binding } from '../../src/engine/binding.ts';
import { openSession } from '../../src/engine/session.ts';
import { Graph } from '../../src/graph/graph.ts';
import { matMul } from '../../src/graph/ops/dense.ts';
import { attribute } from '../../src/graph/types.ts';

export interface Product {
  /** Multiplications and additions of one `multiply()`, two for each pair. */
  readonly operations: number;
  multiply(): void;
}

/** rows x inner by inner x columns, in float32. */
export function plainProduct(binding: Binding, rows: number, inner: number, columns: number): Product {
  // Its own sum leaves TensorFlow, so that the product is made and nothing but a number is copied.
  const graph = new Graph();
  const { main } = graph;
  const left = graph.placeholder('left', 'float32', [rows, inner]);
  const right = graph.placeholder('right', 'float32', [inner, columns]);
  const total = main.addOne('Sum', {
    inputs: [matMul(main, left, right), main.constant([0, 1], 'int32')],
    attributes: { T: attribute.type('float32'), Tidx: attribute.type('int32'), keep_dims: attribute.bool(false) },
    dtype: 'float32',
    shape: [],
  });
  graph.output('total', total);
  const session = openSession(binding, graph.encode());
  const feeds = {
    'left:0': { shape: [rows, inner], values: new Float32Array(rows * inner).fill(0.5) },
    'right:0': { shape: [inner, columns], values: new Float32Array(inner * columns).fill(0.5) },
  };
  return {
    operations: 2 * rows * inner * columns,
    multiply: () => {
      session.run(feeds, ['total:0']);
    },
  };
}
