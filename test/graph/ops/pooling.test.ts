import { batchMean, globalAveragePool } from '../../../src/graph/ops/pooling.ts';
import { expectClose } from '../close.ts';
import { describeOp } from './describe-op.ts';
import { expectFiniteDifferences } from './finite-differences.ts';
import { type OpUnderTest, openOps, places } from './op-under-test.ts';

describeOp('globalAveragePool', (scope, { x }) => ({ y: globalAveragePool(scope, x!) }), { batched: ['x'] });
describeOp('squeezePool', (scope, { x }) => ({ y: globalAveragePool(scope, x!, true) }), { batched: ['x'] });

describe('batchMean', () => {
  it('is the mean, and spreads its gradient evenly over a batch of any size', () => {
    const op: OpUnderTest = {
      name: 'mean',
      inputs: { x: { shape: [5], dtype: 'float32' } },
      differentiable: ['x'],
      batched: ['x'],
      apply: (scope, { x }) => ({ y: batchMean(scope, x!) }),
    };
    const runner = openOps([op]);
    const values = { x: [1, 2, -4, 8, 0.5] };
    for (const place of places) {
      const { outputs, gradients } = runner.evaluate('mean', place, values, [3]);
      expectClose(outputs.y!, [1.5], `value (${place})`);
      expectClose(gradients.x!, [0.6, 0.6, 0.6, 0.6, 0.6], `gradient (${place})`);
    }
    expectFiniteDifferences(runner, op, values, [3]);
    runner.close();
  });
});
