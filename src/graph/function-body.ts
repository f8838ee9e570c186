/** Function bodies: their arguments as tensors, and how they are written into the graph's library. */
import { type Operation, Scope, type Tensor } from './graph.ts';
import type { FunctionProto } from './protocol.ts';
import { attribute, type DType, dtypeNumbers, type Shape } from './types.ts';

/** What goes into a function or comes out of one. */
export interface PartType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface FunctionBody {
  /** Its name in the graph's library. */
  readonly name: string;
  readonly scope: Scope;
  /** In order; `inner` is the argument as its body sees it, `null` where it makes nothing of it. */
  readonly arguments: readonly { readonly type: PartType; readonly inner: Tensor | null }[];
  readonly results: readonly Tensor[];
  /** Whether it reads or changes anything but its arguments. */
  readonly stateful: boolean;
  /** Operations that must have run before a call counts as done. */
  readonly control?: readonly Operation[];
}

/** A tensor inside a body that stands for an argument. It is part of the function's signature, not a node. */
export function argumentOf(scope: Scope, name: string, { dtype, shape }: PartType, differentiable = false): Tensor {
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
  const tensor = { operation, index: 0, dtype, shape, differentiable };
  operation.outputs.push(tensor);
  return tensor;
}

export interface CapturingScope {
  readonly scope: Scope;
  /** What it takes from the main graph, each with the argument that stands for it, in the order of first use. */
  readonly captured: ReadonlyMap<Tensor, Tensor>;
}

/** The scope of a function `name` that may use any tensor of `main`, the main graph: each becomes an argument. */
export function capturingScope(main: Scope, name: string): CapturingScope {
  const captured = new Map<Tensor, Tensor>();
  const scope: Scope = new Scope(main.graph, (outer) => {
    if (outer.operation.scope !== main) throw new Error(`"${outer.operation.name}" is out of reach of "${name}"`);
    const argument = argumentOf(scope, `captured_${captured.size}`, outer, outer.differentiable);
    captured.set(outer, argument);
    return argument;
  });
  return { scope, captured };
}

/** The function on the wire. */
export function functionProto(body: FunctionBody): FunctionProto {
  const { name, scope, results, stateful, control = [] } = body;
  const argumentNames = new Map(
    body.arguments.flatMap(({ inner }, position) => (inner ? [[inner.operation, `in${position}`]] : [])),
  );
  const controlOutput = control.map((operation) => operation.name);
  return {
    signature: {
      name,
      inputArg: body.arguments.map(({ type }, position) => ({ name: `in${position}`, type: dtypeNumbers[type.dtype] })),
      outputArg: results.map(({ dtype }, position) => ({ name: `out${position}`, type: dtypeNumbers[dtype] })),
      isStateful: stateful,
      controlOutput,
    },
    nodeDef: scope.nodes(argumentNames),
    ret: Object.fromEntries(
      results.map((tensor, position) => [`out${position}`, scope.reference(tensor, argumentNames)]),
    ),
    controlRet: Object.fromEntries(controlOutput.map((each) => [each, each])),
    // Ranks must be known inside a body that has convolutions, or oneDNN's layout pass aborts the process.
    argAttr: Object.fromEntries(
      body.arguments.map(({ type }, position) => [
        position,
        { attr: { _output_shapes: attribute.shapes([type.shape]) } },
      ]),
    ),
  };
}
