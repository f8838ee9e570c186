import { expect } from 'chai';
import { fused } from '../../src/graph/fused.ts';
import { Graph, type Kernels, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { hSwish } from '../../src/graph/ops/activations.ts';
import { elementwise } from '../../src/graph/ops/arithmetic.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { expectClose } from './close.ts';
import { openGraph } from './engine.ts';

/** x · y + 1, the second factor broadcast. */
function productPlusOne(scope: Scope, x: Tensor, y: Tensor): Tensor {
  return fused(scope, {
    name: 'product_plus_one',
    inputs: [x, y],
    body: (inside, [a, b]) =>
      elementwise(inside, 'AddV2', [elementwise(inside, 'Mul', [a!, b!]), inside.constant(1, 'float32')]),
  });
}

function functionsOf(graph: Graph): string[] {
  return graph.toProto().library.function.map(({ signature }) => signature.name);
}

describe('fused', () => {
  for (const kernels of ['any', 'onednn'] as const satisfies readonly Kernels[]) {
    it(`gives the same numbers, with another shape each time and a factor that broadcasts (${kernels})`, () => {
      const graph = new Graph(kernels);
      const x = graph.placeholder('x', 'float32', [-1, 3]);
      const y = graph.placeholder('y', 'float32', [3]);
      graph.output('z', productPlusOne(graph.main, x, y));
      const session = openGraph(graph);
      try {
        for (const rows of [1, 4, 2]) {
          const values = Float32Array.from({ length: rows * 3 }, (_, index) => index - 2.5);
          const factors = Float32Array.of(2, -1, 0.5);
          const fed = { 'x:0': { shape: [rows, 3], values }, 'y:0': { shape: [3], values: factors } };
          const [found] = session.run(fed, ['z:0']);
          expectClose(
            Array.from(found!, Number),
            values.map((value, index) => value * factors[index % 3]! + 1),
            `${rows} rows`,
          );
        }
      } finally {
        session.close();
      }
    });
  }

  it('is one function of the graph, however often and wherever it is used', () => {
    const graph = new Graph('onednn');
    const x = graph.placeholder('x', 'float32', [-1, 4, 4, 2]);
    const chosen = switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [(scope) => [hSwish(scope, x)], (scope) => [hSwish(scope, hSwish(scope, x))]],
    });
    graph.output('y', hSwish(graph.main, chosen[0]!));
    expect(functionsOf(graph).sort()).to.deep.equal(['choice_0', 'choice_1', 'h_swish_float32']);
  });

  it('states the shape of its result, without which oneDNN would abort at a convolution of it', () => {
    const graph = new Graph('onednn');
    const y = hSwish(graph.main, graph.placeholder('x', 'float32', [-1, 4, 4, 2]));
    expect(y.operation.op).to.equal('EnsureShape');
    expect(y.shape).to.deep.equal([-1, 4, 4, 2]);
  });

  it('adds plain operations and no function where the graph is for any kernels: files for other programs need no XLA', () => {
    const graph = new Graph();
    hSwish(graph.main, graph.placeholder('x', 'float32', [-1, 4, 4, 2]));
    expect(functionsOf(graph)).to.deep.equal([]);
    const ops = graph.main.operations.map(({ op }) => op);
    // (x / 6) · relu6(x + 3): a form that TensorFlow's CPU optimiser fuses with the convolution before it.
    expect(ops.filter((op) => !['Placeholder', 'EnsureShape', 'Const'].includes(op))).to.deep.equal([
      'AddV2',
      'Relu6',
      'Mul',
      'Mul',
    ]);
  });

  it('refuses a tensor that is not among its inputs', () => {
    const graph = new Graph('onednn');
    const x = graph.placeholder('x', 'float32', [2]);
    const other = graph.placeholder('other', 'float32', [2]);
    fused(graph.main, { name: 'wrong', inputs: [x], body: (inside, [a]) => elementwise(inside, 'Mul', [a!, other]) });
    expect(() => graph.toProto()).to.throw(/out of reach of "wrong_float32": pass it as an input/);
  });
});
