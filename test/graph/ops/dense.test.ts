import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { batchMatMul, biasAdd, matMul } from '../../../src/graph/ops/dense.ts';
import { describeOp } from './describe-op.ts';

describeOp('dense', (scope, { x, weights, bias }) => ({ y: biasAdd(scope, matMul(scope, x!, weights!), bias!) }), {
  batched: ['x'],
});

describe('matMul', () => {
  it('refuses matrices that do not fit, and names both shapes', () => {
    const { main } = new Graph();
    const a = main.constant([1, 2, 3, 4, 5, 6], 'float32', [2, 3]);
    expect(() => matMul(main, a, a)).to.throw('matMul: [2, 3] does not fit [2, 3]');
    expect(() => matMul(main, a, main.constant([1, 2, 3], 'float32'))).to.throw('[2, 3] does not fit [3]');
  });
});

describeOp(
  'batchMatMul',
  (scope, { matrix, x }, attributes) => ({ y: batchMatMul(scope, matrix!, x!, attributes.transpose === true) }),
  { batched: ['matrix', 'x'] },
);

describe('batchMatMul', () => {
  it('refuses what does not fit, and names both shapes', () => {
    const { main } = new Graph();
    const a = main.constant([1, 2, 3, 4, 5, 6], 'float32', [1, 2, 3]);
    expect(() => batchMatMul(main, a, a)).to.throw('batchMatMul: [1, 2, 3] does not fit [1, 2, 3]');
  });
});
