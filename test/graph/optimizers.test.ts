import { expect } from 'chai';
import { backward } from '../../src/graph/gradients.ts';
import {
  type GradientSink,
  Graph,
  type Operation,
  type Scope,
  type Tensor,
  type Variable,
} from '../../src/graph/graph.ts';
import {
  accumulator,
  adam,
  adamBetas,
  applyAccumulated,
  finite,
  type MomentumOptions,
  momentumSgd,
} from '../../src/graph/optimizers.ts';
import { switchCase } from '../../src/graph/switch-case.ts';
import { expectClose } from './close.ts';
import { type Attributes, listAttribute, numberAttribute, numbers, readFixture } from './ops/fixtures.ts';
import { changed, noise, openTraining, type TrainingGraph } from './training-graph.ts';

type Settings = Omit<MomentumOptions, 'learningRate'>;

const paper: Settings = { momentum: 0.9, nesterov: true, weightDecay: 4e-5 };

function rateOf(graph: Graph): Tensor {
  return graph.placeholder('rate', 'float32', []);
}

/** Hands a fed gradient to a sink, by way of the variable's read. */
function applyFed(scope: Scope, variable: Variable, gradient: Tensor, sink: GradientSink): readonly Operation[] {
  const first = scope.updates.length;
  backward({ outputs: [{ tensor: scope.read(variable), gradient }], from: scope, into: scope, sink });
  return scope.updates.splice(first);
}

/** One variable `w` whose gradient is fed: what every other arrangement is compared with. */
function openLone(shape: readonly number[], decay: boolean, settings: Settings): TrainingGraph {
  const graph = new Graph();
  const w = graph.variable('w', { shape, decay });
  const gradient = graph.placeholder('gradient', 'float32', shape);
  const sink = momentumSgd({ ...settings, learningRate: rateOf(graph) });
  const training = openTraining(graph, { step: { after: applyFed(graph.main, w, gradient, sink) } });
  training.set({ 'w/momentum': new Float32Array(shape.reduce((count, size) => count * size, 1)) });
  return training;
}

function settingsOf(attributes: Attributes): Settings {
  return {
    momentum: numberAttribute(attributes, 'momentum'),
    nesterov: attributes.nesterov === true,
    weightDecay: numberAttribute(attributes, 'weightDecay'),
  };
}

describe('momentumSgd', () => {
  for (const [fixtureName, author] of [
    ['sgdMomentum', 'TensorFlow'],
    ['sgdMomentumPytorch', 'PyTorch'],
  ] as const) {
    for (const { name, attributes, inputs, outputs } of readFixture(fixtureName)) {
      it(`${name}: five steps as ${author} takes them`, () => {
        const { shape, values } = inputs.variable!;
        const training = openLone(shape, true, settingsOf(attributes));
        training.set({ w: numbers(values) });
        const gradients = numbers(inputs.gradients!.values);
        const size = values.length;
        for (const [step, rate] of listAttribute(attributes, 'learningRates').entries()) {
          const part = Float32Array.from(gradients.slice(step * size, (step + 1) * size));
          training.run('step', { gradient: { shape, values: part }, rate });
          const found = training.read();
          const expected = (key: string) => numbers(outputs[key]!.values).slice(step * size, (step + 1) * size);
          expectClose(found.w!, expected('variable'), `weight after step ${step + 1}`, 1e-6);
          expectClose(found['w/momentum']!, expected('slot'), `slot after step ${step + 1}`, 1e-6);
        }
        training.close();
      });
    }
  }

  it('decays only variables that decay: a bias moves by its gradient alone', () => {
    const plain = openLone([6], true, { ...paper, weightDecay: 0 });
    const bias = openLone([6], false, { ...paper, weightDecay: 0.5 });
    const weight = openLone([6], true, { ...paper, weightDecay: 0.5 });
    const start = noise(6, 1);
    for (const training of [plain, bias, weight]) {
      training.set({ w: start });
      for (const step of [2, 3]) training.run('step', { gradient: noise(6, step), rate: 0.1 });
    }
    expect(changed(plain.read(), bias.read())).to.deep.equal([]);
    expect(changed(plain.read(), weight.read())).to.deep.equal(['w', 'w/momentum']);
    for (const training of [plain, bias, weight]) training.close();
  });
});

