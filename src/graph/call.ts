/** A call of a function that the graph holds once, however often and wherever it is called. */
import { argumentOf, functionProto, type PartType } from './function-body.ts';
import { ensureShape, type GradientFunction, Scope, type Tensor } from './graph.ts';
import type { AttributeProto } from './protocol.ts';
import { attribute, type Shape } from './types.ts';

export interface CallOptions {
  /** Says what is computed; the same name always stands for the same `body`. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** What the body knows of its arguments' shapes. */
  readonly shapes: readonly Shape[];
  readonly result: PartType;
  /** Adds operations to the given scope and returns the result. It may use its arguments and constants only. */
  readonly body: (scope: Scope, inputs: readonly Tensor[]) => Tensor;
  readonly attributes?: Readonly<Record<string, AttributeProto>>;
  readonly gradient?: GradientFunction;
}

/** What `body` makes of the inputs. Nothing but the result can be used, so a gradient must be given or there is none. */
export function call(scope: Scope, options: CallOptions): Tensor {
  const { name, inputs, shapes, result, body, attributes = {}, gradient } = options;
  const { graph } = scope;
  graph.addSharedFunction(name, () => {
    const inside = new Scope(graph, (tensor) => {
      throw new Error(`"${tensor.operation.name}" is out of reach of "${name}": pass it as an input`);
    });
    const parts = inputs.map(({ dtype }, position) =>
      argumentOf(inside, `part_${position}`, { dtype, shape: shapes[position] ?? null }),
    );
    return functionProto({
      name,
      scope: inside,
      arguments: parts.map((part) => ({ type: part, inner: part })),
      results: [body(inside, parts)],
      stateful: false,
    });
  });
  const called = scope.addOne('PartitionedCall', {
    inputs,
    attributes: {
      Tin: attribute.types(inputs.map(({ dtype }) => dtype)),
      Tout: attribute.types([result.dtype]),
      f: attribute.function(name),
      config: attribute.text(''),
      config_proto: attribute.text(''),
      executor_type: attribute.text(''),
      ...attributes,
    },
    ...result,
    ...(gradient === undefined ? {} : { gradient }),
  });
  // A call's result has no shape, and oneDNN's layout pass aborts the process on a convolution of one of unknown rank.
  return result.shape === null ? called : ensureShape(scope, called, result.shape);
}
