/** Squared error, softmax cross-entropy with label smoothing, and whether the class is among the k highest logits. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';
import { elementwise } from './arithmetic.ts';
import { reshape } from './shapes.ts';

/**
 * Cross-entropy of each image against its smoothed class (Szegedy et al. 2016, section 7): the class gets
 * 1 − smoothing + smoothing / classes, every other smoothing / classes.
 *
 * @param logits float32 `[batch, classes]`
 * @param labels int32 `[batch]`, each in [0, classes)
 * @param smoothing in [0, 1)
 * @returns `[batch]`, in nats
 */
export function softmaxCrossEntropy(scope: Scope, logits: Tensor, labels: Tensor, smoothing: number): Tensor {
  const [batch, classes] = logits.shape as readonly [number, number];
  const low = smoothing / classes;
  const target = scope.addOne('OneHot', {
    inputs: [
      labels,
      scope.constant(classes, 'int32'),
      scope.constant(1 - smoothing + low, 'float32'),
      scope.constant(low, 'float32'),
    ],
    attributes: { T: attribute.type('float32'), TI: attribute.type('int32'), axis: attribute.int(-1) },
    dtype: 'float32',
    shape: [batch, classes],
  });
  const operation = scope.add('SoftmaxCrossEntropyWithLogits', {
    inputs: [logits, target],
    attributes: { T: attribute.type('float32') },
    outputs: [
      { dtype: 'float32', shape: [batch] },
      { dtype: 'float32', shape: [batch, classes] },
    ],
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      const column = reshape(into, gradient, [-1, 1]);
      return [elementwise(into, 'Mul', [column, operation.outputs[1]!], logits.shape), null];
    },
  });
  return operation.outputs[0]!;
}

/**
 * (prediction − target)² of each example.
 *
 * @param prediction float32 `[batch]`
 * @param target float32 `[batch]`, not differentiated
 */
export function squaredError(scope: Scope, prediction: Tensor, target: Tensor): Tensor {
  return scope.addOne('SquaredDifference', {
    inputs: [prediction, target],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape: prediction.shape,
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null];
      const difference = elementwise(into, 'Sub', [prediction, target]);
      const twice = elementwise(into, 'AddV2', [difference, difference]);
      return [elementwise(into, 'Mul', [gradient, twice]), null];
    },
  });
}

/** For each image 1 if its class is among the k highest logits, else 0. `[batch]`, int32 */
export function topKCorrect(scope: Scope, logits: Tensor, labels: Tensor, k: number): Tensor {
  const batch = logits.shape?.[0] ?? -1;
  const inTop = scope.addOne('InTopKV2', {
    inputs: [logits, labels, scope.constant(k, 'int32')],
    attributes: { T: attribute.type('int32') },
    dtype: 'bool',
    shape: [batch],
  });
  return scope.addOne('Cast', {
    inputs: [inTop],
    attributes: { SrcT: attribute.type('bool'), DstT: attribute.type('int32'), Truncate: attribute.bool(false) },
    dtype: 'int32',
    shape: [batch],
  });
}