/** Variables a, b, c, d, each read in a branch of its own; the chosen one's gradient is fed. */
function openChoice(sinkOf: (graph: Graph) => GradientSink): TrainingGraph {
  const graph = new Graph();
  const { main } = graph;
  const sink = sinkOf(graph);
  const [value] = switchCase(main, {
    name: 'choice',
    index: graph.placeholder('index', 'int32', []),
    branches: ['a', 'b', 'c', 'd'].map((name) => (scope) => [
      scope.read(graph.variable(name, { shape: [3], decay: true })),
    ]),
  });
  const gradient = graph.placeholder('gradient', 'float32', [3]);
  const first = main.updates.length;
  backward({ outputs: [{ tensor: value!, gradient }], from: main, into: main, sink });
  const updates = main.updates.splice(first);
  const endpoints = { value: { tensor: value! }, step: { after: updates } };
  const accumulated = [...graph.variables.values()].filter(({ name }) => graph.variables.has(`${name}/accumulator`));
  if (accumulated.length === 0) return openTraining(graph, endpoints);
  const optimizer = momentumSgd({ ...paper, learningRate: rateOf(graph) });
  const factor = graph.placeholder('factor', 'float32', []);
  return openTraining(graph, {
    ...endpoints,
    apply: { after: applyAccumulated(graph.main, accumulated, factor, optimizer) },
  });
}

describe('momentumSgd with a guard', () => {
  /** Two variables with fed gradients, and a fed scalar in the place of the loss. */
  function openGuarded(): TrainingGraph {
    const graph = new Graph();
    const { main } = graph;
    const loss = graph.placeholder('loss', 'float32', []);
    const withheld = graph.variable('withheld', { shape: [], trainable: false });
    const sink = momentumSgd({
      ...paper,
      learningRate: rateOf(graph),
      guard: { finite: finite(main, loss), withheld },
    });
    const after = ['v', 'w'].flatMap((name) => {
      const variable = graph.variable(name, { shape: [3], decay: true });
      return applyFed(main, variable, graph.placeholder(`gradient/${name}`, 'float32', [3]), sink);
    });
    const training = openTraining(graph, { step: { after } });
    const three = [0.5, -1, 2];
    training.set({ v: three, w: three, 'v/momentum': three, 'w/momentum': three, withheld: [0] });
    return training;
  }
  const good = Float32Array.of(1, 0, -0.25);
  const feeds = { rate: 0.1, loss: 2, 'gradient/v': good, 'gradient/w': good };
  const everything = ['v', 'v/momentum', 'w', 'w/momentum'];

  it('applies what is finite, and counts nothing', () => {
    const training = openGuarded();
    const before = training.read();
    training.run('step', feeds);
    expect(changed(before, training.read()).sort()).to.deep.equal(everything);
    expect(training.read().withheld![0]).to.equal(0);
    training.close();
  });

  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    it(`changes nothing where the loss is ${loss}, whatever the gradients are, and counts the variables`, () => {
      const training = openGuarded();
      const before = training.read();
      training.run('step', { ...feeds, loss });
      training.run('step', { ...feeds, loss, 'gradient/v': Float32Array.of(Number.NaN, 1, 1) });
      expect(changed(before, training.read())).to.deep.equal(['withheld']);
      expect(training.read().withheld![0]).to.equal(4);
      training.close();
    });
  }

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e30]) {
    it(`leaves the variable alone whose gradient has ${value}`, () => {
      const training = openGuarded();
      const before = training.read();
      training.run('step', { ...feeds, 'gradient/w': Float32Array.of(0, value, 0) });
      expect(changed(before, training.read()).sort()).to.deep.equal(['v', 'v/momentum', 'withheld']);
      expect(training.read().withheld![0]).to.equal(1);
      training.close();
    });
  }
});

