import { expect } from 'chai';
import { backward } from '../../../src/graph/gradients.ts';
import { Graph } from '../../../src/graph/graph.ts';
import { conv2d, depthwiseConv2d } from '../../../src/graph/ops/convolution.ts';
import { describeOp } from './describe-op.ts';
import { numberAttribute } from './fixtures.ts';

for (const [name, convolution] of Object.entries({ conv2d, depthwiseConv2d })) {
  describeOp(
    name,
    (scope, { x, filter }, attributes) => ({
      y: convolution(scope, x!, filter!, numberAttribute(attributes, 'stride')),
    }),
    { batched: ['x'] },
  );
}

describe('conv2d and depthwiseConv2d', () => {
  it('refuse an image that does not fit the filter, and name both shapes', () => {
    const { main } = new Graph();
    const image = main.constant(Array<number>(18).fill(0), 'float32', [1, 3, 3, 2]);
    const filter = main.constant([1, 2, 3], 'float32', [1, 1, 3, 1]);
    for (const convolution of [conv2d, depthwiseConv2d]) {
      expect(() => convolution(main, image, filter, 1)).to.throw('image [1, 3, 3, 2] does not fit filter [1, 1, 3, 1]');
      expect(() => convolution(main, main.constant([1], 'float32'), filter, 1)).to.throw('image [1] does not fit');
    }
  });

  it('do not differentiate images: no gradient op is built for an input without a variable behind it', () => {
    const graph = new Graph();
    const { main } = graph;
    const image = graph.placeholder('image', 'float32', [-1, 4, 4, 2]);
    const filter = main.read(graph.variable('filter', { shape: [3, 3, 2, 2] }));
    const y = conv2d(main, image, filter, 1);
    const gradient = graph.placeholder('gradient', 'float32', [-1, 4, 4, 2]);
    backward({ outputs: [{ tensor: y, gradient }], from: main, into: main, sink: (scope) => scope.add('NoOp') });
    const ops = main.operations.map(({ op }) => op);
    expect(ops).to.include('Conv2DBackpropFilter').and.not.include('Conv2DBackpropInput');
  });
});
