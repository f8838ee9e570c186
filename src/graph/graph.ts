/** A TensorFlow graph under construction: operations, tensors, variables, and the scopes (main graph, function bodies) they live in. */
import {
  type AttributeProto,
  encodeSavedModel,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type ServingProto,
} from './protocol.ts';
import { outputReference } from './signatures.ts';
import { attribute, type ConstantValues, type DType, type Shape, shapeText, tensorProto } from './types.ts';

/** One output of an operation. */
export interface Tensor {
  readonly operation: Operation;
  readonly index: number;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Whether a trainable variable lies behind it, so that a gradient with respect to it can matter. */
  readonly differentiable: boolean;
}

/**
 * What happens to the gradient of a variable: apply an optimizer, add to an accumulator, or give it out. Called once for
 * each variable, in the scope that the gradient is computed in. Returns the operation that must run.
 */
export type GradientSink = (scope: Scope, variable: Variable, gradient: Tensor) => Operation;

/**
 * Given the gradients of an operation's outputs (`null`: none), adds the operations that compute the gradients of its
 * inputs (or of what it `differentiates`) to `scope` and returns these, one an input, `null` where none is needed. Variables
 * inside go to the sink.
 */
export type GradientFunction = (
  scope: Scope,
  outputGradients: readonly (Tensor | null)[],
  sink: GradientSink,
) => (Tensor | null)[];

export interface Operation {
  readonly name: string;
  readonly op: string;
  readonly scope: Scope;
  inputs: readonly Tensor[];
  readonly control: readonly Operation[];
  readonly outputs: Tensor[];
  readonly attributes: Record<string, AttributeProto>;
  gradient: GradientFunction | null;
  /** What `gradient` differentiates by: the inputs, unless the operation ends a composite with a derivative of its own. */
  differentiates: readonly Tensor[];
}

export interface OperationOptions {
  readonly inputs?: readonly Tensor[];
  readonly outputs?: readonly { readonly dtype: DType; readonly shape: Shape }[];
  readonly attributes?: Record<string, AttributeProto>;
  /** Operations that must have run before this one. */
  readonly control?: readonly Operation[];
  readonly gradient?: GradientFunction;
  /**
   * What `gradient` returns the gradients of. Default: the inputs. The last operation of a composite, whose derivative is not
   * put together from those of its parts, names what the composite was made from; nothing arrives at the parts.
   */
  readonly differentiates?: readonly Tensor[];
  /** Its name in the graph; made from `op` and a number if left out. */
  readonly name?: string;
  /** Set where the operation is the source of a differentiable value; else it is inherited from the inputs. */
  readonly differentiable?: boolean;
}

/** How a variable gets its first value; standard deviations and limits in the variable's own unit. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly limit: number };

/** A float32 or uint8 tensor that outlives a run of the graph. Its name is its identity, in the graph and in checkpoints. */
export interface Variable {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly initial: Initializer;
  readonly trainable: boolean;
  /** Whether weight decay applies: weights of convolutions and of the classifier, not biases and batch norm. */
  readonly decay: boolean;
  /** Whether checkpoints hold it; stacks of images are not saved. */
  readonly saved: boolean;
}

export interface VariableOptions {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly initial?: Initializer;
  readonly trainable?: boolean;
  readonly decay?: boolean;
  readonly saved?: boolean;
}

/** Brings a tensor of another scope into this one; each kind of function body has its own way. */
export type Capture = (tensor: Tensor) => Tensor;

/** The main graph or one function body. Operations are added in an order in which they could run. */
export class Scope {
  readonly graph: Graph;
  readonly operations: Operation[] = [];
  /** Operations that change state and therefore must run whenever this function body does. */
  readonly updates: Operation[] = [];
  readonly #capture: Capture | null;
  readonly #captured = new Map<Tensor, Tensor>();
  readonly #handles = new Map<Variable, Tensor>();
  readonly #reads = new Map<Variable, Tensor>();
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, Tensor>();

  constructor(graph: Graph, capture: Capture | null) {
    this.graph = graph;
    this.#capture = capture;
  }

  get isFunction(): boolean {
    return this.#capture !== null;
  }

