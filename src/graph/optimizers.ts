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
}

/** The slot of a variable: a variable of the same shape that starts at zero, saved beside it unless `saved` is false. */
function slotOf(graph: Graph, variable: Variable, slot: string, saved = true): Variable {
  return graph.sharedVariable(`${variable.name}/${slot}`, { shape: variable.shape, trainable: false, saved });
}

/** Between two updates it is zero, so that checkpoints, which are written there, need not hold it. */
function accumulatorOf(graph: Graph, variable: Variable): Variable {
  return slotOf(graph, variable, 'accumulator', false);
}

/**
 * SGD with momentum as PyTorch and TensorFlow define it: slot ← momentum · slot + g; weight ← weight − rate · slot, or with
 * Nesterov weight − rate · (g + momentum · slot), where g is the gradient plus weight decay (Sutskever et al. 2013).
 */
export function momentumSgd({ learningRate, momentum, nesterov, weightDecay }: MomentumOptions): GradientSink {
  return (scope, variable, gradient) => {
    const slot = slotOf(scope.graph, variable, 'momentum');
    let total = gradient;
    if (variable.decay && weightDecay > 0) {
      total = elementwise(scope, 'AddV2', [gradient, scale(scope, scope.read(variable), weightDecay)]);
    }
    return scope.add('ResourceApplyMomentum', {
      inputs: [scope.handle(variable), scope.handle(slot), learningRate, total, scope.constant(momentum, 'float32')],
      attributes: {
        T: attribute.type('float32'),
        use_locking: attribute.bool(false),
        use_nesterov: attribute.bool(nesterov),
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
