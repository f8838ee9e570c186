/**
 * A tfjs graph model: `model.json` (the graph in protobuf's JSON form, and a manifest of its constants) and the constants'
 * values in shards of 4 MB, as browsers cache them.
 *
 * Input `images`: int32 `[batch, side, side, 3]` from 0 to 255, what `tf.browser.fromPixels` gives. Outputs `logits` and
 * `probabilities`.
 */
import { Graph, type Tensor } from '../graph/graph.ts';
import type { AttributeProto, NodeProto, ShapeProto } from '../graph/protocol.ts';
import { attribute, type DType, dtypeNumbers, shapeProto } from '../graph/types.ts';
import { bytesOf } from './layout.ts';
import { type Program, valuesOf, type WeightedProgram } from './program.ts';
import { addInference, addWeight } from './tensorflow.ts';

const shardBytes = 4 * 2 ** 20;

const typeNames: Readonly<Record<number, string>> = {
  [dtypeNumbers.float32]: 'DT_FLOAT',
  [dtypeNumbers.int32]: 'DT_INT32',
  [dtypeNumbers.bool]: 'DT_BOOL',
};

export interface TfjsFiles {
  /** The text of `model.json`. */
  readonly model: string;
  /** By file name. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
}

export function encodeTfjs({ program, weights }: WeightedProgram, version: string): TfjsFiles {
  const graph = new Graph();
  const scope = graph.main;
  const constants = new Map<string, Tensor>();
  /** A constant whose values stand in the shards alone. */
  const weight = (name: string): Tensor => {
    const { shape } = valuesOf(weights, name);
    const known = constants.get(name);
    if (known !== undefined) return known;
    const added = addWeight(scope, name, shape);
    constants.set(name, added);
    return added;
  };
  const images = graph.placeholder('images', 'int32', [-1, program.resolution, program.resolution, 3]);
  const logits = graph.output('logits', addInference(scope, images, program, weight));
  const probabilities = scope.addOne('Softmax', {
    inputs: [logits],
    attributes: { T: attribute.type('float32') },
    dtype: 'float32',
    shape: logits.shape,
  });
  graph.output('probabilities', probabilities);

  const nodes = withoutShapeChecks(graph.toProto().node);
  const parts: Uint8Array[] = [];
  const manifest = nodes
    .filter(({ op }) => op === 'Const')
    .map((node) => {
      const { dtype, shape, bytes } = constantOf(node, weights);
      parts.push(bytes);
      return { name: node.name, shape, dtype };
    });
  const data = Buffer.concat(parts);
  const count = Math.max(1, Math.ceil(data.length / shardBytes));
  const shards = new Map(
    Array.from({ length: count }, (_, index) => [
      `group1-shard${index + 1}of${count}.bin`,
      new Uint8Array(data.subarray(index * shardBytes, (index + 1) * shardBytes)),
    ]),
  );
  const model = {
    format: 'graph-model',
    generatedBy: `greedynas ${version}`,
    convertedBy: `greedynas ${version}`,
    signature: signature(program),
    modelTopology: { node: nodes.map(jsonNode), library: {}, versions: { producer: 1882 } },
    weightsManifest: [{ paths: [...shards.keys()], weights: manifest }],
  };
  return { model: `${JSON.stringify(model)}\n`, shards };
}

/** tfjs 4.22 cannot run `EnsureShape` (it looks for the shape among the inputs), and has no use for it. */
function withoutShapeChecks(nodes: readonly NodeProto[]): NodeProto[] {
  const source = new Map(
    nodes.filter(({ op }) => op === 'EnsureShape').map(({ name, input }) => [`${name}:0`, input[0]!]),
  );
  const resolve = (reference: string): string => {
    const before = source.get(reference);
    return before === undefined ? reference : resolve(before);
  };
  return nodes.filter(({ op }) => op !== 'EnsureShape').map((node) => ({ ...node, input: node.input.map(resolve) }));
}

function signature({ resolution, classes }: Program): object {
  const info = (name: string, dtype: DType, shape: number[]): object => ({
    name: `${name}:0`,
    dtype: typeNames[dtypeNumbers[dtype]],
    tensorShape: jsonShape(shapeProto(shape)),
  });
  return {
    inputs: { images: info('images', 'int32', [-1, resolution, resolution, 3]) },
    outputs: {
      logits: info('logits', 'float32', [-1, classes]),
      probabilities: info('probabilities', 'float32', [-1, classes]),
    },
  };
}

/** A constant's entry in the manifest and its bytes: small ones have them in the graph, weights beside it. */
function constantOf({ name, attr }: NodeProto, weights: WeightedProgram['weights']) {
  const value = attr.value;
  if (value === undefined || !('tensor' in value)) throw new Error(`the constant ${name} has no value`);
  const { tensor } = value;
  const dtype = { [dtypeNumbers.float32]: 'float32', [dtypeNumbers.int32]: 'int32' }[tensor.dtype];
  if (dtype === undefined)
    throw new Error(`the constant ${name} has type ${tensor.dtype}, which tfjs gets no values of`);
  const shape = (tensor.tensorShape.dim ?? []).map(({ size }) => size);
  return { dtype, shape, bytes: tensor.tensorContent ?? bytesOf(valuesOf(weights, name).values) };
}

function jsonNode({ name, op, input, attr }: NodeProto): object {
  return {
    name,
    op,
    // Output 0 is what a bare name means.
    input: input.map((reference) => reference.replace(/:0$/, '')),
    attr: Object.fromEntries(Object.entries(attr).map(([key, value]) => [key, jsonAttribute(value)])),
  };
}

/** Protobuf's JSON form: 64-bit integers as text, bytes as base64, enum values by name. */
function jsonAttribute(value: AttributeProto): object {
  if ('type' in value) return { type: typeName(value.type) };
  if ('shape' in value) return { shape: jsonShape(value.shape) };
  if ('s' in value) return { s: Buffer.from(value.s).toString('base64') };
  if ('i' in value) return { i: String(value.i) };
  if ('tensor' in value) {
    return { tensor: { dtype: typeName(value.tensor.dtype), tensorShape: jsonShape(value.tensor.tensorShape) } };
  }
  if ('list' in value) {
    const { i, ...others } = value.list;
    if (Object.keys(others).length > 0) throw new Error(`lists of ${Object.keys(others).join()} are not written here`);
    return { list: { i: (i ?? []).map(String) } };
  }
  if ('func' in value) throw new Error('tfjs gets no functions');
  return value;
}

function jsonShape({ dim = [], unknownRank }: ShapeProto): object {
  return unknownRank ? { unknownRank } : { dim: dim.map(({ size }) => ({ size: String(size) })) };
}

function typeName(dtype: number): string {
  const name = typeNames[dtype];
  if (name === undefined) throw new Error(`tfjs gets no tensors of type ${dtype}`);
  return name;
}
