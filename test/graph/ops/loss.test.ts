import { softmaxCrossEntropy, squaredError, topKCorrect } from '../../../src/graph/ops/loss.ts';
import { describeOp } from './describe-op.ts';
import { numberAttribute } from './fixtures.ts';

describeOp(
  'softmaxCrossEntropy',
  (scope, { logits, labels }, attributes) => ({
    losses: softmaxCrossEntropy(scope, logits!, labels!, numberAttribute(attributes, 'labelSmoothing')),
  }),
  { batched: ['logits', 'labels'] },
);

describeOp(
  'topK',
  (scope, { logits, labels }, attributes) => ({
    correct: topKCorrect(scope, logits!, labels!, numberAttribute(attributes, 'k')),
  }),
  { batched: ['logits', 'labels'] },
);

describeOp('squaredError', (scope, { prediction, target }) => ({ errors: squaredError(scope, prediction!, target!) }), {
  batched: ['prediction', 'target'],
});
