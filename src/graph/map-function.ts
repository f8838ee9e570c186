/** A function body that tf.data calls for each element of a data set: its arguments are the element's parts, then what it captures. */
import { argumentOf, capturingScope, functionProto, type PartType } from './function-body.ts';
import type { Scope, Tensor } from './graph.ts';

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
  const { scope: inner, captured } = capturingScope(scope, name);
  const elements = parts.map((part, position) => argumentOf(inner, `part_${position}`, part));
  const results = body(inner, elements).map((tensor) => inner.import(tensor));
  scope.graph.addFunctions(() => [
    functionProto({
      name,
      scope: inner,
      arguments: [...elements, ...captured.values()].map((tensor) => ({ type: tensor, inner: tensor })),
      results,
      stateful: true,
    }),
  ]);
  return { name, captures: [...captured.keys()], results: results.map(({ dtype, shape }) => ({ dtype, shape })) };
}
