/** Endpoints that set, write and read all variables of a graph: initial values, and TensorFlow's own checkpoint format. */
import { ensureShape, type Graph, type Operation, type Scope, type Tensor, type Variable } from './graph.ts';
import { scale } from './ops/arithmetic.ts';
import { randomNormal, randomUniform } from './ops/random.ts';
import { attribute, type DType } from './types.ts';

function assign(graph: Graph, variable: Variable, value: Tensor, control: readonly Operation[] = []): Operation {
  return graph.main.add('AssignVariableOp', {
    inputs: [graph.main.handle(variable), value],
    attributes: { dtype: attribute.type(variable.dtype) },
    control,
  });
}

/** Before the name of the variable in TensorFlow's message of a value that is not finite. */
const notFiniteMark = 'not finite: ';

/** The variable that kept a checkpoint from being written because it holds NaN or infinite values; null for another failure. */
export function notFiniteVariable(message: string): string | null {
  return new RegExp(`${notFiniteMark}(\\S+)`).exec(message)?.[1] ?? null;
}

/** A variable's initial constant, in its shape. */
function filled(graph: Graph, variable: Variable): Tensor {
  const { initial, name } = variable;
  const shape = variable.shape ?? [];
  if (initial.kind !== 'constant') throw new Error(`"${name}" does not start as a constant`);
  return graph.main.addOne('Fill', {
    inputs: [graph.main.constant(shape, 'int32', [shape.length]), graph.main.constant(initial.value, 'float32')],
    attributes: { T: attribute.type('float32'), index_type: attribute.type('int32') },
    dtype: 'float32',
    shape,
  });
}

/** FNV-1a, 32 bits: a number for a variable's name, so that its initial value depends on nothing but (seed, name). */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash | 0;
}

/**
 * Adds the endpoint that gives every variable its initial value.
 *
 * @param seed an int32 scalar
 */
export function addInitialise(graph: Graph, variables: readonly Variable[], seed: Tensor, name: string): Tensor {
  const scope = graph.main;
  const assignments = variables.map((variable) => {
    const shape = variable.shape ?? [];
    const size = scope.constant(shape, 'int32', [shape.length]);
    const { initial } = variable;
    if (initial.kind === 'constant') return assign(graph, variable, filled(graph, variable));
    const key = scope.addOne('Pack', {
      inputs: [seed, scope.constant(nameHash(variable.name), 'int32')],
      attributes: { T: attribute.type('int32'), N: attribute.int(2), axis: attribute.int(0) },
      dtype: 'int32',
      shape: [2],
    });
    if (initial.kind === 'normal')
      return assign(graph, variable, scale(scope, randomNormal(scope, size, key), initial.deviation));
    const centred = scope.addOne('Sub', {
      inputs: [randomUniform(scope, size, key), scope.constant(0.5, 'float32')],
      attributes: { T: attribute.type('float32') },
      dtype: 'float32',
      shape,
    });
    return assign(graph, variable, scale(scope, centred, 2 * initial.limit));
  });
  return graph.output(name, scope.constant(0, 'float32'), assignments);
}

/** What SaveV2 and RestoreV2 begin with: the path before `.index`, the tensors' names, and that each is meant whole. */
function namesIn(scope: Scope, prefix: Tensor, names: readonly string[]): Tensor[] {
  return [
    prefix,
    scope.constant(names, 'string'),
    scope.constant(
      names.map(() => ''),
      'string',
    ),
  ];
}

/** Writes values under these names, as TensorFlow's checkpoints hold them. `prefix`: a string scalar. */
function saveTensors(scope: Scope, prefix: Tensor, names: readonly string[], values: readonly Tensor[]): Operation {
  return scope.add('SaveV2', {
    inputs: [...namesIn(scope, prefix, names), ...values],
    attributes: { dtypes: attribute.types(values.map(({ dtype }) => dtype)) },
  });
}

/** Reads values by name; their shapes are those of the file. `prefix`: a string scalar. */
export function restoreTensors(
  scope: Scope,
  prefix: Tensor,
  names: readonly string[],
  dtypes: readonly DType[],
): readonly Tensor[] {
  return scope.add('RestoreV2', {
    inputs: namesIn(scope, prefix, names),
    attributes: { dtypes: attribute.types(dtypes) },
    outputs: dtypes.map((dtype) => ({ dtype, shape: null })),
  }).outputs;
}

/**
 * Adds endpoints that write or read a checkpoint of these variables under their names. Any program that reads
 * TensorFlow checkpoints reads these. Writing fails, before any file is made, if a value is NaN or infinite: see
 * {@link notFiniteVariable}.
 *
 * @param prefix a string scalar: the path before `.index` and `.data-00000-of-00001`
 * @param names the outputs to add
 * @param reset variables that the checkpoint does not hold, set to their initial constants when it is read
 */
export function addCheckpoint(
  graph: Graph,
  variables: readonly Variable[],
  prefix: Tensor,
  names: { readonly save?: string; readonly restore?: string },
  reset: readonly Variable[] = [],
): void {
  const scope = graph.main;
  const tensorNames = variables.map(({ name }) => name);
  const done = scope.constant(0, 'float32');
  if (names.save !== undefined) {
    const values = variables.map((variable) =>
      scope.addOne('CheckNumerics', {
        inputs: [scope.read(variable)],
        attributes: { T: attribute.type(variable.dtype), message: attribute.text(`${notFiniteMark}${variable.name}`) },
        dtype: variable.dtype,
        shape: variable.shape,
      }),
    );
    graph.output(names.save, done, [saveTensors(scope, prefix, tensorNames, values)]);
  }
  if (names.restore !== undefined) {
    const dtypes = variables.map(({ dtype }) => dtype);
    const restored = restoreTensors(scope, prefix, tensorNames, dtypes);
    // All shapes are checked before anything is assigned: a foreign checkpoint must not change half the network.
    const values = variables.map(({ name, shape }, index) =>
      ensureShape(scope, restored[index]!, shape ?? [], `${names.restore}/${name}`),
    );
    const checked = [scope.add('NoOp', { control: values.map(({ operation }) => operation) })];
    graph.output(names.restore, done, [
      ...variables.map((variable, index) => assign(graph, variable, values[index]!, checked)),
      ...reset.map((variable) => assign(graph, variable, filled(graph, variable), checked)),
    ]);
  }
}
