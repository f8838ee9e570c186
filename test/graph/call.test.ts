import { expect } from 'chai';
import { call } from '../../src/graph/call.ts';
import { Graph, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { elementwise } from '../../src/graph/ops/arithmetic.ts';
import { openGraph } from './engine.ts';

const twice = (scope: Scope, x: Tensor): Tensor =>
  call(scope, {
    name: 'twice',
    inputs: [x],
    shapes: [[-1]],
    result: { dtype: 'float32', shape: [-1] },
    body: (inside, [value]) => elementwise(inside, 'Mul', [value!, inside.constant(2, 'float32')]),
  });

describe('call', () => {
  it('runs a function that the graph holds once', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [-1]);
    graph.output('y', twice(graph.main, twice(graph.main, x)));
    expect(graph.toProto().library.function.map(({ signature }) => signature.name)).to.deep.equal(['twice']);
    const session = openGraph(graph);
    try {
      const [found] = session.run({ 'x:0': { shape: [3], values: Float32Array.of(1, -2, 0.5) } }, ['y:0']);
      expect(Array.from(found!, Number)).to.deep.equal([4, -8, 2]);
    } finally {
      session.close();
    }
  });
});
