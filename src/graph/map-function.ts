/** A function body that tf.data calls for each element of a data set: its arguments are the element's parts, then what it captures. */
import { type Operation, Scope, type Tensor } from './graph.ts';
import { attribute, type DType, dtypeNumbers, type Shape } from './types.ts';

/** The type of one part of an element. */
export interface PartType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface MapFunction {
  /** Its name in the graph's library. */
  readonly name: string;
  /** Tensors of the main graph that it uses; whoever calls it passes them after the element's parts. */
  readonly captures: readonly Tensor[];
  readonly results: readonly PartType[];
}

/**
 * Adds a function to the graph of `scope`, which must be the main graph.
 *
 * @param name unique among the graph's functions
 * @param body adds its operations to the given scope and returns the parts of the new element; it may use any tensor of the main graph
 */
export function mapFunction(
  scope: Scope,
  name: string,
  parts: readonly PartType[],
  body: (scope: Scope, parts: readonly Tensor[]) => readonly Tensor[],
): MapFunction {
  const captures: Tensor[] = [];
  const taken: Tensor[] = [];
  const inner: Scope = new Scope(scope.graph, (outer) => {
    if (outer.operation.scope !== scope) throw new Error(`"${outer.operation.name}" is out of reach of "${name}"`);
    captures.push(outer);
    const argument = argumentOf(inner, `captured_${captures.length}`, outer);
    taken.push(argument);
    return argument;
  });
  const elements = parts.map((part, position) => argumentOf(inner, `part_${position}`, part));
  const results = body(inner, elements).map((tensor) => inner.import(tensor));
  scope.graph.addFunctions(() => {
    const inputs = [...elements, ...taken];
    const argumentNames = new Map(inputs.map((tensor, position) => [tensor.operation, `in${position}`]));
    return [
      {
        signature: {
          name,
          inputArg: inputs.map(({ dtype }, position) => ({ name: `in${position}`, type: dtypeNumbers[dtype] })),
          outputArg: results.map(({ dtype }, position) => ({ name: `out${position}`, type: dtypeNumbers[dtype] })),
          isStateful: true,
          controlOutput: [],
        },
        nodeDef: inner.nodes(argumentNames),
        ret: Object.fromEntries(
          results.map((tensor, position) => [`out${position}`, inner.reference(tensor, argumentNames)]),
        ),
        controlRet: {},
        argAttr: Object.fromEntries(
          inputs.map(({ shape }, position) => [position, { attr: { _output_shapes: attribute.shapes([shape]) } }]),
        ),
      },
    ];
  });
  return { name, captures, results: results.map(({ dtype, shape }) => ({ dtype, shape })) };
}

function argumentOf(scope: Scope, name: string, { dtype, shape }: PartType): Tensor {
  const operation: Operation = {
    name,
    op: 'Argument',
    scope,
    inputs: [],
    control: [],
    outputs: [],
    attributes: {},
    gradient: null,
    differentiates: [],
  };
  const tensor = { operation, index: 0, dtype, shape, differentiable: false };
  operation.outputs.push(tensor);
  return tensor;
}
