/**
 * `whileLoop`: an operation that runs a body again and again as long as a condition holds; several rounds may be under way at once.
 *
 * Forward only: it has no gradient, and the body may read variables but not change them.
 */
import { argumentOf, type CapturingScope, capturingScope, functionProto } from './function-body.ts';
import type { Operation, Scope, Tensor } from './graph.ts';
import type { FunctionProto } from './protocol.ts';
import { attribute, mergeShapes, shapeText } from './types.ts';

export interface WhileLoopOptions {
  /** Unique in the graph; names the operation and, with `_condition` and `_body`, its functions. */
  readonly name: string;
  /** What the loop's values are before the first round. */
  readonly start: readonly Tensor[];
  /** Adds its operations to the given scope and returns a bool scalar: whether there is another round. */
  readonly condition: (scope: Scope, values: readonly Tensor[]) => Tensor;
  /** Adds its operations to the given scope and returns the values after the round, of the same types and shapes. */
  readonly body: (scope: Scope, values: readonly Tensor[]) => readonly Tensor[];
  /** How many rounds may be under way at once, where they do not wait for each other's values; at least 1. */
  readonly parallelIterations: number;
}

/** The condition or the body: the loop's values come first, then what either of both takes from the main graph. */
interface Part extends CapturingScope {
  readonly name: string;
  readonly values: readonly Tensor[];
}

/**
 * Both functions may use any tensor of the main graph, and read variables.
 *
 * @returns the loop's values after the last round
 * @throws if `scope` is a function body, if the body's results differ from the values in number, type or shape, or if it changes variables
 */
export function whileLoop(scope: Scope, options: WhileLoopOptions): Tensor[] {
  const { name, start, parallelIterations } = options;
  if (scope.isFunction) throw new Error(`whileLoop "${name}": a loop within a function is not supported`);
  const part = (partName: string): Part => {
    const inside = capturingScope(scope, partName);
    const values = start.map((value, place) => argumentOf(inside.scope, `value_${place}`, value, value.differentiable));
    return { name: partName, ...inside, values };
  };

  const condition = part(`${name}_condition`);
  const goesOn = condition.scope.import(options.condition(condition.scope, condition.values));
  if (goesOn.dtype !== 'bool' || shapeText(goesOn.shape) !== '[]') {
    throw new Error(
      `whileLoop "${name}": the condition is ${goesOn.dtype} ${shapeText(goesOn.shape)}, not a bool scalar`,
    );
  }
  const body = part(`${name}_body`);
  const results = options.body(body.scope, body.values).map((tensor) => body.scope.import(tensor));
  requireSame(name, start, results);
  if (condition.scope.updates.length + body.scope.updates.length > 0) {
    throw new Error(`whileLoop "${name}": a loop that changes variables is not supported`);
  }

  const captures = [...new Set([...condition.captured.keys(), ...body.captured.keys()])];
  const inputs = [...start, ...captures];
  const operation: Operation = scope.add('While', {
    name,
    inputs,
    outputs: inputs.map(({ dtype, shape }) => ({ dtype, shape })),
    attributes: {
      T: attribute.types(inputs.map(({ dtype }) => dtype)),
      cond: attribute.function(condition.name),
      body: attribute.function(body.name),
      output_shapes: attribute.shapes(inputs.map(({ shape }) => shape)),
      parallel_iterations: attribute.int(parallelIterations),
      // Without it rounds run one after the other, and oneDNN does not see into the body.
      _lower_using_switch_merge: attribute.bool(true),
    },
    // So that differentiation ends here with an error instead of passing over what the body reads.
    differentiable: [...inputs, ...results].some((tensor) => tensor.differentiable),
  });
  scope.graph.addFunctions(() => [
    partProto(condition, captures, [goesOn]),
    partProto(body, captures, [...results, ...captures.map((outer) => body.scope.import(outer))]),
  ]);
  return operation.outputs.slice(0, start.length);
}

function requireSame(name: string, start: readonly Tensor[], results: readonly Tensor[]): void {
  if (results.length !== start.length) {
    throw new Error(`whileLoop "${name}": the body returns ${results.length} values for ${start.length}`);
  }
  for (const [position, { dtype, shape }] of start.entries()) {
    const result = results[position]!;
    if (result.dtype !== dtype || shapeText(mergeShapes(shape, result.shape)) !== shapeText(shape)) {
      const [before, after] = [`${dtype} ${shapeText(shape)}`, `${result.dtype} ${shapeText(result.shape)}`];
      throw new Error(`whileLoop "${name}": value ${position} is ${before} at first and ${after} after a round`);
    }
  }
}

function partProto(
  { name, scope, values, captured }: Part,
  captures: readonly Tensor[],
  results: readonly Tensor[],
): FunctionProto {
  return functionProto({
    name,
    scope,
    arguments: [
      ...values.map((value) => ({ type: value, inner: value })),
      ...captures.map((outer) => ({ type: outer, inner: captured.get(outer) ?? null })),
    ],
    results,
    stateful: true,
  });
}
