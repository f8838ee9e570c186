import { expect } from 'chai';
import { gradients } from '../../src/graph/gradients.ts';
import { Graph, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { add, elementwise } from '../../src/graph/ops/arithmetic.ts';
import { moveTowards } from '../../src/graph/ops/running-average.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { attribute } from '../../src/graph/types.ts';
import { type WhileLoopOptions, whileLoop } from '../../src/graph/while-loop.ts';
import { decodeGraph } from './decode.ts';
import { openTraining } from './training-graph.ts';

const less = (scope: Scope, a: Tensor, b: Tensor): Tensor =>
  scope.addOne('Less', { inputs: [a, b], attributes: { T: attribute.type('int32') }, dtype: 'bool', shape: [] });
const increased = (scope: Scope, index: Tensor): Tensor =>
  elementwise(scope, 'AddV2', [index, scope.constant(1, 'int32')]);

interface Sums {
  readonly graph: Graph;
  readonly sum: Tensor;
}

/** start + rounds · (step + w), where `rounds` and `step` are of the main graph and w is a variable. */
function sums(changes: Partial<WhileLoopOptions> = {}): Sums {
  const graph = new Graph();
  const { main } = graph;
  const rounds = graph.placeholder('rounds', 'int32', []);
  const step = graph.placeholder('step', 'float32', [2]);
  const w = graph.variable('w', { shape: [2] });
  const [, sum] = whileLoop(main, {
    name: 'sums',
    start: [main.constant(0, 'int32'), graph.placeholder('start', 'float32', [2])],
    condition: (scope, [index]) => less(scope, index!, rounds),
    body: (scope, [index, value]) => [
      increased(scope, index!),
      add(scope, value!, add(scope, scope.import(step), scope.read(w))),
    ],
    parallelIterations: 3,
    ...changes,
  });
  return { graph, sum: sum! };
}

describe('whileLoop', () => {
  it('runs as many rounds as the condition allows, also none; condition and body see the main graph, the body variables', () => {
    const { graph, sum } = sums();
    const training = openTraining(graph, { sum: { tensor: sum } });
    try {
      training.set({ w: [0.5, -1] });
      for (const rounds of [0, 1, 7]) {
        const found = training.run('sum', {
          rounds: { shape: [], values: Int32Array.of(rounds) },
          step: Float32Array.of(1, 2),
          start: Float32Array.of(10, 20),
        });
        expect(found, `${rounds} rounds`).to.deep.equal([10 + rounds * 1.5, 20 + rounds]);
      }
    } finally {
      training.close();
    }
  });

  it('is lowered, so that rounds may overlap, and states the shapes of its values', () => {
    const { graph } = sums();
    const { nodes, functions } = decodeGraph(graph.encode());
    const loop = nodes.find(({ op }) => op === 'While')!;
    expect(loop.attr._lower_using_switch_merge!.b).to.equal(true);
    expect(loop.attr.parallel_iterations!.i).to.equal(3);
    expect(loop.attr.output_shapes!.list!.shape.map(({ dim }) => dim.map(({ size }) => size))).to.deep.equal([
      [],
      [2],
      [],
      [2],
    ]);
    expect([...functions.keys()]).to.deep.equal(['sums_condition', 'sums_body']);
  });

  it('has no gradient, and says so where one would be needed', () => {
    const { graph, sum } = sums();
    const total = graph.main.addOne('Sum', {
      inputs: [sum, graph.main.constant([0], 'int32')],
      attributes: { T: attribute.type('float32'), Tidx: attribute.type('int32'), keep_dims: attribute.bool(false) },
      dtype: 'float32',
      shape: [],
      gradient: (_, [gradient]) => [gradient ?? null, null],
    });
    expect(() => gradients(total, (scope) => scope.add('NoOp'))).to.throw(
      'no gradient is defined for op While ("sums")',
    );
  });

  it('refuses a body that changes the number, type or shape of the values', () => {
    expect(() => sums({ body: (_, [index]) => [index!] })).to.throw('the body returns 1 values for 2');
    expect(() => sums({ body: (_, [index]) => [index!, index!] })).to.throw(
      'value 1 is float32 [2] at first and int32 [] after a round',
    );
    const longer = (scope: Scope): Tensor => scope.constant([1, 2, 3], 'float32');
    expect(() => sums({ body: (scope, [index]) => [index!, longer(scope)] })).to.throw(
      'value 1 is float32 [2] at first and float32 [3] after a round',
    );
  });

  it('refuses a condition that is no bool', () => {
    expect(() => sums({ condition: (_, [index]) => index! })).to.throw('the condition is int32 [], not a bool scalar');
  });

  it('refuses to change variables', () => {
    const body: WhileLoopOptions['body'] = (scope, [index, value]) => {
      const variable = scope.graph.sharedVariable('w', { shape: [2] });
      scope.updates.push(moveTowards(scope, variable, value!, scope.constant(0.5, 'float32')));
      return [increased(scope, index!), value!];
    };
    expect(() => sums({ body })).to.throw('a loop that changes variables is not supported');
  });

  it('refuses to stand in a branch, and to use tensors of one', () => {
    const graph = new Graph();
    const index = graph.placeholder('index', 'int32', []);
    let inside: Tensor | null = null;
    const branch = (scope: Scope): readonly Tensor[] => {
      inside = increased(scope, scope.import(index));
      expect(() => whileLoop(scope, { ...loop, start: [inside!] })).to.throw(
        'a loop within a function is not supported',
      );
      return [inside];
    };
    const loop: WhileLoopOptions = {
      name: 'loop',
      start: [index],
      condition: (scope, [value]) => less(scope, value!, scope.constant(3, 'int32')),
      body: (scope) => [increased(scope, inside!)],
      parallelIterations: 1,
    };
    switchCase(graph.main, { name: 'choice', index, branches: [branch] });
    expect(() => whileLoop(graph.main, loop)).to.throw('is out of reach of "loop_body"');
  });
});
