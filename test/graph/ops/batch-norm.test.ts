import { batchNorm } from '../../../src/graph/ops/batch-norm.ts';
import { describeOp } from './describe-op.ts';

// Differences at step 0.01 of normalised values: the third derivative grows with 1 / deviation³.
describeOp(
  'batchNormTraining',
  (scope, { x, scale, offset }) => {
    const { y, mean, variance } = batchNorm(scope, x!, scale!, offset!);
    return { y, mean, variance };
  },
  { batched: ['x'] },
);

describeOp(
  'batchNormInference',
  (scope, { x, scale, offset, mean, variance }) => ({
    y: batchNorm(scope, x!, scale!, offset!, { mean: mean!, variance: variance! }).y,
  }),
  { batched: ['x'] },
);
