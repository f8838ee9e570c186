/** Reverse-mode differentiation over the operations of one scope, in the main graph or from one function body into another. */
import type { GradientSink, Operation, Scope, Tensor } from './graph.ts';
import { add } from './ops/arithmetic.ts';

export interface BackwardOptions {
  /** Outputs to differentiate, with the gradients that arrive at them; all of one scope. */
  readonly outputs: readonly { readonly tensor: Tensor; readonly gradient: Tensor }[];
  /** The scope that is walked back. */
  readonly from: Scope;
  /** Where the backward operations go. */
  readonly into: Scope;
  readonly sink: GradientSink;
  /** Tensors whose gradients are returned: arguments of the function body. */
  readonly wanted?: readonly Tensor[];
}

/**
 * Walks back from the outputs, adds the backward operations to `into`, and hands the gradient of each trainable variable
 * to the sink; the sink's operations are appended to `into.updates`.
 *
 * @returns for each wanted tensor its gradient, or `null` where the outputs do not depend on it.
 * @throws if a gradient arrives at an operation that has none.
 */
export function backward({ outputs, from, into, sink, wanted = [] }: BackwardOptions): (Tensor | null)[] {
  const gradients = new Map<Tensor, Tensor>();
  const accumulate = (tensor: Tensor, gradient: Tensor): void => {
    const sum = gradients.get(tensor);
    gradients.set(tensor, sum === undefined ? gradient : add(into, sum, gradient));
  };
  for (const { tensor, gradient } of outputs) accumulate(tensor, gradient);

  // A copy: where the backward operations go into the same scope, they are not walked themselves.
  for (const operation of [...from.operations].reverse()) {
    const arriving = operation.outputs.map((tensor) =>
      tensor.differentiable ? (gradients.get(tensor) ?? null) : null,
    );
    if (arriving.every((gradient) => gradient === null)) continue;
    const variable = into.graph.variableOfRead.get(operation);
    if (variable !== undefined) {
      into.updates.push(sink(into, variable, arriving[0]!));
      continue;
    }
    if (operation.gradient === null) {
      throw new Error(`no gradient is defined for op ${operation.op} ("${operation.name}")`);
    }
    for (const [index, gradient] of operation.gradient(into, arriving, sink).entries()) {
      const input = operation.differentiates[index];
      if (gradient !== null && input?.differentiable) accumulate(input, gradient);
    }
  }
  return wanted.map((tensor) => gradients.get(tensor) ?? null);
}

/**
 * Gradients of a scalar of the main graph with respect to every trainable variable behind it, handed to the sink.
 *
 * @returns the operations that must run for all of it to happen.
 */
export function gradients(loss: Tensor, sink: GradientSink): readonly Operation[] {
  const scope = loss.operation.scope;
  if (scope.isFunction) throw new Error('gradients() starts from a scalar of the main graph');
  const first = scope.updates.length;
  const one = scope.constant(1, 'float32');
  backward({ outputs: [{ tensor: loss, gradient: one }], from: scope, into: scope, sink });
  return scope.updates.splice(first);
}
