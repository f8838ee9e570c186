/** An op of the graph layer applied to fed tensors, with the gradient of each input, in the main graph and in a branch. */
import type { Feed, Session } from '../../../src/engine/session.ts';
import { backward } from '../../../src/graph/gradients.ts';
import { Graph, type Kernels, type Scope, type Tensor } from '../../../src/graph/graph.ts';
import { switchCase } from '../../../src/graph/switch-case.ts';
import { attribute } from '../../../src/graph/types.ts';
import { openGraph } from '../engine.ts';

/** Where the op stands: in the main graph with a batch size known or not, or in a branch of a `Case`. */
export const places = ['static', 'main', 'branch'] as const;
export type Place = (typeof places)[number];

export interface Input {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

/** Float32 unless the dtype says int32. */
export type Values = ArrayLike<number>;

export interface OpUnderTest {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly differentiable: readonly string[];
  /** Inputs whose first dimension is the batch. */
  readonly batched: readonly string[];
  /** The first output is the one that is differentiated. */
  readonly apply: (scope: Scope, inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
}

export interface Evaluated {
  readonly outputs: Readonly<Record<string, Values>>;
  readonly gradients: Readonly<Record<string, Values>>;
}

export interface OpRunner {
  /** The outputs, and the gradients of sum(first output · upstream). */
  evaluate(name: string, place: Place, inputs: Readonly<Record<string, Values>>, upstream: Values): Evaluated;
  /** The first output alone. */
  value(name: string, place: Place, inputs: Readonly<Record<string, Values>>): Values;
  close(): void;
}

/** A fed float32 tensor that a gradient can be asked for, as if a variable lay behind it. */
export function differentiableInput(graph: Graph, name: string, shape: readonly number[]): Tensor {
  return graph.main.addOne('Identity', {
    inputs: [graph.placeholder(name, 'float32', shape)],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape,
    differentiable: true,
    gradient: () => [null],
  });
}

function refuseVariables(): never {
  throw new Error('no variable is differentiated here');
}

interface Built {
  readonly op: OpUnderTest;
  readonly prefix: string;
  readonly outputs: readonly string[];
  readonly upstreamShape: readonly number[];
}

function build(graph: Graph, op: OpUnderTest, place: Place, prefix: string): Built {
  const { main } = graph;
  const inputs = Object.fromEntries(
    Object.entries(op.inputs).map(([name, { shape, dtype }]) => {
      const known = place !== 'static' && op.batched.includes(name) ? [-1, ...shape.slice(1)] : shape;
      const feed = `${prefix}/${name}`;
      return [
        name,
        op.differentiable.includes(name)
          ? differentiableInput(graph, feed, known)
          : graph.placeholder(feed, dtype, known),
      ];
    }),
  );
  let outputs: Readonly<Record<string, Tensor>>;
  if (place === 'branch') {
    let names: readonly string[] = [];
    const results = switchCase(main, {
      name: `${prefix}/choice`,
      index: graph.placeholder(`${prefix}/index`, 'int32', []),
      branches: [
        (scope) => {
          const made = op.apply(scope, inputs);
          names = Object.keys(made);
          return Object.values(made);
        },
        // A neighbour with other operations, and so with other exports.
        (scope) =>
          Object.values(op.apply(scope, inputs)).map(({ dtype, shape }) => {
            const size = (shape ?? []).map((each) => Math.abs(each));
            return scope.constant(Array<number>(size.reduce((count, each) => count * each, 1)).fill(1), dtype, size);
          }),
      ],
    });
    outputs = Object.fromEntries(names.map((name, index) => [name, results[index]!]));
  } else {
    outputs = op.apply(main, inputs);
  }
  const [first] = Object.values(outputs);
  for (const [name, tensor] of Object.entries(outputs)) graph.output(`${prefix}/out/${name}`, tensor);
  const upstreamShape = first!.shape ?? [];
  if (op.differentiable.length > 0) {
    const wanted = op.differentiable.map((name) => inputs[name]!);
    const found = backward({
      outputs: [{ tensor: first!, gradient: graph.placeholder(`${prefix}/upstream`, 'float32', upstreamShape) }],
      from: main,
      into: main,
      sink: refuseVariables,
      wanted,
    });
    for (const [index, name] of op.differentiable.entries()) {
      const gradient = found[index];
      if (!gradient) throw new Error(`${op.name}: no gradient arrives at ${name}`);
      graph.output(`${prefix}/gradient/${name}`, gradient);
    }
  }
  return { op, prefix, outputs: Object.keys(outputs), upstreamShape };
}

/** Builds all ops, each in every place, into one graph and opens it. */
export function openOps(ops: readonly OpUnderTest[], kernels: Kernels = 'any'): OpRunner {
  const graph = new Graph(kernels);
  const built = new Map<string, Built>();
  for (const [number, op] of ops.entries()) {
    for (const place of places) built.set(`${place} ${op.name}`, build(graph, op, place, `${place}${number}`));
  }
  const session: Session = openGraph(graph);

  const feed = (shape: readonly number[], dtype: Input['dtype'], values: Values): Feed => ({
    shape,
    values: dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values),
  });
  const find = (name: string, place: Place): Built => {
    const found = built.get(`${place} ${name}`);
    if (found === undefined) throw new Error(`no op "${name}" was opened`);
    return found;
  };
  const inputFeeds = ({ op, prefix }: Built, place: Place, inputs: Readonly<Record<string, Values>>) => ({
    ...Object.fromEntries(
      Object.entries(op.inputs).map(([name, { shape, dtype }]) => [
        `${prefix}/${name}:0`,
        feed(shape, dtype, inputs[name]!),
      ]),
    ),
    ...(place === 'branch' ? { [`${prefix}/index:0`]: feed([], 'int32', [0]) } : {}),
  });
  const run = (feeds: Readonly<Record<string, Feed>>, fetches: readonly string[]): Values[] =>
    session.run(feeds, fetches).map((values) => Array.from(values, Number));

  return {
    evaluate(name, place, inputs, upstream) {
      const one = find(name, place);
      const { op, prefix, outputs, upstreamShape } = one;
      const batch = op.inputs[op.batched[0] ?? '']?.shape[0] ?? 1;
      const size = upstreamShape.map((each) => (each < 0 ? batch : each));
      const feeds = {
        ...inputFeeds(one, place, inputs),
        ...(op.differentiable.length > 0 ? { [`${prefix}/upstream:0`]: feed(size, 'float32', upstream) } : {}),
      };
      const values = run(feeds, [
        ...outputs.map((output) => `${prefix}/out/${output}:0`),
        ...op.differentiable.map((input) => `${prefix}/gradient/${input}:0`),
      ]);
      return {
        outputs: Object.fromEntries(outputs.map((output, index) => [output, values[index]!])),
        gradients: Object.fromEntries(
          op.differentiable.map((input, index) => [input, values[outputs.length + index]!]),
        ),
      };
    },
    value(name, place, inputs) {
      const one = find(name, place);
      return run(inputFeeds(one, place, inputs), [`${one.prefix}/out/${one.outputs[0]}:0`])[0]!;
    },
    close: () => session.close(),
  };
}
