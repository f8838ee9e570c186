import { expect } from 'chai';
import { ensureShape, Graph } from '../../src/graph/graph.ts';
import { relu } from '../../src/graph/ops/activations.ts';
import { add } from '../../src/graph/ops/arithmetic.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { attribute } from '../../src/graph/types.ts';
import { decodedShape, decodeGraph } from './decode.ts';
import { openGraph } from './engine.ts';

describe('Graph.variable', () => {
  it('refuses a name twice', () => {
    const graph = new Graph();
    graph.variable('stem/weights', { shape: [2] });
    expect(() => graph.variable('stem/weights', { shape: [2] })).to.throw(
      'the graph already has a variable named "stem/weights"',
    );
  });

  it('refuses names that TensorFlow would', () => {
    const graph = new Graph();
    for (const name of ['', 'a b', 'ä', '^a', 'a:0', '/a', '-a', '_a']) {
      expect(() => graph.variable(name, { shape: [] }), name).to.throw(`"${name}" cannot be the name of a variable`);
    }
    for (const name of ['a', 'layer1/e3k3/depthwise', '.x', '0', 'a_b-c.d']) graph.variable(name, { shape: [] });
  });

  it('is float32, trainable, without decay, saved, and starts at 0 unless told otherwise', () => {
    expect(new Graph().variable('a', { shape: [3] })).to.deep.equal({
      name: 'a',
      dtype: 'float32',
      shape: [3],
      initial: { kind: 'constant', value: 0 },
      trainable: true,
      decay: false,
      saved: true,
    });
  });
});

describe('Graph.sharedVariable', () => {
  it('gives the same variable for the same name and shape', () => {
    const graph = new Graph();
    const first = graph.sharedVariable('w', { shape: [2, 3], decay: true });
    expect(graph.sharedVariable('w', { shape: [2, 3] })).to.equal(first);
  });

  it('refuses another shape and names both', () => {
    const graph = new Graph();
    graph.sharedVariable('w', { shape: [2, 3] });
    expect(() => graph.sharedVariable('w', { shape: [3, 2] })).to.throw(
      '"w" has shape [2, 3], now [3, 2] is asked for',
    );
  });
});

describe('Scope', () => {
  it('refuses a name twice: placeholders, outputs, and operations named by the caller', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [2]);
    expect(() => graph.placeholder('x', 'float32', [2])).to.throw('already has an operation named "x"');
    graph.output('y', x);
    expect(() => graph.output('y', x)).to.throw('already has an operation named "y"');
    expect(() => graph.main.add('NoOp', { name: 'y' })).to.throw('already has an operation named "y"');
  });

  it('does not let a variable take the name of a fed tensor', () => {
    const graph = new Graph();
    graph.placeholder('x', 'float32', [2]);
    expect(() => graph.main.read(graph.variable('x', { shape: [2] }))).to.throw('already has an operation named "x"');
  });

  it('keeps equal constants once, and apart by type, shape and value', () => {
    const { main } = new Graph();
    const one = main.constant(1, 'float32');
    expect(main.constant(1, 'float32')).to.equal(one);
    expect(main.constant([1], 'float32', [])).to.equal(one);
    const others = [main.constant(1, 'int32'), main.constant([1], 'float32'), main.constant(2, 'float32')];
    expect(new Set([one, ...others]).size).to.equal(4);
    expect(main.constant([], 'float32', [0, 2]).shape).to.deep.equal([0, 2]);
  });

  it('keeps constants apart that JSON does not: NaN, infinity and −0', () => {
    const { main } = new Graph();
    const values = [Number.NaN, Infinity, -Infinity, 0, -0];
    expect(new Set(values.map((value) => main.constant(value, 'float32'))).size).to.equal(values.length);
  });

  it('reads a variable once', () => {
    const graph = new Graph();
    const variable = graph.variable('w', { shape: [] });
    expect(graph.main.readOf(variable)).to.equal(null);
    const value = graph.main.read(variable);
    expect(graph.main.read(variable)).to.equal(value);
    expect(graph.main.readOf(variable)).to.equal(value.operation);
  });

  it('marks what a trainable variable lies behind, and no integers', () => {
    const graph = new Graph();
    const { main } = graph;
    const trained = main.read(graph.variable('w', { shape: [2] }));
    const kept = main.read(graph.variable('mean', { shape: [2], trainable: false }));
    expect(trained.differentiable).to.equal(true);
    expect(kept.differentiable).to.equal(false);
    expect(add(main, kept, trained).differentiable).to.equal(true);
    expect(relu(main, kept).differentiable).to.equal(false);
    const whole = main.addOne('Cast', {
      inputs: [trained],
      attributes: { SrcT: attribute.type('float32'), DstT: attribute.type('int32'), Truncate: attribute.bool(false) },
      dtype: 'int32',
      shape: [2],
    });
    expect(whole.differentiable).to.equal(false);
  });

  it('does not let the main graph use a tensor of a branch', () => {
    const graph = new Graph();
    let inside = graph.main.constant(0, 'float32');
    switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [
        (scope) => {
          inside = relu(scope, graph.main.constant(1, 'float32'));
          return [inside];
        },
      ],
    });
    expect(() => relu(graph.main, inside)).to.throw('belongs to a function body and cannot be used in the main graph');
  });
});

