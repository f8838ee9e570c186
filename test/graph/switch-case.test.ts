import { expect } from 'chai';
import { backward } from '../../src/graph/gradients.ts';
import { ensureShape, Graph, type Scope, type Tensor } from '../../src/graph/graph.ts';
import { hSwish, relu } from '../../src/graph/ops/activations.ts';
import { add, scale } from '../../src/graph/ops/arithmetic.ts';
import { batchNorm } from '../../src/graph/ops/batch-norm.ts';
import { conv2d } from '../../src/graph/ops/convolution.ts';
import { momentumSgd } from '../../src/graph/optimizers.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { expectClose } from './close.ts';
import { decodedShape, decodeGraph } from './decode.ts';
import { differentiableInput } from './ops/op-under-test.ts';
import { noise, openTraining, type TrainingGraph, type Value } from './training-graph.ts';

type Branch = (scope: Scope, x: Tensor, h: Tensor, graph: Graph) => Tensor;

const index = (value: number): Value => ({ shape: [], values: Int32Array.of(value) });
const batch = 3;
const image = [batch, 4, 4, 2] as const;
const count = image.reduce((product, size) => product * size, 1);

function weights(scope: Scope, name: string, shape: readonly number[]): Tensor {
  return scope.read(scope.graph.variable(name, { shape }));
}

/** Every way in which a branch can use x and the captured h: [batch, 4, 4, 2] each. */
const branches: Readonly<Record<string, Branch>> = {
  'uses both, and a variable': (scope, x, h) => add(scope, conv2d(scope, x, weights(scope, 'w0', [3, 3, 2, 2]), 1), h),
  'returns its input': (_, x) => x,
  'captures one that it does not use': (scope, x, h) => {
    scope.import(h);
    return scale(scope, x, 2);
  },
  'uses only the other': (scope, _, h) => relu(scope, h),
  'depends on neither': (scope) =>
    ensureShape(scope, scope.constant(new Array<number>(count).fill(0.5), 'float32', image), [-1, 4, 4, 2]),
  'uses one tensor twice, through an activation that keeps its input': (scope, x) => add(scope, hSwish(scope, x), x),
  'hands over many tensors, one of unknown rank': (scope, x, h) => {
    const gamma = weights(scope, 'gamma', [2]);
    const beta = weights(scope, 'beta', [2]);
    const y = batchNorm(scope, conv2d(scope, x, weights(scope, 'w6', [1, 1, 2, 2]), 1), gamma, beta).y;
    return add(scope, relu(scope, hSwish(scope, y)), scale(scope, h, -1));
  },
};
const names = Object.keys(branches);

interface Opened {
  readonly training: TrainingGraph;
  /** y, and the gradients of sum(y · upstream) with respect to x, h and each variable. */
  run(feeds: Readonly<Record<string, Value>>): Readonly<Record<string, number[]>>;
}

/** y = the branch's value, plus x for a path that goes around the choice. */
function open(build: (graph: Graph, x: Tensor, h: Tensor) => Tensor): Opened {
  const graph = new Graph();
  const { main } = graph;
  const shape = [-1, 4, 4, 2];
  const x = differentiableInput(graph, 'x', shape);
  const h = differentiableInput(graph, 'h', shape);
  const y = add(main, build(graph, x, h), x);
  const given = graph.placeholder('upstream', 'float32', shape);
  // The sink keeps the gradient in a variable, as an optimizer keeps its slot; the step empties all others.
  const found = backward({
    outputs: [{ tensor: y, gradient: given }],
    from: main,
    into: main,
    wanted: [x, h],
    sink: (scope, variable, gradient) =>
      scope.add('AssignVariableOp', {
        inputs: [
          scope.handle(graph.sharedVariable(`${variable.name}/gradient`, { shape: variable.shape, trainable: false })),
          gradient,
        ],
        attributes: { dtype: { type: 1 } },
      }),
  });
  const zero = scale(main, given, 0);
  const endpoints = {
    y: { tensor: y },
    'gradient/x': { tensor: found[0] ?? zero },
    'gradient/h': { tensor: found[1] ?? zero },
    step: { after: main.updates.splice(0) },
  };
  const training = openTraining(graph, endpoints);
  const variables = [...graph.variables.values()];
  const size = (shape: readonly number[] | null): number => (shape ?? []).reduce((product, each) => product * each, 1);
  // Initial values by name, so that they are the same in the graph with the choice and in the one without.
  training.set(
    Object.fromEntries(
      variables.map(({ name, shape }) => [name, noise(size(shape), name.charCodeAt(0) + name.length)]),
    ),
  );
  return {
    training,
    run(feeds) {
      const emptied = variables.filter(({ name }) => name.endsWith('/gradient'));
      if (emptied.length > 0) {
        training.set(Object.fromEntries(emptied.map(({ name, shape }) => [name, new Float32Array(size(shape))])));
        training.run('step', feeds);
      }
      const kept = training.read();
      return {
        y: training.run('y', feeds),
        x: training.run('gradient/x', feeds),
        h: training.run('gradient/h', feeds),
        ...Object.fromEntries(emptied.map(({ name }) => [name, Array.from(kept[name]!)])),
      };
    },
  };
}