const names = ['a', 'b', 'c', 'd'] as const;

describe('slots of a choice', () => {
  const start = Object.fromEntries(
    names.flatMap((name, index) => [
      [name, noise(3, 10 + index)],
      [`${name}/momentum`, new Float32Array(3)],
    ]),
  );
  const rates = [0.12, 0.1, 0.07, 0.03, 0.01];
  const order = [0, 1, 2, 1, 0];

  it('belong to variables by name: another branch each step, each moves as with an optimizer of its own', () => {
    const training = openChoice((graph) => momentumSgd({ ...paper, learningRate: rateOf(graph) }));
    training.set(start);
    const lone = new Map(names.map((name) => [name, openLone([3], true, paper)]));
    for (const name of names) lone.get(name)!.set({ w: start[name]! });
    for (const [step, index] of order.entries()) {
      const before = training.read();
      const gradient = noise(3, 20 + step);
      const rate = rates[step]!;
      training.run('step', { index: { shape: [], values: Int32Array.of(index) }, gradient, rate });
      const after = training.read();
      const name = names[index]!;
      expect(changed(before, after), `step ${step + 1}`).to.deep.equal([name, `${name}/momentum`]);
      lone.get(name)!.run('step', { gradient, rate });
    }
    const end = training.read();
    for (const name of names) {
      const expected = lone.get(name)!.read();
      expect(changed({ w: expected.w! }, { w: end[name]! }), name).to.deep.equal([]);
      expect(changed({ w: expected['w/momentum']! }, { w: end[`${name}/momentum`]! }), name).to.deep.equal([]);
      lone.get(name)!.close();
    }
    // d was never chosen.
    expect([...end.d!, ...end['d/momentum']!]).to.deep.equal([...start.d!, 0, 0, 0]);
    training.close();
  });

  it('do not move a variable whose gradient is zero and that was never trained (design.md: from 1 to −8 by position)', () => {
    const training = openChoice((graph) => momentumSgd({ ...paper, weightDecay: 0, learningRate: rateOf(graph) }));
    training.set({ ...start, a: [1, 1, 1], b: [1, 1, 1] });
    const choose = (index: number, gradient: number) =>
      training.run('step', {
        index: { shape: [], values: Int32Array.of(index) },
        gradient: new Float32Array(3).fill(gradient),
        rate: 1,
      });
    choose(0, 10);
    choose(1, 0);
    const { a, b } = training.read();
    // Nesterov's first step: 1 − 1·(10 + 0.9·10).
    expectClose(a!, [-18, -18, -18], 'trained');
    expect([...b!]).to.deep.equal([1, 1, 1]);
    training.close();
  });
});

describe('accumulator and applyAccumulated', () => {
  it('equal one step with the summed gradients, and leave the accumulators empty', () => {
    const training = openChoice(() => accumulator());
    const lone = new Map(names.map((name) => [name, openLone([3], true, paper)]));
    const zero = new Float32Array(3);
    training.set(
      Object.fromEntries(
        names.flatMap((name, index) => [
          [name, noise(3, 30 + index)],
          [`${name}/momentum`, noise(3, 40 + index)],
          [`${name}/accumulator`, zero],
        ]),
      ),
    );
    const start = training.read();
    for (const name of names) lone.get(name)!.set({ w: start[name]!, 'w/momentum': start[`${name}/momentum`]! });

    for (const round of [1, 2]) {
      const before = training.read();
      const sums = new Map(names.map((name) => [name, new Float32Array(3)]));
      for (const [position, index] of [2, 0, 2].entries()) {
        const gradient = noise(3, 100 * round + position);
        training.run('step', { index: { shape: [], values: Int32Array.of(index) }, gradient });
        const sum = sums.get(names[index]!)!;
        for (const [each, value] of gradient.entries()) sum[each] = sum[each]! + value;
      }
      expect(changed(before, training.read())).to.deep.equal(['a/accumulator', 'c/accumulator']);
      training.run('apply', { factor: 0.5, rate: 0.1 });
      for (const name of names) {
        lone.get(name)!.run('step', { gradient: sums.get(name)!.map((value) => value * 0.5), rate: 0.1 });
      }
      const end = training.read();
      for (const name of names) {
        const expected = lone.get(name)!.read();
        expect([...end[name]!], `${name} in round ${round}`).to.deep.equal([...expected.w!]);
        expect([...end[`${name}/momentum`]!], `${name}'s slot`).to.deep.equal([...expected['w/momentum']!]);
        expect([...end[`${name}/accumulator`]!], `${name}'s accumulator`).to.deep.equal([0, 0, 0]);
      }
    }
    for (const each of [training, ...lone.values()]) each.close();
  });
});

