import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { dropout, eraseBoxes, randomNormal, randomUniform } from '../../../src/graph/ops/random.ts';
import { openGraph } from '../engine.ts';
import { describeOp } from './describe-op.ts';
import { listAttribute, numberAttribute } from './fixtures.ts';

for (const [name, draw] of Object.entries({ statelessUniform: randomUniform, statelessNormal: randomNormal })) {
  for (const seedType of ['int32', 'int64'] as const) {
    describe(`${seedType} seeds`, () => {
      describeOp(
        name,
        (scope, _, attributes) => ({
          y: draw(
            scope,
            scope.constant(listAttribute(attributes, 'shape'), 'int32'),
            scope.constant(listAttribute(attributes, 'seed'), seedType),
          ),
        }),
        { batched: [] },
      );
    });
  }
}

describeOp(
  'dropout',
  (scope, { x }, attributes) => ({
    y: dropout(
      scope,
      x!,
      numberAttribute(attributes, 'rate'),
      scope.constant(listAttribute(attributes, 'seed'), 'int32'),
    ),
  }),
  { batched: ['x'] },
);

describe('dropout', () => {
  it('keeps the mean, and drops other values for another seed', () => {
    const graph = new Graph();
    const count = 20_000;
    const x = graph.placeholder('x', 'float32', [-1]);
    graph.output('y', dropout(graph.main, x, 0.3, graph.placeholder('seed', 'int32', [2])));
    const session = openGraph(graph);
    const run = (seed: number): number[] => {
      const feeds = {
        'x:0': { shape: [count], values: new Float32Array(count).fill(1) },
        'seed:0': { shape: [2], values: Int32Array.of(seed, 0) },
      };
      return Array.from(session.run(feeds, ['y:0'])[0]!, Number);
    };
    const [first, again, other] = [run(1), run(1), run(2)];
    session.close();
    expect(again).to.deep.equal(first);
    // Two independent draws agree with probability 0.7² + 0.3² = 0.58; the deviation of the share is 0.0035.
    const equal = other.filter((value, index) => value === first[index]).length / count;
    expect(equal).to.be.closeTo(0.58, 0.02);
    const mean = first.reduce((sum, value) => sum + value, 0) / count;
    expect(mean).to.be.closeTo(1, 0.025);
    expect(new Set(first.map((value) => value.toFixed(5)))).to.deep.equal(new Set(['0.00000', (1 / 0.7).toFixed(5)]));
  });
});

describe('eraseBoxes', () => {
  it('makes each rectangle normal noise, by the seed, and leaves all else alone', () => {
    const [batch, height, width] = [3, 40, 50];
    const graph = new Graph();
    const images = graph.placeholder('images', 'float32', [-1, height, width, 3]);
    const boxes = graph.placeholder('boxes', 'int32', [-1, 4]);
    const seed = graph.placeholder('seed', 'int32', [2]);
    graph.output('y', eraseBoxes(graph.main, images, boxes, seed));
    const session = openGraph(graph);
    const rectangles = [
      [0, 0, 0, 0],
      [10, 20, 30, 30],
      [5, 0, 8, 3],
    ];
    const run = (first: number): Float32Array =>
      session.run(
        {
          'images:0': {
            shape: [batch, height, width, 3],
            values: new Float32Array(batch * height * width * 3).fill(7),
          },
          'boxes:0': { shape: [batch, 4], values: Int32Array.from(rectangles.flat()) },
          'seed:0': { shape: [2], values: Int32Array.of(first, 1) },
        },
        ['y:0'],
      )[0] as Float32Array;
    const one = run(1);
    const noise: number[] = [];
    for (const [index, value] of one.entries()) {
      const pixel = Math.floor(index / 3);
      const [image, row, column] = [
        Math.floor(pixel / (height * width)),
        Math.floor(pixel / width) % height,
        pixel % width,
      ];
      const [top = 0, left = 0, tall = 0, wide = 0] = rectangles[image]!;
      if (row >= top && row < top + tall && column >= left && column < left + wide) noise.push(value);
      else expect(value).to.equal(7);
    }
    expect(noise).to.have.length((30 * 30 + 8 * 3) * 3);
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length;
    // 2,772 draws: standard deviations of 0.019 and 0.027.
    expect(mean).to.be.closeTo(0, 0.08);
    expect(variance).to.be.closeTo(1, 0.11);
    expect(run(1)).to.deep.equal(one);
    expect(run(2)).to.not.deep.equal(one);
    session.close();
  });
});
