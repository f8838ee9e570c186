import { expect } from 'chai';
import { backward } from '../../../src/graph/gradients.ts';
import { Graph } from '../../../src/graph/graph.ts';
import { hSigmoid, hSwish, relu, relu6 } from '../../../src/graph/ops/activations.ts';
import { scale } from '../../../src/graph/ops/arithmetic.ts';
import { conv2d } from '../../../src/graph/ops/convolution.ts';
import { switchCase } from '../../../src/graph/switch-case.ts';
import { describeOp } from './describe-op.ts';
import { differentiableInput } from './op-under-test.ts';

for (const [name, activation] of Object.entries({ relu, relu6, hSigmoid, hSwish })) {
  describeOp(name, (scope, { x }) => ({ y: activation(scope, x!) }), { batched: ['x'] });
}

describeOp('hSwish', (scope, { x }) => ({ y: hSwish(scope, x!) }), { batched: ['x'], kernels: 'onednn' });

describe('relu', () => {
  it('states its shape again: TensorFlow forgets it where it fuses batch norm and ReLU, and oneDNN then aborts', () => {
    const graph = new Graph();
    const y = relu(graph.main, graph.placeholder('x', 'float32', [-1, 4, 4, 2]));
    expect(y.operation.op).to.equal('EnsureShape');
    expect(y.shape).to.deep.equal([-1, 4, 4, 2]);
  });

  it('hands one tensor over to its derivative and to the next convolution, not two', () => {
    const graph = new Graph();
    const { main } = graph;
    const x = differentiableInput(graph, 'x', [-1, 4, 4, 2]);
    const filter = main.read(graph.variable('filter', { shape: [3, 3, 2, 2] }));
    const [y] = switchCase(main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [(scope) => [conv2d(scope, relu(scope, scale(scope, x, 2)), filter, 1)]],
    });
    const gradient = graph.placeholder('gradient', 'float32', [-1, 4, 4, 2]);
    const outputs = [{ tensor: y!, gradient }];
    backward({ outputs, from: main, into: main, sink: (scope) => scope.add('NoOp'), wanted: [x] });
    // The value of the branch, and the output of ReLU.
    expect(y!.operation.outputs).to.have.length(2);
  });
});
