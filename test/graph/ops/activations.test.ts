import { hSigmoid, hSwish, relu, relu6 } from '../../../src/graph/ops/activations.ts';
import { describeOp } from './describe-op.ts';

for (const [name, activation] of Object.entries({ relu, relu6, hSigmoid, hSwish })) {
  describeOp(name, (scope, { x }) => ({ y: activation(scope, x!) }), { batched: ['x'] });
}
