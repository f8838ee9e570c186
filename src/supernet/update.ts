/** The endpoint that applies accumulated gradients, and which operations of a supernet it may move. */
import type { GradientSink, Graph, Operation, Scope, Tensor, Variable } from '../graph/graph.ts';
import { unstack } from '../graph/ops/shapes.ts';
import { applyAccumulated, type UpdateGuard, withheldAfter } from '../graph/optimizers.ts';
import { switchCase } from '../graph/switch-case.ts';
import type { Path, Space } from '../space/space.ts';
import { operationName } from './network.ts';

/**
 * Adds the endpoint `update`: each variable that has received gradients since the last update moves once, by their sum
 * times `factor`, weight decay and momentum included. Variables outside the choice blocks always have. Those of an
 * operation have where the fed int32 vector `received` (one element for each operation, see {@link receivedBy}) holds a
 * 1; the others must not move, as a gradient of zero would still decay them and run their momentum on. Its value is the
 * count of the guard.
 */
export function addUpdate(
  graph: Graph,
  space: Space,
  kind: 'supernet' | 'fixed',
  optimizer: GradientSink,
  factor: Tensor,
  guard: UpdateGuard | null,
): void {
  const scope = graph.main;
  const apply = (into: Scope, variables: readonly Variable[]) => applyAccumulated(into, variables, factor, optimizer);
  const trainable = [...graph.variables.values()].filter((variable) => variable.trainable);
  const output = (updates: readonly Operation[]) =>
    graph.output('update', withheldAfter(scope, guard, updates), updates);
  if (kind === 'fixed') {
    output(apply(scope, trainable));
    return;
  }
  const operations = space.layers.flatMap((layer) =>
    layer.operations.map((operation) => {
      const name = operationName(layer, operation);
      return { name, variables: trainable.filter((variable) => variable.name.startsWith(`${name}/`)) };
    }),
  );
  const received = unstack(scope, graph.placeholder('received', 'int32', [operations.length]));
  const first = scope.updates.length;
  for (const [index, { name, variables }] of operations.entries()) {
    if (variables.length === 0) continue;
    switchCase(scope, {
      name: `update_${name.replaceAll('/', '_')}`,
      index: received[index]!,
      branches: [
        (branch) => [branch.constant(0, 'float32')],
        (branch) => {
          branch.updates.push(...apply(branch, variables));
          return [branch.constant(0, 'float32')];
        },
      ],
    });
  }
  const owned = new Set(operations.flatMap(({ variables }) => variables));
  const shared = trainable.filter((variable) => !owned.has(variable));
  output([...scope.updates.splice(first), ...apply(scope, shared)]);
}

/** 1 for each operation that is on any of the paths, else 0; in the order of the layers, then of their operations. */
export function receivedBy(space: Space, paths: readonly Path[]): Int32Array {
  return Int32Array.from(
    space.layers.flatMap((layer, position) =>
      layer.operations.map((_, operation) => (paths.some((path) => path[position] === operation) ? 1 : 0)),
    ),
  );
}
