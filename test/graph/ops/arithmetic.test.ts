import { expect } from 'chai';
import { Graph, type Tensor } from '../../../src/graph/graph.ts';
import { add, cast, scale, scaleChannels } from '../../../src/graph/ops/arithmetic.ts';
import { expectClose } from '../close.ts';
import { describeOp } from './describe-op.ts';
import { expectFiniteDifferences } from './finite-differences.ts';
import { type OpRunner, type OpUnderTest, openOps, places } from './op-under-test.ts';

describeOp('add', (scope, { a, b }) => ({ y: add(scope, a!, b!) }), { batched: ['a', 'b'] });
for (const kernels of ['any', 'onednn'] as const) {
  describeOp('exciteScale', (scope, { x, gate }) => ({ y: scaleChannels(scope, x!, gate!) }), {
    kernels,
    batched: ['x', 'gate'],
  });
}

describe('add', () => {
  it('refuses unequal shapes and names both', () => {
    const { main } = new Graph();
    const x = main.constant([1, 2], 'float32');
    const y = main.constant([1, 2], 'float32', [1, 2]);
    expect(() => add(main, x, y)).to.throw('add: shapes [2] and [1, 2] differ');
  });

  it('adds the gradients of a tensor that is used twice', () => {
    const x = { shape: [3], dtype: 'float32' } as const;
    const op: OpUnderTest = {
      name: 'x + 2x + x',
      inputs: { x },
      differentiable: ['x'],
      batched: ['x'],
      apply: (scope, inputs) => ({ y: add(scope, add(scope, inputs.x!, scale(scope, inputs.x!, 2)), inputs.x!) }),
    };
    const runner = openOps([op]);
    for (const place of places) {
      const { outputs, gradients } = runner.evaluate(op.name, place, { x: [1, -2, 3] }, [1, 10, 100]);
      expectClose(outputs.y!, [4, -8, 12], 'value');
      expectClose(gradients.x!, [4, 40, 400], `gradient (${place})`);
    }
    runner.close();
  });
});

describe('scale and cast', () => {
  const x = { shape: [2, 3], dtype: 'float32' } as const;
  const one = (name: string, apply: (x: Tensor, factor: Tensor) => Tensor): OpUnderTest => ({
    name,
    inputs: { x, factor: { shape: [], dtype: 'float32' } },
    differentiable: ['x'],
    batched: ['x'],
    apply: (_, inputs) => ({ y: apply(inputs.x!, inputs.factor!) }),
  });
  const byNumber: OpUnderTest = {
    ...one('by a number', (y) => y),
    apply: (scope, i) => ({ y: scale(scope, i.x!, -2) }),
  };
  const byTensor: OpUnderTest = {
    ...one('by a scalar tensor', (y) => y),
    apply: (scope, inputs) => ({ y: scale(scope, inputs.x!, inputs.factor!) }),
  };
  const rounded: OpUnderTest = {
    ...one('to bfloat16 and back', (y) => y),
    apply: (scope, inputs) => ({ y: cast(scope, cast(scope, inputs.x!, 'bfloat16'), 'float32') }),
  };
  const values = { x: [0.5, -1.25, 3, 0, 2, -0.75], factor: [3] };
  const upstream = [1, -1, 0.5, 2, 0.25, 4];
  let runner: OpRunner;
  before(() => {
    runner = openOps([byNumber, byTensor, rounded]);
  });
  after(() => runner.close());

  for (const [op, factor] of [
    [byNumber, -2],
    [byTensor, 3],
    // These values and gradients have few enough bits to come through bfloat16 unharmed.
    [rounded, 1],
  ] as const) {
    it(`${op.name}: value and gradient, in every place`, () => {
      for (const place of places) {
        const { outputs, gradients } = runner.evaluate(op.name, place, values, upstream);
        expectClose(
          outputs.y!,
          values.x.map((value) => value * factor),
          `value (${place})`,
        );
        expectClose(
          gradients.x!,
          upstream.map((value) => value * factor),
          `gradient (${place})`,
        );
      }
    });
  }

  it('scales the gradient as finite differences do', () => {
    expectFiniteDifferences(runner, byNumber, values, upstream);
    expectFiniteDifferences(runner, byTensor, values, upstream);
  });

  it('casts to bfloat16 by keeping 8 bits of the mantissa, and hands the gradient back in float32', () => {
    const third = { x: [1 / 3, 1, 1, 1, 1, 1], factor: [1] };
    const { outputs, gradients } = runner.evaluate('to bfloat16 and back', 'main', third, [1 / 3, 1, 1, 1, 1, 1]);
    expect(outputs.y![0]).to.equal(0.333984375);
    expect(gradients.x![0]).to.equal(0.333984375);
  });

  it('leaves a tensor of the wanted type alone', () => {
    const { main } = new Graph();
    const tensor = main.constant(1, 'float32');
    expect(cast(main, tensor, 'float32')).to.equal(tensor);
  });
});
