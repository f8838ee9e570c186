/** The tests that every op passes: TensorFlow's values and gradients, the same in a branch, and finite differences. */
import type { Kernels, Scope, Tensor } from '../../../src/graph/graph.ts';
import { expectClose } from '../close.ts';
import { expectFiniteDifferences } from './finite-differences.ts';
import { type Attributes, type FixtureCase, numbers, readFixture } from './fixtures.ts';
import { type Input, type OpRunner, type OpUnderTest, openOps, type Place } from './op-under-test.ts';

export interface DescribeOptions {
  /** Inputs whose first dimension is the batch, so that its size may be unknown when the graph is built. */
  readonly batched: readonly string[];
  /** How far finite differences may be off, as a share of the largest gradient. */
  readonly finiteDifferences?: number;
  /** Whose kernels the graph is written for. Default: any. */
  readonly kernels?: Kernels;
}

export type Apply = (
  scope: Scope,
  inputs: Readonly<Record<string, Tensor>>,
  attributes: Attributes,
) => Readonly<Record<string, Tensor>>;

function opOf(fixture: FixtureCase, apply: Apply, options: DescribeOptions): OpUnderTest {
  return {
    name: fixture.name,
    inputs: Object.fromEntries(
      Object.entries(fixture.inputs).map(([name, { shape, dtype }]): [string, Input] => [
        name,
        { shape, dtype: dtype === 'int32' ? 'int32' : 'float32' },
      ]),
    ),
    differentiable: Object.keys(fixture.gradients),
    batched: options.batched,
    apply: (scope, inputs) => apply(scope, inputs, fixture.attributes),
  };
}

/** Describes an op by its fixture. `apply` names its outputs as the fixture does, and may leave some out. */
export function describeOp(fixtureName: string, apply: Apply, options: DescribeOptions): void {
  const fixtures = readFixture(fixtureName);

  const form = options.kernels === undefined ? '' : `, written for ${options.kernels},`;
  describe(`${fixtureName}${form} against TensorFlow's ${fixtures.length} cases`, () => {
    const ops = fixtures.map((fixture) => opOf(fixture, apply, options));
    let runner: OpRunner;
    before(() => {
      runner = openOps(ops, options.kernels);
    });
    after(() => runner.close());

    for (const [index, fixture] of fixtures.entries()) {
      const op = ops[index]!;
      const inputs = Object.fromEntries(
        Object.entries(fixture.inputs).map(([name, { values }]) => [name, numbers(values)]),
      );
      const upstream = numbers(Object.values(fixture.upstream)[0]?.values ?? []);
      const check = (place: Place): void => {
        const found = runner.evaluate(op.name, place, inputs, upstream);
        for (const [name, values] of Object.entries(found.outputs)) {
          expectClose(values, numbers(fixture.outputs[name]!.values), `${name} (${place})`);
        }
        for (const [name, { values }] of Object.entries(fixture.gradients)) {
          expectClose(found.gradients[name]!, numbers(values), `gradient of ${name} (${place})`);
        }
      };

      it(`${fixture.name}: value and gradients`, () => check('static'));
      it(`${fixture.name}: the same with an unknown batch size`, () => check('main'));
      it(`${fixture.name}: the same inside a branch`, () => check('branch'));
      // Differences across a kink are no gradient.
      if (op.differentiable.length > 0 && fixture.name !== 'at the kinks') {
        it(`${fixture.name}: gradients as finite differences`, () => {
          expectFiniteDifferences(runner, op, inputs, upstream, options.finiteDifferences);
        });
      }
    }
  });
}