  /** Adds an operation. Inputs may come from other scopes, as far as this scope can capture them. */
  add(op: string, options: OperationOptions = {}): Operation {
    const inputs = (options.inputs ?? []).map((tensor) => this.import(tensor));
    const name = options.name ?? this.#freshName(op);
    if (this.#names.has(name)) throw new Error(`the graph already has an operation named "${name}"`);
    this.#names.add(name);
    const differentiable = options.differentiable ?? inputs.some((tensor) => tensor.differentiable);
    const operation: Operation = {
      name,
      op,
      scope: this,
      inputs,
      control: options.control ?? [],
      outputs: [],
      attributes: options.attributes ?? {},
      gradient: options.gradient ?? null,
      differentiates: options.differentiates?.map((tensor) => this.import(tensor)) ?? inputs,
    };
    for (const [index, { dtype, shape }] of (options.outputs ?? []).entries()) {
      operation.outputs.push({ operation, index, dtype, shape, differentiable: differentiable && isFloat(dtype) });
    }
    this.operations.push(operation);
    return operation;
  }

  /** `add` for the many operations with a single output. */
  addOne(
    op: string,
    options: Omit<OperationOptions, 'outputs'> & { readonly dtype: DType; readonly shape: Shape },
  ): Tensor {
    const { dtype, shape, ...rest } = options;
    return this.add(op, { ...rest, outputs: [{ dtype, shape }] }).outputs[0]!;
  }

  /** The tensor as this scope sees it: itself, or what stands for it here. */
  import(tensor: Tensor): Tensor {
    if (tensor.operation.scope === this) return tensor;
    let here = this.#captured.get(tensor);
    if (here === undefined) {
      if (tensor.operation.op === 'Const') {
        const { attributes } = tensor.operation;
        here = this.addOne('Const', { attributes, dtype: tensor.dtype, shape: tensor.shape });
      } else if (this.#capture !== null) {
        here = this.#capture(tensor);
      } else {
        throw new Error(`"${tensor.operation.name}" belongs to a function body and cannot be used in the main graph`);
      }
      this.#captured.set(tensor, here);
    }
    return here;
  }

  /** A constant; equal constants of a scope are one operation. */
  constant(values: number | ConstantValues, dtype: DType, shape?: readonly number[]): Tensor {
    const list = typeof values === 'number' ? [values] : values;
    const size = shape ?? (typeof values === 'number' ? [] : [list.length]);
    const key = `${dtype} ${size.join('x')} ${JSON.stringify(list.map(constantKey))}`;
    let tensor = this.#constants.get(key);
    if (tensor === undefined) {
      const attributes = { dtype: attribute.type(dtype), value: attribute.tensor(tensorProto(dtype, size, list)) };
      tensor = this.addOne('Const', { attributes, dtype, shape: size });
      this.#constants.set(key, tensor);
    }
    return tensor;
  }

  /**
   * The handle of a variable. A handle inside a function body is the same variable as outside by its shared name; that
   * is faster to load and to run than passing dozens of handles to every `Case` (measured: steps 10–35 % shorter).
   */
  handle(variable: Variable): Tensor {
    let handle = this.#handles.get(variable);
    if (handle === undefined) {
      handle = this.addOne('VarHandleOp', {
        attributes: {
          dtype: attribute.type(variable.dtype),
          shape: attribute.shape(variable.shape),
          shared_name: attribute.text(variable.name),
          container: attribute.text(''),
        },
        dtype: 'resource',
        shape: [],
        ...(this.isFunction ? {} : { name: variable.name }),
      });
      this.#handles.set(variable, handle);
    }
    return handle;
  }

  /** The variable's value, read once in each scope. Its gradient ends here: `gradients` hands it to the sink. */
  read(variable: Variable): Tensor {
    let value = this.#reads.get(variable);
    if (value === undefined) {
      value = this.addOne('ReadVariableOp', {
        inputs: [this.handle(variable)],
        attributes: { dtype: attribute.type(variable.dtype) },
        dtype: variable.dtype,
        shape: variable.shape,
        differentiable: variable.trainable,
        ...(this.isFunction ? {} : { name: `${variable.name}/read` }),
      });
      this.#reads.set(variable, value);
      this.graph.variableOfRead.set(value.operation, variable);
    }
    return value;
  }

  /** The read of a variable in this scope, if there is one: what an update must not overtake. */
  readOf(variable: Variable): Operation | null {
    return this.#reads.get(variable)?.operation ?? null;
  }

  /** The nodes of this scope on the wire. `argumentNames` are the names of captured inputs in a function's signature. */
  nodes(argumentNames: ReadonlyMap<Operation, string> = new Map()): NodeProto[] {
    return this.operations.map((operation) => ({
      name: operation.name,
      op: operation.op,
      input: [
        ...operation.inputs.map((tensor) => this.reference(tensor, argumentNames)),
        ...operation.control.map((before) => `^${before.name}`),
      ],
      attr: operation.attributes,
    }));
  }

  /** How nodes of this scope name a tensor. */
  reference(tensor: Tensor, argumentNames: ReadonlyMap<Operation, string> = new Map()): string {
    const argument = argumentNames.get(tensor.operation);
    if (argument !== undefined) return argument;
    if (!this.isFunction) return `${tensor.operation.name}:${tensor.index}`;
    return `${tensor.operation.name}:${outputReference(tensor.operation.op, tensor.index)}`;
  }

  #freshName(op: string): string {
    return `${op}_${this.operations.length}`;
  }
}

