/** Gradients against central finite differences. */
import { expectClose } from '../close.ts';
import type { OpRunner, OpUnderTest, Values } from './op-under-test.ts';

/** How many elements of an input are moved; spread over the whole of it. */
const movedElements = 20;

/**
 * The gradient of sum(output · upstream) as central differences. Step 0.01: with values around 1 the rounding of float32 makes
 * about 1e-5 of error, and the third derivative about 1e-4. The sum is taken in float64.
 */
export function expectFiniteDifferences(
  runner: OpRunner,
  op: OpUnderTest,
  inputs: Readonly<Record<string, Values>>,
  upstream: Values,
  tolerance = 2e-3,
): void {
  const step = 0.01;
  const { gradients } = runner.evaluate(op.name, 'main', inputs, upstream);
  for (const name of op.differentiable) {
    const start = Float32Array.from(inputs[name]!);
    const sumAt = (index: number, shift: number): { sum: number; at: number } => {
      const moved = start.slice();
      moved[index] = start[index]! + shift;
      const output = runner.value(op.name, 'main', { ...inputs, [name]: moved });
      return {
        sum: Array.from(output).reduce((sum, value, each) => sum + value * upstream[each]!, 0),
        at: moved[index]!,
      };
    };
    const stride = Math.max(1, Math.floor(start.length / movedElements));
    const indices = Array.from(start.keys()).filter((index) => index % stride === 0);
    const differences = indices.map((index) => {
      const above = sumAt(index, step);
      const below = sumAt(index, -step);
      return (above.sum - below.sum) / (above.at - below.at);
    });
    const found = indices.map((index) => gradients[name]![index]!);
    expectClose(found, differences, `${op.name}: gradient of ${name} against finite differences`, tolerance);
  }
}
