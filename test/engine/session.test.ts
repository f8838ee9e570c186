import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { openSession, type Session } from '../../src/engine/session.ts';
import { Graph } from '../../src/graph/graph.ts';
import { relu } from '../../src/graph/ops/activations.ts';
import { add, cast, scale } from '../../src/graph/ops/arithmetic.ts';
import { store } from '../../src/graph/ops/running-average.ts';
import { attribute } from '../../src/graph/types.ts';
import { engineBinding, openGraph } from '../graph/engine.ts';

function buildGraph(): Graph {
  const graph = new Graph();
  const { main } = graph;
  const x = graph.placeholder('x', 'float32', [-1, 2]);
  const y = graph.placeholder('y', 'float32', [-1, 2]);
  graph.output('relu', relu(main, x));
  graph.output('double', scale(main, x, 2));
  graph.output('sum', add(main, x, y));
  graph.output('whole', scale(main, graph.placeholder('n', 'int32', [2]), main.constant(3, 'int32')));
  graph.output('bytes', cast(main, graph.placeholder('b', 'uint8', [3]), 'int32'));
  graph.output('text', graph.placeholder('t', 'string', []));
  const kept = graph.variable('kept', { shape: [2], trainable: false });
  graph.output('store', main.constant(1, 'float32'), [store(main, kept, graph.placeholder('k', 'float32', [2]))]);
  graph.output('value', main.read(kept));
  return graph;
}

const x = { shape: [2, 2], values: Float32Array.of(1, -2, 3, -4) };

describe('openSession', () => {
  const binding = engineBinding();
  let session: Session;
  before(() => {
    session = openGraph(buildGraph());
  });
  after(() => session.close());

  const works = () => expect(session.run({ 'x:0': x }, ['relu:0'])[0]).to.deep.equal(Float32Array.of(1, 0, 3, 0));

  it('feeds float32, int32, bytes and text, and returns what is fetched in the order asked for', () => {
    const found = session.run(
      {
        'x:0': x,
        'y:0': { shape: [2, 2], values: Float32Array.of(10, 20, 30, 40) },
        'n:0': { shape: [2], values: Int32Array.of(7, -8) },
        'b:0': { shape: [3], values: Uint8Array.of(0, 128, 255) },
        't:0': { text: 'Grüße' },
      },
      ['sum:0', 'relu:0', 'double:0', 'whole:0', 'bytes:0', 'text:0'],
    );
    expect(found.slice(0, 5)).to.deep.equal([
      Float32Array.of(11, 18, 33, 36),
      Float32Array.of(1, 0, 3, 0),
      Float32Array.of(2, -4, 6, -8),
      Int32Array.of(21, -24),
      Int32Array.of(0, 128, 255),
    ]);
    expect(Buffer.from(found[5]![0] as Uint8Array).toString()).to.equal('Grüße');
  });

  it('takes batches of any size, also of none', () => {
    for (const rows of [1, 7, 0, 3]) {
      const values = new Float32Array(rows * 2).fill(-1);
      expect(session.run({ 'x:0': { shape: [rows, 2], values } }, ['double:0'])[0]).to.have.length(rows * 2);
    }
  });

  it('refuses a feed whose values do not fill its shape, and runs on', () => {
    expect(() => session.run({ 'x:0': { ...x, shape: [3, 2] } }, ['relu:0'])).to.throw(
      RangeError,
      'a feed of shape [3, 2] needs 6 values, got 4',
    );
    works();
  });

  it('throws for a shape that the graph does not take, and runs on', () => {
    expect(() => session.run({ 'x:0': { ...x, shape: [4, 1] } }, ['relu:0'])).to.throw(/\[4,1\].*\[\?,2\]/);
    works();
  });

  it('throws for a type that the graph does not take, and runs on', () => {
    const whole = { shape: [2, 2], values: new Int32Array(4) };
    expect(() => session.run({ 'x:0': whole }, ['relu:0'])).to.throw(/int32.*float|float.*int32/);
    works();
  });

  it('throws for names that the graph does not have, fed or fetched, and runs on', () => {
    expect(() => session.run({ 'x:0': x }, ['nothing:0'])).to.throw(/[Oo]utput op name can not be found/);
    works();
    expect(() => session.run({ 'nobody:0': x }, ['relu:0'])).to.throw(/[Ii]nput op name can not be found/);
    works();
    expect(() => session.run({ 'x:0': x }, ['relu:5'])).to.throw(/relu/);
    works();
  });

  it('throws where a needed feed is missing, and runs on', () => {
    expect(() => session.run({ 'x:0': x }, ['sum:0'])).to.throw(/'y'.*[Pp]laceholder|[Pp]laceholder.*'y'/s);
    works();
  });

  it('keeps variables from run to run, apart from those of the same name in another session', () => {
    const other = openGraph(buildGraph());
    session.run({ 'k:0': { shape: [2], values: Float32Array.of(1, 2) } }, ['store:0']);
    other.run({ 'k:0': { shape: [2], values: Float32Array.of(-1, -2) } }, ['store:0']);
    expect(session.run({}, ['value:0'])[0]).to.deep.equal(Float32Array.of(1, 2));
    expect(other.run({}, ['value:0'])[0]).to.deep.equal(Float32Array.of(-1, -2));
    other.close();
    expect(session.run({}, ['value:0'])[0]).to.deep.equal(Float32Array.of(1, 2));
  });

  it('leaves no tensor behind, whether runs succeed or fail', () => {
    works();
    const before = binding.getNumOfTensors();
    for (let round = 0; round < 20; round++) {
      works();
      expect(() => session.run({ 'x:0': { ...x, shape: [4, 1] } }, ['relu:0'])).to.throw();
      expect(() => session.run({ 'x:0': x, 'nobody:0': x }, ['relu:0'])).to.throw();
      // The first feed is made before the second is refused.
      expect(() => session.run({ 'x:0': x, 'y:0': { ...x, shape: [9] } }, ['sum:0'])).to.throw(RangeError);
    }
    expect(binding.getNumOfTensors()).to.equal(before);
  });

  it('frees the graph when it is closed, and leaves no folder behind', () => {
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('greedynas-graph-'));
    const before = { models: binding.getNumOfSavedModels(), folders: folders() };
    const other = openGraph(buildGraph());
    expect(binding.getNumOfSavedModels()).to.equal(before.models + 1);
    expect(folders()).to.deep.equal(before.folders);
    other.close();
    expect(binding.getNumOfSavedModels()).to.equal(before.models);
    expect(() => other.run({ 'x:0': x }, ['relu:0'])).to.throw();
  });

  it('throws for what is no graph, or one that TensorFlow refuses, and opens the next', () => {
    expect(() => openSession(binding, Buffer.from('no graph'))).to.throw();
    const broken = new Graph();
    broken.output('y', broken.main.addOne('NoSuchOp', { dtype: 'float32', shape: [] }));
    expect(() => openGraph(broken)).to.throw(/NoSuchOp/);
    const typed = new Graph();
    const wrong = { inputs: [typed.main.constant(1, 'int32')], attributes: { T: attribute.type('float32') } };
    typed.output('y', typed.main.addOne('Relu', { ...wrong, dtype: 'float32', shape: [] }));
    expect(() => openGraph(typed)).to.throw(/Relu/);
    const next = openGraph(buildGraph());
    next.close();
    works();
  });
});
