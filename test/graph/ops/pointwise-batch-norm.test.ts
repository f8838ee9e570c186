import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { batchNorm } from '../../../src/graph/ops/batch-norm.ts';
import { conv2d } from '../../../src/graph/ops/convolution.ts';
import { joinsProduct, pointwiseBatchNorm } from '../../../src/graph/ops/pointwise-batch-norm.ts';
import { reshape } from '../../../src/graph/ops/shapes.ts';
import { expectClose } from '../close.ts';
import { noise } from '../training-graph.ts';
import { expectFiniteDifferences } from './finite-differences.ts';
import { type OpRunner, type OpUnderTest, openOps, places } from './op-under-test.ts';

const [batch, size, inChannels, outChannels] = [3, 5, 4, 10] as const;
const names = ['x', 'filter', 'gamma', 'beta'] as const;
const described = {
  inputs: {
    x: { shape: [batch, size, size, inChannels], dtype: 'float32' },
    filter: { shape: [1, 1, inChannels, outChannels], dtype: 'float32' },
    gamma: { shape: [outChannels], dtype: 'float32' },
    beta: { shape: [outChannels], dtype: 'float32' },
  },
  differentiable: names,
  batched: ['x'],
} as const;
const joined: OpUnderTest = {
  ...described,
  name: 'joined',
  apply: (scope, { x, filter, gamma, beta }) => {
    const { y, mean, variance } = pointwiseBatchNorm(scope, x!, filter!, gamma!, beta!);
    return { y: reshape(scope, y, [-1, size, size, outChannels]), mean, variance };
  },
};
const apart: OpUnderTest = {
  ...described,
  name: 'apart',
  apply: (scope, { x, filter, gamma, beta }) => {
    const { y, mean, variance } = batchNorm(scope, conv2d(scope, x!, filter!, 1), gamma!, beta!);
    return { y, mean, variance };
  },
};
const pixels = batch * size * size;
const inputs = {
  x: noise(pixels * inChannels, 1),
  filter: noise(inChannels * outChannels, 2),
  gamma: noise(outChannels, 3),
  beta: noise(outChannels, 4),
};
const upstream = noise(pixels * outChannels, 5);

describe('pointwiseBatchNorm', () => {
  let runner: OpRunner;
  before(() => {
    runner = openOps([joined, apart]);
  });
  after(() => runner.close());

  const compare = (given: typeof inputs, tolerance?: number): void => {
    const expected = runner.evaluate('apart', 'main', given, upstream);
    for (const place of places) {
      const found = runner.evaluate('joined', place, given, upstream);
      for (const part of ['outputs', 'gradients'] as const) {
        for (const [name, values] of Object.entries(expected[part])) {
          expectClose(found[part][name]!, values, `${part}: ${name} (${place})`, tolerance);
        }
      }
    }
  };

  it('gives the values, statistics and gradients of the convolution and the batch norm one after the other', () => {
    compare(inputs);
  });

  it('has gradients that are the slopes of its values', () => {
    expectFiniteDifferences(runner, joined, inputs, upstream);
  });

  it('keeps its digits where the mean of the image is a hundred times its deviation: batch norm takes it away again', () => {
    // Of float32 sums of squares half of the digits would be gone.
    const shifted = { ...inputs, x: inputs.x.map((value, index) => value + (index % inChannels === 1 ? 100 : -60)) };
    const expected = runner.evaluate('joined', 'main', inputs, upstream);
    const found = runner.evaluate('joined', 'main', shifted, upstream);
    for (const name of ['y', 'variance']) expectClose(found.outputs[name]!, expected.outputs[name]!, name, 5e-5);
    for (const name of names) expectClose(found.gradients[name]!, expected.gradients[name]!, name, 5e-5);
  });

  it('is finite where nothing varies: an image of one colour, and a filter of zeros', () => {
    compare({ ...inputs, filter: inputs.filter.map((value, index) => (index % outChannels < 3 ? 0 : value)) });
    const flat = { ...inputs, x: inputs.x.map(() => 0.5) };
    const { outputs, gradients } = runner.evaluate('joined', 'main', flat, upstream);
    expectClose(outputs.variance!, Array<number>(outChannels).fill(0), 'variance');
    for (const channel of inputs.beta.keys()) {
      expect(outputs.y![channel], `channel ${channel}`).to.be.closeTo(inputs.beta[channel]!, 1e-3);
    }
    for (const name of names) expect(Array.from(gradients[name]!).every(Number.isFinite), name).to.equal(true);
  });

  it('refuses a filter that is not 1x1 or does not fit, and names both shapes', () => {
    const { main } = new Graph();
    const zeros = (shape: readonly number[]) =>
      main.constant(Array<number>(shape.reduce((product, each) => product * each, 1)).fill(0), 'float32', shape);
    const [image, scale] = [zeros([1, 3, 3, 2]), zeros([4])];
    for (const shape of [
      [1, 1, 3, 4],
      [3, 3, 2, 4],
    ]) {
      expect(() => pointwiseBatchNorm(main, image, zeros(shape), scale, scale)).to.throw(
        `image [1, 3, 3, 2] does not fit filter [${shape.join(', ')}]`,
      );
    }
  });
});

describe('joinsProduct', () => {
  const decide = (
    size: number,
    inChannels: number,
    outChannels: number,
    { kernels = 'onednn' as 'onednn' | 'any', batch = 32, kernel = 1, stride = 1 } = {},
  ): boolean => {
    const graph = new Graph(kernels);
    const x = graph.placeholder('x', 'float32', [batch, size, size, inChannels]);
    const filter = graph.placeholder('filter', 'float32', [kernel, kernel, inChannels, outChannels]);
    return joinsProduct(graph.main, x, filter, stride);
  };

  it('joins what widens large images, and leaves narrow, deep and small ones apart', () => {
    for (const [size, from, to] of [
      [112, 16, 96],
      [56, 32, 96],
      [28, 40, 240],
      [14, 96, 576],
    ] as const) {
      expect(decide(size, from, to), `${from} to ${to} at ${size}`).to.equal(true);
      expect(decide(size, from, to, { batch: -1 }), `${from} to ${to} at ${size}, fed`).to.equal(true);
      expect(decide(size, to, from), `${to} to ${from} at ${size}`).to.equal(false);
    }
    for (const [size, from, to] of [
      [14, 96, 288],
      [7, 192, 1152],
      [7, 320, 1280],
      [4, 16, 96],
    ] as const) {
      expect(decide(size, from, to), `${from} to ${to} at ${size}`).to.equal(false);
    }
  });

  it('is for 1x1 convolutions with stride 1 on a CPU with oneDNN alone', () => {
    expect(decide(56, 32, 192, { kernels: 'any' })).to.equal(false);
    expect(decide(56, 32, 192, { kernel: 3 })).to.equal(false);
    expect(decide(56, 32, 192, { stride: 2 })).to.equal(false);
  });
});
