import { expect } from 'chai';
import { backward, gradients } from '../../src/graph/gradients.ts';
import { type GradientSink, Graph, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { relu } from '../../src/graph/ops/activations.ts';
import { add, scale } from '../../src/graph/ops/arithmetic.ts';
import { matMul } from '../../src/graph/ops/dense.ts';
import { batchMean } from '../../src/graph/ops/pooling.ts';
import { reshape } from '../../src/graph/ops/shapes.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { attribute } from '../../src/graph/types.ts';
import { expectClose } from './close.ts';
import { openGraph } from './engine.ts';

/** A sink that gives each gradient out under `gradient/<variable>`. */
function giveOut(calls: string[]): GradientSink {
  return (scope, variable, gradient) => {
    calls.push(variable.name);
    return scope.graph.output(`gradient/${variable.name}`, gradient).operation;
  };
}

const single = (x: readonly number[]) => ({ 'x:0': { shape: [1, x.length], values: Float32Array.from(x) } });

describe('gradients', () => {
  it('hands the sum of all uses of a variable to the sink, once', () => {
    const graph = new Graph();
    const { main } = graph;
    const w = main.read(graph.variable('w', { shape: [2, 2], initial: { kind: 'constant', value: 1 } }));
    const x = graph.placeholder('x', 'float32', [1, 2]);
    // y = x·w + 3·(x·w·w), whose gradient needs w itself too.
    const once = matMul(main, x, w);
    const y = add(main, once, scale(main, matMul(main, once, w), 3));
    const mean = batchMean(main, main.addOne('Reshape', squeezeOptions(y, main.constant([2], 'int32'))));
    const calls: string[] = [];
    const updates = gradients(mean, giveOut(calls));
    expect(calls).to.deep.equal(['w']);
    expect(updates).to.have.length(1);
    expect(main.updates).to.deep.equal([]);
    const set = main.add('AssignVariableOp', {
      inputs: [main.handle(graph.variables.get('w')!), main.constant([1, 2, 3, 4], 'float32', [2, 2])],
      attributes: { dtype: { type: 1 } },
    });
    graph.output('set', main.constant(0, 'float32'), [set]);
    const session = openGraph(graph);
    session.run({}, ['set:0']);
    const [found] = session.run(single([1, -1]), ['gradient/w:0']);
    session.close();
    // With u = ½·(1, 1): xᵀu + 3·((xw)ᵀu + xᵀ(u wᵀ)), by hand for w = (1 2; 3 4).
    expectClose(Array.from(found!, Number), [2, 8, -8, -14], 'gradient');
  });

  it('gives nothing to variables that are not trained, and stops at what does not depend on variables', () => {
    const graph = new Graph();
    const { main } = graph;
    const kept = main.read(graph.variable('kept', { shape: [3], trainable: false }));
    const trained = main.read(graph.variable('trained', { shape: [3] }));
    const calls: string[] = [];
    const count = main.operations.length;
    gradients(batchMean(main, add(main, relu(main, kept), trained)), giveOut(calls));
    expect(calls).to.deep.equal(['trained']);
    expect(main.operations.slice(count).map(({ op }) => op)).to.not.include('ReluGrad');
  });

  it('refuses a scalar of a branch', () => {
    const graph = new Graph();
    let inside: Tensor | undefined;
    switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [
        (scope) => {
          inside = scope.constant(1, 'float32');
          return [inside];
        },
      ],
    });
    expect(() => gradients(inside!, giveOut([]))).to.throw('starts from a scalar of the main graph');
  });
});

describe('backward', () => {
  it('names the operation that a gradient reaches and that has none', () => {
    const graph = new Graph();
    const { main } = graph;
    const w = main.read(graph.variable('w', { shape: [4] }));
    const attributes = { T: attribute.type('float32') };
    const negative = main.addOne('Neg', { inputs: [w], attributes, dtype: 'float32', shape: [4] });
    const loss = batchMean(main, negative);
    expect(() => gradients(loss, giveOut([]))).to.throw(/no gradient is defined for op Neg \("Neg_\d+"\)/);
  });

  it('gives the gradients of a composite to what it was made from, in the main graph and from a branch, and none to its parts', () => {
    for (const branch of [false, true]) {
      const graph = new Graph();
      const { main } = graph;
      const source = main.read(graph.variable('w', { shape: [2], initial: { kind: 'constant', value: 3 } }));
      const shared = { attributes: { T: attribute.type('float32') }, dtype: 'float32', shape: [2] } as const;
      // −(w²), whose parts have no gradient of their own; the derivative is written as −2·w·gradient.
      const composite = (scope: Scope): [Tensor] => {
        const square = scope.addOne('Mul', { inputs: [source, source], ...shared });
        const negative = scope.addOne('Neg', {
          inputs: [square],
          ...shared,
          differentiates: [source],
          gradient: (into, [gradient]) => [
            scale(into, into.addOne('Mul', { inputs: [gradient!, source], ...shared }), -2),
          ],
        });
        return [negative];
      };
      const index = main.constant(0, 'int32');
      const [y] = branch ? switchCase(main, { name: 'choice', index, branches: [composite] }) : composite(main);
      const gradient = main.constant([1, 10], 'float32');
      const outputs = [{ tensor: y!, gradient }];
      const [found] = backward({ outputs, from: main, into: main, sink: giveOut([]), wanted: [source] });
      graph.output('found', found!);
      const set = main.add('AssignVariableOp', {
        inputs: [main.handle(graph.variables.get('w')!), main.constant([3, -5], 'float32', [2])],
        attributes: { dtype: { type: 1 } },
      });
      graph.output('set', main.constant(0, 'float32'), [set]);
      const session = openGraph(graph);
      session.run({}, ['set:0']);
      const [values] = session.run({}, ['found:0']);
      session.close();
      expectClose(Array.from(values!, Number), [-6, 100], branch ? 'in a branch' : 'in the main graph');
    }
  });

  it('returns null for a wanted tensor that the outputs do not depend on', () => {
    const graph = new Graph();
    const { main } = graph;
    const used = main.read(graph.variable('used', { shape: [2] }));
    const unused = main.read(graph.variable('unused', { shape: [2] }));
    const y = relu(main, used);
    const sink = giveOut([]);
    const gradient = graph.placeholder('gradient', 'float32', [2]);
    const outputs = [{ tensor: y, gradient }];
    const found = backward({ outputs, from: main, into: main, sink, wanted: [used, unused, y] });
    expect(found.map((each) => each?.operation.op ?? null)).to.deep.equal(['ReluGrad', null, 'EnsureShape']);
  });
});

function squeezeOptions(y: Tensor, shape: Tensor) {
  return {
    inputs: [y, shape],
    attributes: { T: { type: 1 }, Tshape: { type: 3 } },
    dtype: 'float32',
    shape: [2],
    gradient: (into: Tensor['operation']['scope'], [gradient]: readonly (Tensor | null)[]) => [
      gradient ? reshape(into, gradient, [1, 2]) : null,
      null,
    ],
  } as const;
}
