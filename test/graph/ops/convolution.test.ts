import { expect } from 'chai';
import { backward } from '../../../src/graph/gradients.ts';
import { Graph } from '../../../src/graph/graph.ts';
import { conv2d, depthwiseConv2d } from '../../../src/graph/ops/convolution.ts';
import { expectClose } from '../close.ts';
import { noise } from '../training-graph.ts';
import { describeOp } from './describe-op.ts';
import { numberAttribute } from './fixtures.ts';
import { type OpUnderTest, openOps, places } from './op-under-test.ts';

for (const kernels of ['any', 'onednn'] as const) {
  for (const [name, convolution] of Object.entries({ conv2d, depthwiseConv2d })) {
    describeOp(
      name,
      (scope, { x, filter }, attributes) => ({
        y: convolution(scope, x!, filter!, numberAttribute(attributes, 'stride')),
      }),
      { batched: ['x'], kernels },
    );
  }
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

  it('keep narrow strided 1x1 convolutions away from a kernel of oneDNN that corrupts the heap', () => {
    // Batches that two threads do not share evenly, fewer channels than oneDNN's block of 16.
    const sizes = [
      { batch: 5, pixels: 16, inChannels: 4, outChannels: 6 },
      { batch: 7, pixels: 15, inChannels: 12, outChannels: 6 },
      { batch: 5, pixels: 16, inChannels: 15, outChannels: 4 },
    ];
    const stride = 2;
    const ops = sizes.map(
      ({ batch, pixels, inChannels, outChannels }): OpUnderTest => ({
        name: `${inChannels} channels`,
        inputs: {
          x: { shape: [batch, pixels, pixels, inChannels], dtype: 'float32' },
          filter: { shape: [1, 1, inChannels, outChannels], dtype: 'float32' },
        },
        differentiable: ['filter'],
        batched: ['x'],
        apply: (scope, { x, filter }) => ({ y: conv2d(scope, x!, filter!, stride) }),
      }),
    );
    const runner = openOps(ops);
    for (const [number, { batch, pixels, inChannels, outChannels }] of sizes.entries()) {
      const reduced = Math.ceil(pixels / stride);
      const x = noise(batch * pixels * pixels * inChannels, 1);
      const upstream = noise(batch * reduced * reduced * outChannels, 2);
      const expected = new Float64Array(inChannels * outChannels);
      for (let image = 0; image < batch; image++) {
        for (let row = 0; row < reduced; row++) {
          for (let column = 0; column < reduced; column++) {
            const from = ((image * pixels + row * stride) * pixels + column * stride) * inChannels;
            const to = ((image * reduced + row) * reduced + column) * outChannels;
            for (const each of expected.keys()) {
              const [input, output] = [Math.floor(each / outChannels), each % outChannels];
              expected[each] = expected[each]! + x[from + input]! * upstream[to + output]!;
            }
          }
        }
      }
      const filter = noise(inChannels * outChannels, 3);
      for (const place of places) {
        for (let round = 0; round < 10; round++) {
          const { gradients } = runner.evaluate(ops[number]!.name, place, { x, filter }, upstream);
          expectClose(gradients.filter!, expected, `gradient of the filter (${place})`);
        }
      }
    }
    runner.close();
  });
});