const feeds = {
  x: { shape: image, values: noise(count, 1).map((value) => value * 3) },
  h: { shape: image, values: noise(count, 2) },
  upstream: { shape: image, values: noise(count, 3) },
} as const;

describe('switchCase: value and gradients equal those of the branch built alone', () => {
  let choice: Opened;
  before(() => {
    choice = open((graph, x, h) => {
      const [chosen] = switchCase(graph.main, {
        name: 'choice',
        index: graph.placeholder('index', 'int32', []),
        branches: Object.values(branches).map((branch) => (scope) => [branch(scope, x, h, graph)]),
      });
      return chosen!;
    });
  });
  after(() => choice.training.close());

  for (const [number, name] of names.entries()) {
    it(`a branch that ${name}`, () => {
      const alone = open((graph, x, h) => branches[name]!(graph.main, x, h, graph));
      const expected = alone.run(feeds);
      const found = choice.run({ ...feeds, index: index(number) });
      alone.training.close();
      for (const [key, values] of Object.entries(expected)) expectClose(found[key]!, values, key, 1e-6);
      // What the branch does not use has no gradient: exactly zero.
      for (const [key, values] of Object.entries(found)) {
        if (!(key in expected))
          expect(
            values.every((value) => value === 0),
            key,
          ).to.equal(true);
      }
    });
  }

  it('pads branches that hand over fewer tensors: one signature for all branches, empty constants of the same rank', () => {
    const graph = new Graph();
    const x = differentiableInput(graph, 'x', [-1, 4, 4, 2]);
    const [chosen] = switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: Object.values(branches).map((branch) => (scope) => [branch(scope, x, x, graph)]),
    });
    const upstream = graph.placeholder('upstream', 'float32', [-1, 4, 4, 2]);
    const sink = momentumSgd({
      learningRate: graph.main.constant(0.1, 'float32'),
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0,
    });
    backward({
      outputs: [{ tensor: chosen!, gradient: upstream }],
      from: graph.main,
      into: graph.main,
      sink,
      wanted: [x],
    });
    const { nodes, functions } = decodeGraph(graph.encode());
    const forward = nodes.find(({ name }) => name === 'choice')!;
    const shapes = forward.attr.output_shapes!.list!.shape.map(decodedShape);
    expect(shapes).to.have.length.above(5);
    expect(
      shapes.some((shape) => shape === null),
      'the reserve space of batch norm',
    ).to.equal(true);
    let padded = 0;
    for (const name of forward.attr.branches!.list!.func) {
      const body = functions.get(name.name)!;
      for (const [position, shape] of shapes.entries()) {
        const [node] = body.ret[`out${position}`]!.split(':');
        const made = body.nodeDef.find((each) => each.name === node);
        const value = made?.attr.value?.tensor;
        const size = value ? decodedShape(value.tensorShape) : null;
        if (made?.op !== 'Const' || size === null || position === 0) continue;
        padded += 1;
        expect(size, `${name.name} out${position}`).to.deep.equal(new Array(shape?.length ?? 1).fill(0));
      }
    }
    expect(padded).to.be.above(10);
  });
});

