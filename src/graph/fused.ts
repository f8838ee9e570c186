/** Chains of elementwise operations as one loop over memory. */
import { argumentOf, functionProto } from './function-body.ts';
import { ensureShape, type GradientFunction, type Graph, Scope, type Tensor } from './graph.ts';
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
  const { inputs, body, gradient } = options;
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
  const called = scope.addOne('PartitionedCall', {
    inputs,
    attributes: {
      Tin: attribute.types(inputs.map((tensor) => tensor.dtype)),
      Tout: attribute.types([dtype]),
      f: attribute.function(declare(scope.graph, options)),
      config: attribute.text(''),
      config_proto: attribute.text(''),
      executor_type: attribute.text(''),
      _XlaMustCompile: attribute.bool(true),
    },
    dtype,
    shape,
    ...(gradient === undefined ? {} : { gradient }),
  });
  // A call's result has no shape, and oneDNN's layout pass aborts the process on a convolution of one of unknown rank.
  return shape === null ? called : ensureShape(scope, called, shape);
}

/** The function in the graph's library, one for each name and type: XLA takes the shapes from what arrives. */
function declare(graph: Graph, { name, inputs, body }: FusedOptions): string {
  const full = `${name}_${inputs[0].dtype}`;
  graph.addSharedFunction(full, () => {
    const scope = new Scope(graph, (tensor) => {
      throw new Error(`"${tensor.operation.name}" is out of reach of "${full}": pass it as an input`);
    });
    const parts = inputs.map(({ dtype }, position) => argumentOf(scope, `part_${position}`, { dtype, shape: null }));
    return functionProto({
      name: full,
      scope,
      arguments: parts.map((part) => ({ type: part, inner: part })),
      results: [body(scope, parts)],
      stateful: false,
    });
  });
  return full;
}