describe('Graph.encode', () => {
  it('writes what was built: nodes, inputs as node:index, control inputs, shapes', () => {
    const graph = new Graph();
    const { main } = graph;
    const x = graph.placeholder('x', 'float32', [-1, 2]);
    const w = graph.variable('w', { shape: [2] });
    const update = main.add('AssignVariableOp', {
      inputs: [main.handle(w), main.constant([1, 2], 'float32')],
      attributes: { dtype: attribute.type('float32') },
    });
    graph.output('y', x, [update]);
    const { nodes, functions } = decodeGraph(graph.encode());
    expect(functions.size).to.equal(0);
    const byName = new Map(nodes.map((node) => [node.name, node]));
    expect(byName.size).to.equal(nodes.length);
    expect(byName.get('y')!.input).to.deep.equal([`${x.operation.name}:0`, `^${update.name}`]);
    expect(byName.get(x.operation.name)).to.deep.include({ op: 'EnsureShape', input: ['x:0'] });
    expect(decodedShape(byName.get('x')!.attr.shape!.shape!)).to.deep.equal([-1, 2]);
    expect(byName.get('w')!.op).to.equal('VarHandleOp');
    expect(Buffer.from(byName.get('w')!.attr.shared_name!.s!).toString()).to.equal('w');
  });

  it('gives the same bytes again', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [2]);
    const [y] = switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [(scope) => [relu(scope, x)], () => [x]],
    });
    graph.output('y', y!);
    expect(Buffer.from(graph.encode()).equals(graph.encode())).to.equal(true);
  });
});

describe('ensureShape', () => {
  it('refuses another shape when the graph runs, and allows any size where it is unknown', () => {
    const graph = new Graph();
    const fed = graph.main.addOne('Placeholder', {
      name: 'x',
      attributes: { dtype: attribute.type('float32'), shape: attribute.shape(null) },
      dtype: 'float32',
      shape: null,
    });
    graph.output('y', ensureShape(graph.main, fed, [-1, 2]));
    const session = openGraph(graph);
    const run = (shape: number[]) =>
      session.run({ 'x:0': { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) } }, ['y:0'])[0]!;
    expect(run([3, 2])).to.have.length(6);
    expect(run([1, 2])).to.have.length(2);
    expect(() => run([2, 3])).to.throw(/\[2,3\].*\[\?,2\]/);
    expect(() => run([2])).to.throw(/is not compatible with expected shape/);
    session.close();
  });
});
