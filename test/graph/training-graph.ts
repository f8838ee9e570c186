/** A small graph with a training step whose variables tests can set and read. */
import type { Feed, Session } from '../../src/engine/session.ts';
import type { Graph, Operation, Tensor } from '../../src/graph/graph.ts';
import { store } from '../../src/graph/ops/running-average.ts';
import { createStream } from '../../src/random/stream.ts';
import { openGraph } from './engine.ts';

export type VariableValues = Readonly<Record<string, Float32Array>>;

export interface TrainingGraph {
  /** Sets these variables and leaves the others. */
  set(values: Readonly<Record<string, ArrayLike<number>>>): void;
  /** Every variable of the graph, slots included, by name. */
  read(): VariableValues;
  /** Runs an endpoint with these feeds (names without `:0`; whole numbers in `Int32Array`s are int32). */
  run(endpoint: string, feeds?: Readonly<Record<string, Value>>): number[];
  close(): void;
}

/** A scalar, a vector, or values with a shape. */
export type Value =
  | number
  | Float32Array
  | Int32Array
  | { readonly shape: readonly number[]; readonly values: Float32Array | Int32Array };

function feedOf(value: Value): Feed {
  if (typeof value === 'number') return { shape: [], values: Float32Array.of(value) };
  if ('shape' in value) return value;
  return { shape: [value.length], values: value };
}

/** Opens a graph; `endpoints` are added to it: a tensor each, computed after operations have run. */
export function openTraining(
  graph: Graph,
  endpoints: Readonly<Record<string, { readonly tensor?: Tensor; readonly after?: readonly Operation[] }>>,
): TrainingGraph {
  const { main } = graph;
  const nothing = main.constant(0, 'float32');
  for (const [name, { tensor, after }] of Object.entries(endpoints)) graph.output(name, tensor ?? nothing, after);
  const variables = [...graph.variables.values()];
  for (const variable of variables) {
    const given = graph.placeholder(`set/${variable.name}`, 'float32', variable.shape ?? []);
    graph.output(`done/${variable.name}`, nothing, [store(main, variable, given)]);
    graph.output(`get/${variable.name}`, main.read(variable));
  }
  const session: Session = openGraph(graph);
  return {
    set(values) {
      const names = Object.keys(values);
      if (names.length === 0) return;
      const feeds = names.map((name): [string, Feed] => {
        const shape = graph.variables.get(name)?.shape ?? [];
        return [`set/${name}:0`, { shape, values: Float32Array.from(values[name]!) }];
      });
      session.run(
        Object.fromEntries(feeds),
        names.map((name) => `done/${name}:0`),
      );
    },
    read() {
      if (variables.length === 0) return {};
      const found = session.run(
        {},
        variables.map(({ name }) => `get/${name}:0`),
      );
      return Object.fromEntries(variables.map(({ name }, index) => [name, Float32Array.from(found[index]!, Number)]));
    },
    run(endpoint, feeds = {}) {
      const named = Object.entries(feeds).map(([name, value]): [string, Feed] => [`${name}:0`, feedOf(value)]);
      return Array.from(session.run(Object.fromEntries(named), [`${endpoint}:0`])[0]!, Number);
    },
    close: () => session.close(),
  };
}

/** Numbers in [−1, 1) that are the same in every run. */
export function noise(count: number, seed: number): Float32Array {
  const stream = createStream(seed, 'test values');
  return Float32Array.from({ length: count }, () => 2 * stream.uniform() - 1);
}

/** The names of the variables whose bits differ. */
export function changed(before: VariableValues, after: VariableValues): string[] {
  const bits = (values: Float32Array): string => Buffer.from(values.buffer).toString('hex');
  return Object.keys(after).filter((name) => bits(before[name]!) !== bits(after[name]!));
}