/**
 * Whose kernels a graph is written for. `onednn` (a CPU with oneDNN on): convolutions and batch norm take forms that it runs faster
 * and that cost extra copies, or changes of layout on a GPU. `any`: the plain operations, right for CUDA and for
 * TensorFlow's own CPU kernels. Both compute the same up to rounding. src/engine/addon.ts chooses.
 */
export type Kernels = 'onednn' | 'any';

/** A whole graph: the main scope, the functions that its `Case` operations choose from, and the variables. */
export class Graph {
  readonly kernels: Kernels;
  readonly main = new Scope(this, null);
  readonly variables = new Map<string, Variable>();
  readonly variableOfRead = new Map<Operation, Variable>();
  readonly #functions: (() => FunctionProto[])[] = [];
  readonly #sharedFunctions = new Set<string>();

  constructor(kernels: Kernels = 'any') {
    this.kernels = kernels;
  }

  /** Declares a variable. Its name is unique in the graph: characters A–Z, a–z, 0–9, `.`, `_`, `-` and `/`. */
  variable(name: string, options: VariableOptions): Variable {
    if (!/^[A-Za-z0-9.][A-Za-z0-9_.\-/]*$/.test(name)) throw new Error(`"${name}" cannot be the name of a variable`);
    if (this.variables.has(name)) throw new Error(`the graph already has a variable named "${name}"`);
    const variable: Variable = {
      name,
      dtype: options.dtype ?? 'float32',
      shape: options.shape,
      initial: options.initial ?? { kind: 'constant', value: 0 },
      trainable: options.trainable ?? true,
      decay: options.decay ?? false,
      saved: options.saved ?? true,
    };
    this.variables.set(name, variable);
    return variable;
  }

  /** The variable of this name, declared now if it is new: several endpoints of a graph share their weights by name. */
  sharedVariable(name: string, options: VariableOptions): Variable {
    const known = this.variables.get(name);
    if (known === undefined) return this.variable(name, options);
    if (shapeText(known.shape) !== shapeText(options.shape)) {
      throw new Error(
        `variable "${name}" has shape ${shapeText(known.shape)}, now ${shapeText(options.shape)} is asked for`,
      );
    }
    return known;
  }

  /** Registers functions that are written out when the graph is encoded, once everything that they need is known. */
  addFunctions(produce: () => FunctionProto[]): void {
    this.#functions.push(produce);
  }

  /** As `addFunctions`, for a function that many operations call: it is written once, as it was first declared. */
  addSharedFunction(name: string, produce: () => FunctionProto): void {
    if (this.#sharedFunctions.has(name)) return;
    this.#sharedFunctions.add(name);
    this.addFunctions(() => [produce()]);
  }

  /** An input that is fed at each run, with its shape made known to TensorFlow's optimisers. */
  placeholder(name: string, dtype: DType, shape: readonly number[]): Tensor {
    const fed = this.main.addOne('Placeholder', {
      name,
      attributes: { dtype: attribute.type(dtype), shape: attribute.shape(shape) },
      dtype,
      shape,
    });
    return ensureShape(this.main, fed, shape);
  }

  /** A tensor under a name of its own that is computed only after `after` have run: the output of an endpoint. */
  output(name: string, tensor: Tensor, after: readonly Operation[] = []): Tensor {
    return this.main.addOne('Identity', {
      name,
      inputs: [tensor],
      control: after,
      attributes: { T: attribute.type(tensor.dtype) },
      dtype: tensor.dtype,
      shape: tensor.shape,
    });
  }

  /** The graph on the wire. It must not grow afterwards. */
  toProto(): GraphProto {
    const functions = this.#functions.flatMap((produce) => produce());
    return { node: this.main.nodes(), library: { function: functions } };
  }

  /** The bytes of a `saved_model.pb`. The graph must not grow afterwards. */
  encode(serving?: ServingProto): Uint8Array {
    return encodeSavedModel(this.toProto(), serving);
  }
}

/**
 * Checks the shape when the graph runs, and states it when it is built. oneDNN's layout pass aborts the process on a
 * convolution whose input has an unknown rank, so everything that is fed or sliced goes through this.
 *
 * @param name what TensorFlow's message calls it
 */
export function ensureShape(scope: Scope, tensor: Tensor, shape: readonly number[], name?: string): Tensor {
  return scope.addOne('EnsureShape', {
    ...(name === undefined ? {} : { name }),
    inputs: [tensor],
    attributes: { T: attribute.type(tensor.dtype), shape: attribute.shape(shape) },
    dtype: tensor.dtype,
    shape,
    gradient: (_, [gradient]) => [gradient ?? null],
  });
}

/** A constant's value as text; JSON alone writes NaN and the infinities as null, and −0 as 0. */
function constantKey(value: number | string): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'bfloat16';
}
