import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { everyNthPixel, reshape, shapeOf, sliceRows, unstack } from '../../../src/graph/ops/shapes.ts';
import { openGraph } from '../engine.ts';
import { describeOp } from './describe-op.ts';
import { listAttribute } from './fixtures.ts';

describeOp('reshape', (scope, { x }, attributes) => ({ y: reshape(scope, x!, listAttribute(attributes, 'shape')) }), {
  batched: ['x'],
});

const int = (value: number) => ({ shape: [], values: Int32Array.of(value) });

describe('shapeOf', () => {
  it('is a constant where the shape is known, else computed when the graph runs', () => {
    const graph = new Graph();
    const known = shapeOf(graph.main, graph.placeholder('known', 'float32', [2, 3]));
    expect(known.operation.op).to.equal('Const');
    const x = graph.placeholder('x', 'float32', [-1, 3]);
    const computed = shapeOf(graph.main, x);
    expect(computed.operation.op).to.equal('Shape');
    graph.output('known_shape', known);
    graph.output('shape', computed);
    const session = openGraph(graph);
    const feeds = { 'x:0': { shape: [4, 3], values: new Float32Array(12) } };
    const [first, second] = session.run(feeds, ['known_shape:0', 'shape:0']);
    session.close();
    expect(Array.from(first!, Number)).to.deep.equal([2, 3]);
    expect(Array.from(second!, Number)).to.deep.equal([4, 3]);
  });
});

describe('sliceRows, reshape and unstack', () => {
  it('take rows of bytes, keep the order of values, and give the elements one by one', () => {
    const graph = new Graph();
    const { main } = graph;
    const images = graph.placeholder('images', 'uint8', [-1, 2, 2]);
    const rows = sliceRows(
      main,
      images,
      graph.placeholder('start', 'int32', []),
      graph.placeholder('count', 'int32', []),
    );
    expect(rows.shape).to.deep.equal([-1, 2, 2]);
    const asNumbers = main.addOne('Cast', {
      inputs: [reshape(main, rows, [-1, 4])],
      attributes: { SrcT: { type: 4 }, DstT: { type: 3 }, Truncate: { b: false } },
      dtype: 'int32',
      shape: [-1, 4],
    });
    graph.output('rows', asNumbers);
    const elements = unstack(main, graph.placeholder('path', 'int32', [3]));
    for (const [index, element] of elements.entries()) graph.output(`element${index}`, element);
    const session = openGraph(graph);
    const values = Uint8Array.from({ length: 20 }, (_, index) => 250 - index);
    const slice = (start: number, count: number): number[] => {
      const feeds = { 'images:0': { shape: [5, 2, 2], values }, 'start:0': int(start), 'count:0': int(count) };
      return Array.from(session.run(feeds, ['rows:0'])[0]!, Number);
    };
    expect(slice(1, 2)).to.deep.equal(Array.from(values.slice(4, 12)));
    expect(slice(4, 1)).to.deep.equal(Array.from(values.slice(16)));
    expect(() => slice(4, 2)).to.throw(/slice/i);
    const path = { 'path:0': { shape: [3], values: Int32Array.of(7, -1, 3) } };
    const found = session.run(path, ['element0:0', 'element1:0', 'element2:0']);
    session.close();
    expect(found.map((each) => Number(each[0]))).to.deep.equal([7, -1, 3]);
  });
});

describe('everyNthPixel', () => {
  it('takes rows and columns from the first on, of even and odd sizes', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [-1, 5, 4, 2]);
    const thinned = everyNthPixel(graph.main, x, 2);
    expect(thinned.shape).to.deep.equal([-1, 3, 2, 2]);
    graph.output('y', thinned);
    const session = openGraph(graph);
    const values = Float32Array.from({ length: 2 * 5 * 4 * 2 }, (_, index) => index);
    const [found] = session.run({ 'x:0': { shape: [2, 5, 4, 2], values } }, ['y:0']);
    session.close();
    const expected = Array.from(values).filter(
      (index) => (Math.floor(index / 8) % 5) % 2 === 0 && Math.floor(index / 2) % 2 === 0,
    );
    expect(Array.from(found!, Number)).to.deep.equal(expected);
  });
});
