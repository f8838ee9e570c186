/** Optimizers as gradient sinks: each variable has its own slots, found by its name, and moves only when its gradient arrives. */
import type { GradientSink, Graph, Operation, Scope, Tensor, Variable } from './graph.ts';
import { elementwise, scale } from './ops/arithmetic.ts';
import { attribute } from './types.ts';

export interface MomentumOptions {
  /** A float32 scalar. */
  readonly learningRate: Tensor;
  /** In [0, 1). */
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Added to the gradient as weightDecay · weight, for variables that decay. */
  readonly weightDecay: number;
  /** Withholds updates that are not finite; none: everything is applied. */
  readonly guard?: UpdateGuard;
}

/** What keeps NaN and Inf out of weights and slots. */
export interface UpdateGuard {
  /** A bool scalar of the main graph: false withholds every update. */
  readonly finite: Tensor;
  /** A float32 scalar that counts the variables whose update was withheld. */
  readonly withheld: Variable;
}

/** The slot of a variable: a variable of the same shape that starts at `initial`, saved beside it unless `saved` is false. */
function slotOf(graph: Graph, variable: Variable, slot: string, saved = true, initial = 0): Variable {
  const options = { shape: variable.shape, trainable: false, saved };
  return graph.sharedVariable(`${variable.name}/${slot}`, {
    ...options,
    initial: { kind: 'constant', value: initial },
  });
}

/** Between two updates it is zero, so that checkpoints, which are written there, need not hold it. */
function accumulatorOf(graph: Graph, variable: Variable): Variable {
  return slotOf(graph, variable, 'accumulator', false);
}

/**
 * SGD with momentum as PyTorch and TensorFlow define it: slot ← momentum · slot + g; weight ← weight − rate · slot, or with
 * Nesterov weight − rate · (g + momentum · slot), where g is the gradient plus weight decay (Sutskever et al. 2013).
 */
export function momentumSgd({ learningRate, momentum, nesterov, weightDecay, guard }: MomentumOptions): GradientSink {
  return (scope, variable, gradient) => {
    const slot = slotOf(scope.graph, variable, 'momentum');
    const total = withDecay(scope, variable, gradient, weightDecay);
    const plain = { rate: learningRate, total, momentum: scope.constant(momentum, 'float32') };
    const update = guard === undefined ? { ...plain, counted: [] } : guarded(scope, guard, plain);
    return scope.add('ResourceApplyMomentum', {
      inputs: [scope.handle(variable), scope.handle(slot), update.rate, update.total, update.momentum],
      attributes: {
        T: attribute.type('float32'),
        use_locking: attribute.bool(false),
        use_nesterov: attribute.bool(nesterov),
      },
      control: [...before(scope, variable), ...update.counted],
    });
  };
}

function withDecay(scope: Scope, variable: Variable, gradient: Tensor, weightDecay: number): Tensor {
  if (!variable.decay || weightDecay === 0) return gradient;
  return elementwise(scope, 'AddV2', [gradient, scale(scope, scope.read(variable), weightDecay)]);
}

export interface RmspropOptions {
  /** A float32 scalar. */
  readonly learningRate: Tensor;
  /** What the mean squares keep of themselves, in [0, 1). */
  readonly rho: number;
  /** In [0, 1). */
  readonly momentum: number;
  readonly epsilon: number;
  /** Added to the gradient as weightDecay · weight, for variables that decay. */
  readonly weightDecay: number;
}

/**
 * RMSprop as TensorFlow defines it (and timm as RMSpropTF), which differs from PyTorch's: ε is inside the root, the mean
 * squares start at 1, and the rate goes into the momentum: s ← ρ · s + (1 − ρ) · g²; m ← momentum · m + rate · g / √(s + ε);
 * weight ← weight − m, where g is the gradient plus weight decay.
 */
export function rmspropTf({ learningRate, rho, momentum, epsilon, weightDecay }: RmspropOptions): GradientSink {
  return (scope, variable, gradient) => {
    const squares = slotOf(scope.graph, variable, 'rms', true, 1);
    const slot = slotOf(scope.graph, variable, 'momentum');
    const number = (value: number): Tensor => scope.constant(value, 'float32');
    return scope.add('ResourceApplyRMSProp', {
      inputs: [
        ...[variable, squares, slot].map((each) => scope.handle(each)),
        learningRate,
        number(rho),
        number(momentum),
        number(epsilon),
        withDecay(scope, variable, gradient, weightDecay),
      ],
      attributes: { T: attribute.type('float32'), use_locking: attribute.bool(false) },
      control: before(scope, variable),
    });
  };
}

interface Update {
  readonly rate: Tensor;
  readonly total: Tensor;
  readonly momentum: Tensor;
}

/**
 * The same update where everything is finite, to the bit; else one that changes nothing: gradient 0, rate 0, momentum 1.
 * (A gradient whose sum of squares is not finite counts as not finite.) Each variable decides for itself, as the fast
 * path applies an update before the gradients of the layers below are known.
 */
