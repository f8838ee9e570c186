/**
 * TensorFlow SavedModel: a graph with variables, a checkpoint that fills them, and two serving signatures.
 *
 * `serving_default` takes `images` as uint8, `serving_float` as float32 in [0, 1], both `[batch, side, side, 3]` RGB; both
 * give `logits`, `probabilities`, `class` and `class_name`.
 */
import { addCheckpoint } from '../graph/checkpoint.ts';
import { Graph, type Tensor, type Variable } from '../graph/graph.ts';
import { scale } from '../graph/ops/arithmetic.ts';
import type { SignatureProto, TensorInfoProto } from '../graph/protocol.ts';
import { attribute, dtypeNumbers, shapeProto } from '../graph/types.ts';
import type { Program } from './program.ts';
import { addInference } from './tensorflow.ts';

/** The bytes of `saved_model.pb`. Its variables are those of `program.shapes`, to lie in `variables/variables`. */
export function encodeServing(program: Program, classNames: readonly string[]): Uint8Array {
  const graph = new Graph();
  const scope = graph.main;
  const variables = new Map<string, Variable>();
  for (const [name, shape] of program.shapes) {
    const trainable = !/\/(mean|variance)$/.test(name);
    variables.set(name, graph.variable(name, { shape, trainable }));
  }
  const weight = (name: string): Tensor => scope.read(variables.get(name)!);
  const size = [-1, program.resolution, program.resolution, 3];

  const signature = (prefix: string, input: Tensor, images: Tensor): SignatureProto => {
    const logits = addInference(scope, images, program, weight);
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
      inputs: { images: describe(input) },
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, describe(graph.output(`${prefix}/${name}`, tensor))]),
      ),
      methodName: 'tensorflow/serving/predict',
    };
  };

  const bytes = graph.placeholder('images', 'uint8', size);
  const shares = graph.placeholder('images_float', 'float32', size);
  const signatureDef = {
    serving_default: signature('default', fedInput(bytes), bytes),
    serving_float: signature('float', fedInput(shares), scale(scope, shares, 255)),
  };
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

/** The placeholder before the check of its shape. */
function fedInput(checked: Tensor): Tensor {
  return checked.operation.inputs[0]!;
}

function describe({ operation, index, dtype, shape }: Tensor): TensorInfoProto {
  return { name: `${operation.name}:${index}`, dtype: dtypeNumbers[dtype], tensorShape: shapeProto(shape) };
}
