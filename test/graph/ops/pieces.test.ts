import { expect } from 'chai';
import { Graph, type Scope, type Tensor } from '../../../src/graph/graph.ts';
import { cast } from '../../../src/graph/ops/arithmetic.ts';
import { conv2d } from '../../../src/graph/ops/convolution.ts';
import { inPieces } from '../../../src/graph/ops/pieces.ts';
import { globalAveragePool } from '../../../src/graph/ops/pooling.ts';
import { noise, openTraining } from '../training-graph.ts';

const image = 4 * 4 * 2;

describe('inPieces', () => {
  it('gives the rows of the whole batch, in their order, for any number of them', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [-1, 4, 4, 2]);
    const w = graph.variable('w', { shape: [3, 3, 2, 5] });
    const network = (scope: Scope, images: Tensor): Tensor =>
      globalAveragePool(scope, conv2d(scope, images, scope.read(w), 1), false);
    const whole = network(graph.main, x);
    const pieces = inPieces(graph.main, x, { name: 'loop', size: 3, body: network });
    expect(pieces.shape).to.deep.equal([-1, 5]);
    const training = openTraining(graph, { whole: { tensor: whole }, pieces: { tensor: pieces } });
    try {
      training.set({ w: noise(90, 1) });
      for (const count of [1, 2, 3, 4, 9, 100]) {
        const fed = { x: { shape: [count, 4, 4, 2], values: noise(count * image, 2) } };
        const expected = training.run('whole', fed);
        expect(new Set(expected).size).to.equal(count * 5);
        expect(training.run('pieces', fed), `${count} rows`).to.deep.equal(expected);
      }
      expect(training.run('pieces', { x: { shape: [0, 4, 4, 2], values: new Float32Array(0) } })).to.deep.equal([]);
    } finally {
      training.close();
    }
  });

  it('refuses results that are no float32', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [-1, 2]);
    const body = (scope: Scope, piece: Tensor): Tensor => cast(scope, piece, 'int32');
    expect(() => inPieces(graph.main, x, { name: 'pieces', size: 3, body })).to.throw('a piece gives int32 [?, 2]');
  });
});