function guarded(scope: Scope, guard: UpdateGuard, { rate, total, momentum }: Update) {
  const square = scope.addOne('L2Loss', {
    inputs: [total],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape: [],
  });
  const apply = scope.addOne('LogicalAnd', { inputs: [guard.finite, finite(scope, square)], dtype: 'bool', shape: [] });
  const choose = (yes: Tensor, no: number): Tensor =>
    scope.addOne('SelectV2', {
      inputs: [apply, yes, scope.constant(no, 'float32')],
      attributes: { T: attribute.type('float32') },
      dtype: 'float32',
      shape: yes.shape,
    });
  const counted = scope.add('AssignAddVariableOp', {
    inputs: [scope.handle(guard.withheld), choose(scope.constant(0, 'float32'), 1)],
    attributes: { dtype: attribute.type('float32') },
  });
  return { rate: choose(rate, 0), total: choose(total, 0), momentum: choose(momentum, 1), counted: [counted] };
}

/** Whether each element is neither NaN nor infinite, as bool. */
export function finite(scope: Scope, x: Tensor): Tensor {
  return scope.addOne('IsFinite', {
    inputs: [x],
    attributes: { T: attribute.type(x.dtype) },
    dtype: 'bool',
    shape: x.shape,
  });
}

/** The count of a guard once these operations have run; 0 without one. */
export function withheldAfter(scope: Scope, guard: UpdateGuard | null, after: readonly Operation[]): Tensor {
  if (guard === null) return scope.constant(0, 'float32');
  // Not `scope.read`, which may come before them.
  return scope.addOne('ReadVariableOp', {
    inputs: [scope.handle(guard.withheld)],
    attributes: { dtype: attribute.type('float32') },
    dtype: 'float32',
    shape: [],
    control: after,
  });
}

export interface AdamOptions {
  /** A float32 scalar. */
  readonly learningRate: Tensor;
  /** beta1 and beta2 to the power of the step's number, from 1: float32 scalars, which correct the averages' bias. */
  readonly beta1Power: Tensor;
  readonly beta2Power: Tensor;
  /** A float32 scalar: added to the gradient as weightDecay · weight, for variables that decay. */
  readonly weightDecay: Tensor;
}

/** The decay of Adam's averages of the gradient and of its square: the paper's, and everyone's default. */
export const adamBetas = { beta1: 0.9, beta2: 0.999 } as const;

/**
 * Adam (Kingma & Ba 2015, in the form before its section 2.1): with r = rate · √(1 − beta2^t) / (1 − beta1^t),
 * m ← beta1 · m + (1 − beta1) · g; v ← beta2 · v + (1 − beta2) · g²; weight ← weight − r · m / (√v + 1e-8).
 */
export function adam({ learningRate, beta1Power, beta2Power, weightDecay }: AdamOptions): GradientSink {
  return (scope, variable, gradient) => {
    const { graph } = scope;
    let total = gradient;
    if (variable.decay) {
      total = elementwise(scope, 'AddV2', [gradient, scale(scope, scope.read(variable), weightDecay)], variable.shape);
    }
    return scope.add('ResourceApplyAdam', {
      inputs: [
        scope.handle(variable),
        scope.handle(slotOf(graph, variable, 'mean')),
        scope.handle(slotOf(graph, variable, 'square')),
        beta1Power,
        beta2Power,
        learningRate,
        scope.constant(adamBetas.beta1, 'float32'),
        scope.constant(adamBetas.beta2, 'float32'),
        scope.constant(1e-8, 'float32'),
        total,
      ],
      attributes: {
        T: attribute.type('float32'),
        use_locking: attribute.bool(false),
        use_nesterov: attribute.bool(false),
      },
      control: before(scope, variable),
    });
  };
}

/** Adds gradients to a slot instead of applying them: for updates from several paths or several parts of a batch. */
export function accumulator(): GradientSink {
  return (scope, variable, gradient) =>
    scope.add('AssignAddVariableOp', {
      inputs: [scope.handle(accumulatorOf(scope.graph, variable)), gradient],
      attributes: { dtype: attribute.type('float32') },
    });
}

/**
 * Gives the accumulated gradients of these variables, times `factor` (a float32 scalar), to another sink, and empties the
 * accumulators. In `scope`: the main graph, or a branch that runs only where these variables have received gradients.
 *
 * @returns the operations that must run.
 */
export function applyAccumulated(
  scope: Scope,
  variables: readonly Variable[],
  factor: Tensor,
  sink: GradientSink,
): Operation[] {
  return variables.flatMap((variable) => {
    const slot = accumulatorOf(scope.graph, variable);
    const sum = scope.read(slot);
    const applied = sink(scope, variable, scale(scope, sum, factor));
    const zeros = scope.addOne('ZerosLike', {
      inputs: [sum],
      attributes: { T: attribute.type('float32') },
      dtype: 'float32',
      shape: variable.shape,
    });
    const emptied = scope.add('AssignVariableOp', {
      inputs: [scope.handle(slot), zeros],
      attributes: { dtype: attribute.type('float32') },
      control: [applied],
    });
    return [applied, emptied];
  });
}

/** An update must not overtake the read of the value that the gradient was computed with. */
function before(scope: Scope, variable: Variable): Operation[] {
  const read = scope.readOf(variable);
  return read === null ? [] : [read];
}
