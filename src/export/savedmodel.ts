/**
 * TensorFlow SavedModel: a graph with two serving signatures, and its weights: variables that a checkpoint fills, or constants.
 *
 * Constants are for inference alone. oneDNN brings their filters into its own layout once, those of variables in every run.
 *
 * `serving_default` takes `images` as uint8, `serving_float` as float32 in [0, 1], both `[batch, side, side, 3]` RGB; both
 * give `logits`, `probabilities`, `class` and `class_name`.
 */
import { call } from '../graph/call.ts';
import { addCheckpoint } from '../graph/checkpoint.ts';
import { Graph, type Scope, type Tensor, type Variable } from '../graph/graph.ts';
import { cast, scale } from '../graph/ops/arithmetic.ts';
import { inPieces } from '../graph/ops/pieces.ts';
import type { SignatureProto, TensorInfoProto } from '../graph/protocol.ts';
import { attribute, dtypeNumbers, shapeProto } from '../graph/types.ts';
import { bytesOf } from './layout.ts';
import { type Program, valuesOf, type WeightedProgram } from './program.ts';
import { addInference, addWeight } from './tensorflow.ts';

/** The bytes of `saved_model.pb` with variables, those of `program.shapes`, to lie in `variables/variables`. */
export function encodeServing(program: Program, classNames: readonly string[]): Uint8Array {
  const graph = new Graph();
  const scope = graph.main;
  const variables = new Map<string, Variable>();
  for (const [name, shape] of program.shapes) {
    const trainable = !/\/(mean|variance)$/.test(name);
    variables.set(name, graph.variable(name, { shape, trainable }));
  }
  const infer = inOne(scope, program, (name) => scope.read(variables.get(name)!));
  const signatureDef = addSignatures(graph, program, classNames, infer);
  const prefix = graph.placeholder('checkpoint_prefix', 'string', []);
  addCheckpoint(graph, [...variables.values()], prefix, { save: 'save_all', restore: 'restore_all' });
  return graph.encode({
    saverDef: {
      filenameTensorName: 'checkpoint_prefix:0',
      saveTensorName: 'save_all:0',
      restoreOpName: 'restore_all',
    },
    signatureDef,
  });
}

/**
 * The bytes of `saved_model.pb` with all weights in it, as constants.
 *
 * @param piece images that go through the network together; absent: the whole batch. Pieces are for CPUs alone.
 */
export function encodeFrozen(
  { program, weights }: WeightedProgram,
  classNames: readonly string[],
  piece?: number,
): Uint8Array {
  const graph = new Graph();
  const constantsOf = (scope: Scope): ((name: string) => Tensor) => {
    const constants = new Map(
      [...program.shapes].map(([name, shape]) => [
        name,
        addWeight(scope, name, shape, bytesOf(valuesOf(weights, name).values)),
      ]),
    );
    return (name) => constants.get(name)!;
  };
  const inPiecesOf =
    (images: number): Inference =>
    (batch, factor, prefix) =>
      inPieces(graph.main, batch, {
        name: `${prefix}/pieces`,
        size: images,
        body: (scope, part) =>
          // One function for both signatures, so that the file holds the weights once.
          call(scope, {
            name: 'network',
            inputs: [scaled(scope, cast(scope, part, 'float32'), factor)],
            shapes: [[-1, program.resolution, program.resolution, 3]],
            result: { dtype: 'float32', shape: [-1, program.classes] },
            body: (inside, [values]) => addInference(inside, values!, program, constantsOf(inside)),
          }),
      });
  const infer = piece === undefined ? inOne(graph.main, program, constantsOf(graph.main)) : inPiecesOf(piece);
  return graph.encode({ signatureDef: addSignatures(graph, program, classNames, infer) });
}

/**
 * How many images of a side, in pixels, a core's caches hold through the network: 4 of 224 px (docs/results/fixed-network.md), and as many
 * pixels of others.
 */
export function imagesOfPiece(resolution: number): number {
  return Math.max(1, Math.round(4 * (224 / resolution) ** 2));
}

/** Logits of images whose values times `factor` are those of bytes, for the signature whose names begin with `prefix`. */
type Inference = (images: Tensor, factor: number, prefix: string) => Tensor;

/** The whole batch at once. */
function inOne(scope: Scope, program: Program, weight: (name: string) => Tensor): Inference {
  return (images, factor) => addInference(scope, scaled(scope, images, factor), program, weight);
}

function scaled(scope: Scope, images: Tensor, factor: number): Tensor {
  return factor === 1 ? images : scale(scope, images, factor);
}

function addSignatures(
  graph: Graph,
  program: Program,
  classNames: readonly string[],
  infer: Inference,
): Record<string, SignatureProto> {
  const scope = graph.main;
  const size = [-1, program.resolution, program.resolution, 3];

  const signature = (prefix: string, images: Tensor, factor: number): SignatureProto => {
    const logits = infer(images, factor, prefix);
    const probabilities = scope.addOne('Softmax', {
      inputs: [logits],
      attributes: { T: attribute.type('float32') },
      dtype: 'float32',
      shape: logits.shape,
    });
    const best = scope.addOne('ArgMax', {
      inputs: [logits, scope.constant(1, 'int32')],
      attributes: {
        T: attribute.type('float32'),
        Tidx: attribute.type('int32'),
        output_type: attribute.type('int32'),
      },
      dtype: 'int32',
      shape: [-1],
    });
    const named = scope.addOne('GatherV2', {
      inputs: [scope.constant([...classNames], 'string'), best, scope.constant(0, 'int32')],
      attributes: {
        Tparams: attribute.type('string'),
        Tindices: attribute.type('int32'),
        Taxis: attribute.type('int32'),
        batch_dims: attribute.int(0),
      },
      dtype: 'string',
      shape: [-1],
    });
    const outputs = { logits, probabilities, class: best, class_name: named };
    return {
      inputs: { images: describe(fedInput(images)) },
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, describe(graph.output(`${prefix}/${name}`, tensor))]),
      ),
      methodName: 'tensorflow/serving/predict',
    };
  };

  const bytes = graph.placeholder('images', 'uint8', size);
  const shares = graph.placeholder('images_float', 'float32', size);
  return {
    serving_default: signature('default', bytes, 1),
    serving_float: signature('float', shares, 255),
  };
}

/** The placeholder before the check of its shape. */
function fedInput(checked: Tensor): Tensor {
  return checked.operation.inputs[0]!;
}

function describe({ operation, index, dtype, shape }: Tensor): TensorInfoProto {
  return { name: `${operation.name}:${index}`, dtype: dtypeNumbers[dtype], tensorShape: shapeProto(shape) };
}