describe('switchCase: the branches that are not chosen', () => {
  it('are not computed: one that fails and one that is NaN disturb neither value nor gradient', () => {
    const { training, run } = open((graph, x) => {
      const nan = graph.main.constant(Number.NaN, 'float32');
      const [chosen] = switchCase(graph.main, {
        name: 'choice',
        index: graph.placeholder('index', 'int32', []),
        branches: [
          (scope) => [scale(scope, x, 3)],
          (scope) => [add(scope, hSwish(scope, x), failing(scope, x))],
          (scope) => [conv2d(scope, scale(scope, x, nan), weights(scope, 'w', [3, 3, 2, 2]), 1)],
        ],
      });
      return chosen!;
    });
    const found = run({ ...feeds, index: index(0) });
    expectClose(
      found.y!,
      Array.from(feeds.x.values, (value) => 4 * value),
      'y',
    );
    expectClose(
      found.x!,
      Array.from(feeds.upstream.values, (value) => 4 * value),
      'gradient',
    );
    expect(found['w/gradient']!.every((value) => value === 0)).to.equal(true);
    expect(() => run({ ...feeds, index: index(1) })).to.throw(/is not compatible with expected shape/);
    expect(run({ ...feeds, index: index(2) }).y!.every(Number.isNaN)).to.equal(true);
    // And the session lives on.
    expect(run({ ...feeds, index: index(0) })).to.deep.equal(found);
    training.close();
  });

  /** Fails when it is computed: it claims a size that x does not have. */
  function failing(scope: Scope, x: Tensor): Tensor {
    const wrong = ensureShape(scope, { ...x, differentiable: false }, [-1, 9, 4, 2]);
    return { ...wrong, shape: x.shape, differentiable: false };
  }
});

describe('switchCase refuses', () => {
  const build = (outputs: readonly ((scope: Scope, x: Tensor) => Tensor[])[]): (() => Tensor[]) => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [2, 3]);
    const branches = outputs.map((branch) => (scope: Scope) => branch(scope, x));
    return () => switchCase(graph.main, { name: 'choice', index: graph.placeholder('index', 'int32', []), branches });
  };
  const same = (_: Scope, x: Tensor): Tensor[] => [x];

  it('no branches', () => {
    expect(build([])).to.throw('switchCase "choice" has no branches');
  });

  it('another number of outputs, more or fewer, also where the first branch has none', () => {
    const message = /branch "choice_1" differs in the number or types of its outputs/;
    expect(build([same, (_, x) => [x, x]])).to.throw(message);
    expect(build([same, () => []])).to.throw(message);
    expect(build([() => [], same])).to.throw(message);
  });

  it('another type', () => {
    expect(build([same, (scope) => [scope.constant([1], 'int32', [1, 1])]])).to.throw(
      'branch "choice_1" differs in the number or types of its outputs',
    );
  });

  it('another rank, and names both shapes', () => {
    expect(build([same, (scope) => [scope.constant([1, 2, 3], 'float32')]])).to.throw(
      'switchCase "choice": output 0 of "choice_1" has shape [3], others [2, 3]',
    );
  });

  it('a choice within a branch', () => {
    const nested = build([
      (scope, x) => switchCase(scope, { name: 'inner', index: scope.constant(0, 'int32'), branches: [() => [x]] }),
    ]);
    expect(nested).to.throw('switchCase "inner": a choice within a branch is not supported');
  });

  it("another branch's tensor", () => {
    let other: Tensor | undefined;
    const stolen = build([
      (scope, x) => {
        other = relu(scope, x);
        return [other];
      },
      (scope) => [relu(scope, other!)],
    ]);
    expect(stolen).to.throw(/of another branch cannot be used in "choice_1"/);
  });

  it('a name twice', () => {
    const graph = new Graph();
    const choose = () =>
      switchCase(graph.main, {
        name: 'choice',
        index: graph.main.constant(0, 'int32'),
        branches: [(scope) => [scope.constant(1, 'float32')]],
      });
    choose();
    expect(choose).to.throw('already has an operation named "choice"');
  });
});

describe('switchCase: shapes', () => {
  it('keeps the sizes that all branches agree on', () => {
    const graph = new Graph();
    const x = graph.placeholder('x', 'float32', [-1, 4, 4, 2]);
    const [y] = switchCase(graph.main, {
      name: 'choice',
      index: graph.placeholder('index', 'int32', []),
      branches: [
        (scope) => [conv2d(scope, x, weights(scope, 'a', [1, 1, 2, 5]), 2)],
        (scope) => [conv2d(scope, x, weights(scope, 'b', [1, 1, 2, 6]), 2)],
      ],
    });
    expect(y!.shape).to.deep.equal([-1, 2, 2, -1]);
  });
});