describe('adam', () => {
  for (const fixture of readFixture('adam')) {
    const rates = listAttribute(fixture.attributes, 'learningRates');
    const decay = numberAttribute(fixture.attributes, 'weightDecay');
    const shape = fixture.inputs.variable!.shape;
    const count = shape.reduce((product, size) => product * size, 1);
    const part = (name: string, step: number): number[] =>
      numbers(fixture.outputs[name]!.values).slice(step * count, (step + 1) * count);

    it(`is TensorFlow's: ${fixture.name}`, () => {
      const graph = new Graph();
      const w = graph.variable('w', { shape, decay: true });
      const gradient = graph.placeholder('gradient', 'float32', shape);
      const scalar = (name: string): Tensor => graph.placeholder(name, 'float32', []);
      const sink = adam({
        learningRate: rateOf(graph),
        beta1Power: scalar('beta1_power'),
        beta2Power: scalar('beta2_power'),
        weightDecay: scalar('decay'),
      });
      const training = openTraining(graph, { step: { after: applyFed(graph.main, w, gradient, sink) } });
      const zeros = new Float32Array(count);
      training.set({ w: numbers(fixture.inputs.variable!.values), 'w/mean': zeros, 'w/square': zeros });
      const gradients = numbers(fixture.inputs.gradients!.values);
      for (const [step, rate] of rates.entries()) {
        training.run('step', {
          gradient: { shape, values: Float32Array.from(gradients.slice(step * count, (step + 1) * count)) },
          rate,
          beta1_power: adamBetas.beta1 ** (step + 1),
          beta2_power: adamBetas.beta2 ** (step + 1),
          decay,
        });
        const found = training.read();
        expectClose(found.w!, part('variable', step), `variable after step ${step + 1}`);
        expectClose(found['w/mean']!, part('mean', step), `mean after step ${step + 1}`);
        expectClose(found['w/square']!, part('square', step), `square after step ${step + 1}`);
      }
      training.close();
    });
  }

  it('leaves a variable that does not decay without decay', () => {
    const graph = new Graph();
    const w = graph.variable('w', { shape: [2], decay: false });
    const scalar = (name: string): Tensor => graph.placeholder(name, 'float32', []);
    const sink = adam({
      learningRate: rateOf(graph),
      beta1Power: scalar('beta1_power'),
      beta2Power: scalar('beta2_power'),
      weightDecay: scalar('decay'),
    });
    const gradient = graph.placeholder('gradient', 'float32', [2]);
    const training = openTraining(graph, { step: { after: applyFed(graph.main, w, gradient, sink) } });
    training.set({ w: [3, -4], 'w/mean': [0, 0], 'w/square': [0, 0] });
    training.run('step', { gradient: new Float32Array(2), rate: 0.1, beta1_power: 0.9, beta2_power: 0.999 });
    expect([...training.read().w!]).to.deep.equal([3, -4]);
    training.close();
  });
});
