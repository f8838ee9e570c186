/** Chains of elementwise operations as one loop over memory. */
import { call } from './call.ts';
import type { GradientFunction, Scope, Tensor } from './graph.ts';
import { attribute } from './types.ts';

export interface FusedOptions {
  /** Says what is computed; the same name always stands for the same `body`. */
  readonly name: string;
  /** The first has the shape and type of the result; the others have its type and a shape that broadcasts to its. */
  readonly inputs: readonly [Tensor, ...Tensor[]];
  /** Adds elementwise operations to the given scope and returns the result. It may use its arguments and constants only. */
  readonly body: (scope: Scope, inputs: readonly Tensor[]) => Tensor;
  readonly gradient?: GradientFunction;
}

/**
 * Elementwise operations of which nothing but the result is needed. TensorFlow's CPU kernels go through memory once for each of
 * them, which is what they cost; where a graph is written for oneDNN, XLA compiles them into one loop when they first
 * run with a shape (about 0.1 s each). Elsewhere they stay single operations. The results are equal up to rounding.
 *
 * XLA is left to elementwise work: its sums over a batch take three times as long as oneDNN's batch norm (measured).
 */
export function fused(scope: Scope, options: FusedOptions): Tensor {
  const { name, inputs, body, gradient } = options;
  if (scope.graph.kernels !== 'onednn') {
    const here = inputs.map((tensor) => scope.import(tensor));
    const result = body(scope, here);
    if (gradient !== undefined) {
      result.operation.gradient = gradient;
      result.operation.differentiates = here;
    }
    return result;
  }
  const { dtype, shape } = inputs[0];
  return call(scope, {
    name: `${name}_${dtype}`,
    inputs,
    // XLA takes the shapes from what arrives.
    shapes: [],
    result: { dtype, shape },
    body,
    attributes: { _XlaMustCompile: attribute.bool(true) },
    ...(gradient === undefined ? {} : { gradient }),
  });
}
