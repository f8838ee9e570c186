/** A program as operations of a TensorFlow graph. */
import type { Scope, Tensor } from '../graph/graph.ts';
import { hSigmoid, hSwish, relu, relu6 } from '../graph/ops/activations.ts';
import { add, scaleChannels } from '../graph/ops/arithmetic.ts';
import { batchNorm } from '../graph/ops/batch-norm.ts';
import { conv2d, depthwiseConv2d } from '../graph/ops/convolution.ts';
import { biasAdd, matMul } from '../graph/ops/dense.ts';
import { normaliseImages } from '../graph/ops/images.ts';
import { globalAveragePool } from '../graph/ops/pooling.ts';
import { attribute, dtypeNumbers, shapeProto } from '../graph/types.ts';
import type { Program, Step } from './program.ts';

/**
 * A weight as a constant of the graph, under its own name.
 *
 * @param content its bytes; none where they lie beside the graph
 */
export function addWeight(scope: Scope, name: string, shape: readonly number[], content?: Uint8Array): Tensor {
  const tensor = { dtype: dtypeNumbers.float32, tensorShape: shapeProto(shape) };
  const value = attribute.tensor(content === undefined ? tensor : { ...tensor, tensorContent: content });
  return scope.addOne('Const', {
    name,
    attributes: { dtype: attribute.type('float32'), value },
    dtype: 'float32',
    shape,
  });
}

/**
 * Adds the inference pass.
 *
 * @param images numbers of any type from 0 to 255, `[batch, side, side, 3]`
 * @param weight the tensor of a weight, in this scope
 * @returns the logits, float32 `[batch, classes]`
 */
export function addInference(scope: Scope, images: Tensor, program: Program, weight: (name: string) => Tensor): Tensor {
  const values: Tensor[] = [];
  for (const step of program.steps) values.push(addStep(scope, step, images, values, weight));
  return values[values.length - 1]!;
}

function addStep(
  scope: Scope,
  step: Step,
  images: Tensor,
  values: readonly Tensor[],
  weight: (name: string) => Tensor,
): Tensor {
  if (step.kind === 'normalise') return normaliseImages(scope, images, step.mean, step.deviation);
  const x = values[step.input]!;
  switch (step.kind) {
    case 'convolution': {
      const convolve = step.depthwise ? depthwiseConv2d : conv2d;
      const y = convolve(scope, x, weight(step.filter), step.stride);
      return step.bias === null ? y : biasAdd(scope, y, weight(step.bias));
    }
    case 'batch-norm': {
      const part = (name: string): Tensor => weight(`${step.name}/${name}`);
      const statistics = { mean: part('mean'), variance: part('variance') };
      return batchNorm(scope, x, part('gamma'), part('beta'), statistics).y;
    }
    case 'activation':
      return { relu, relu6, hswish: hSwish, hsigmoid: hSigmoid }[step.activation](scope, x);
    case 'mean':
      return globalAveragePool(scope, x, step.side !== null);
    case 'scale':
      return scaleChannels(scope, x, values[step.gates]!);
    case 'add':
      return add(scope, x, values[step.other]!);
    case 'classifier':
      return biasAdd(scope, matMul(scope, x, weight(step.weights)), weight(step.bias));
  }
}
