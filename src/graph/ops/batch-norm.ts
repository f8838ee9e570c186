/** Batch normalisation over `[batch, height, width, channels]` (Ioffe and Szegedy 2015), by batch or by given statistics. */
import type { Scope, Tensor } from '../graph.ts';
import { attribute } from '../types.ts';

/** The usual ε of MobileNets in PyTorch, which the paper's code trains with. */
export const batchNormEpsilon = 1e-5;

export interface BatchNorm {
  readonly y: Tensor;
  /** Mean of each channel: of the batch, or the one given. `[channels]` */
  readonly mean: Tensor;
  /** Variance of each channel; of the batch it is the unbiased one (divided by count − 1). `[channels]` */
  readonly variance: Tensor;
}

/**
 * Normalises each channel, then scales and shifts it.
 *
 * @param gamma, beta `[channels]`
 * @param statistics mean and variance to normalise with, each `[channels]`; left out: those of the batch
 */
export function batchNorm(
  scope: Scope,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  statistics?: { readonly mean: Tensor; readonly variance: Tensor },
): BatchNorm {
  const training = statistics === undefined;
  const none = scope.constant([], 'float32', [0]);
  const channels = gamma.shape;
  const shared = {
    T: attribute.type(x.dtype),
    U: attribute.type('float32'),
    epsilon: attribute.float(batchNormEpsilon),
    data_format: attribute.text('NHWC'),
    is_training: attribute.bool(training),
  };
  const operation = scope.add('FusedBatchNormV3', {
    inputs: [x, gamma, beta, statistics?.mean ?? none, statistics?.variance ?? none],
    attributes: { ...shared, exponential_avg_factor: attribute.float(1) },
    outputs: [
      { dtype: x.dtype, shape: x.shape },
      { dtype: 'float32', shape: channels },
      { dtype: 'float32', shape: channels },
      { dtype: 'float32', shape: channels },
      { dtype: 'float32', shape: channels },
      // Its rank differs between devices.
      { dtype: 'float32', shape: null },
    ],
    gradient: (into, [gradient]) => {
      if (!gradient) return [null, null, null, null, null];
      const [, , , third, fourth, fifth] = operation.outputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const back = into.add('FusedBatchNormGradV3', {
        inputs: [gradient, x, gamma, third, fourth, fifth],
        attributes: shared,
        outputs: [
          { dtype: x.dtype, shape: x.shape },
          { dtype: 'float32', shape: channels },
          { dtype: 'float32', shape: channels },
          { dtype: 'float32', shape: null },
          { dtype: 'float32', shape: null },
        ],
      });
      return [back.outputs[0]!, back.outputs[1]!, back.outputs[2]!, null, null];
    },
  });
  return { y: operation.outputs[0]!, mean: operation.outputs[1]!, variance: operation.outputs[2]! };
}
