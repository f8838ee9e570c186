import { expect } from 'chai';
import type { Session } from '../../../src/engine/session.ts';
import { Graph } from '../../../src/graph/graph.ts';
import { moveTowards, store } from '../../../src/graph/ops/running-average.ts';
import { expectClose } from '../close.ts';
import { openGraph } from '../engine.ts';

describe('moveTowards', () => {
  let session: Session;
  before(() => {
    const graph = new Graph();
    const average = graph.variable('average', { shape: [3], trainable: false });
    const value = graph.placeholder('value', 'float32', [3]);
    const none = graph.main.constant(0, 'float32');
    graph.output('set', none, [store(graph.main, average, value)]);
    graph.output('move', none, [moveTowards(graph.main, average, value, graph.placeholder('factor', 'float32', []))]);
    graph.output('get', graph.main.read(average));
    session = openGraph(graph);
  });
  after(() => session.close());

  const feed = (values: readonly number[]) => ({ 'value:0': { shape: [3], values: Float32Array.from(values) } });
  const set = (values: readonly number[]) => session.run(feed(values), ['set:0']);
  const move = (values: readonly number[], factor: number) =>
    session.run({ ...feed(values), 'factor:0': { shape: [], values: Float32Array.of(factor) } }, ['move:0']);
  const get = (): number[] => Array.from(session.run({}, ['get:0'])[0]!, Number);

  it('goes the given part of the way', () => {
    set([1, 2, -4]);
    move([2, 0, 4], 0.25);
    expectClose(get(), [1.25, 1.5, -2], 'moved');
  });

  it('with factors 1, 1/2, 1/3 … is the mean of what came', () => {
    const batches = [
      [0.3, -2, 7],
      [0.1, 5, 6],
      [0.9, 0, 8],
      [0.5, 1, 5],
    ];
    set([1, 1, 1]);
    for (const [index, batch] of batches.entries()) move(batch, 1 / (index + 1));
    const mean = [0, 1, 2].map((each) => batches.reduce((sum, batch) => sum + batch[each]!, 0) / batches.length);
    expectClose(get(), mean, 'mean');
  });

  it('with factor 1 forgets what it held to the last bit: any size, infinity, NaN', () => {
    const value = [0.1, -3.3, 1e-7];
    for (const before of [
      [0, 0, 0],
      [1e6, -1e6, 1e6],
      [Infinity, -Infinity, Number.NaN],
    ]) {
      set(before);
      move(value, 1);
      expect(get(), `after ${before}`).to.deep.equal(Array.from(Float32Array.from(value)));
    }
  });
});

describe('store', () => {
  it('keeps a copy of what was fed, of any batch size', () => {
    const graph = new Graph();
    const kept = graph.variable('kept', { shape: [-1, 2], dtype: 'float32', trainable: false });
    const fed = graph.placeholder('fed', 'float32', [-1, 2]);
    graph.output('store', graph.main.constant(0, 'float32'), [store(graph.main, kept, fed)]);
    graph.output('get', graph.main.read(kept));
    const session = openGraph(graph);
    for (const rows of [3, 1, 5]) {
      const values = Float32Array.from({ length: rows * 2 }, (_, index) => index + rows);
      const expected = Array.from(values);
      session.run({ 'fed:0': { shape: [rows, 2], values } }, ['store:0']);
      values.fill(-1);
      expect(Array.from(session.run({}, ['get:0'])[0]!, Number)).to.deep.equal(expected);
    }
    session.close();
  });
});
