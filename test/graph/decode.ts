/** Reads a `saved_model.pb` back, by a statement of TensorFlow's field numbers that does not come from src/graph/protocol.ts. */
import protobuf from 'protobufjs';
import { z } from 'zod';

const SavedModel = protobuf
  .parse(
    `syntax = "proto3";
    message Dim { int64 size = 1; string name = 2; }
    message TensorShapeProto { repeated Dim dim = 2; bool unknown_rank = 3; }
    message TensorProto {
      int32 dtype = 1; TensorShapeProto tensor_shape = 2; int32 version_number = 3; bytes tensor_content = 4; repeated bytes string_val = 8;
    }
    message NameAttrList { string name = 1; map<string, AttrValue> attr = 2; }
    message ListValue {
      repeated bytes s = 2; repeated int64 i = 3; repeated float f = 4; repeated bool b = 5; repeated int32 type = 6;
      repeated TensorShapeProto shape = 7; repeated TensorProto tensor = 8; repeated NameAttrList func = 9;
    }
    message AttrValue {
      oneof value {
        ListValue list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6;
        TensorShapeProto shape = 7; TensorProto tensor = 8; string placeholder = 9; NameAttrList func = 10;
      }
    }
    message NodeDef { string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5; }
    message ArgDef { string name = 1; int32 type = 3; }
    message OpDef {
      string name = 1; repeated ArgDef input_arg = 2; repeated ArgDef output_arg = 3; bool is_stateful = 17; repeated string control_output = 20;
    }
    message ArgAttrs { map<string, AttrValue> attr = 1; }
    message FunctionDef {
      OpDef signature = 1; repeated NodeDef node_def = 3; map<string, string> ret = 4; map<string, string> control_ret = 6;
      map<uint32, ArgAttrs> arg_attr = 7;
    }
    message FunctionDefLibrary { repeated FunctionDef function = 1; }
    message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
    message GraphDef { repeated NodeDef node = 1; FunctionDefLibrary library = 2; VersionDef versions = 4; }
    message MetaInfoDef { repeated string tags = 4; }
    message MetaGraphDef { MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; }
    message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }`,
  )
  .root.lookupType('SavedModel');

// proto3 leaves out what is zero, empty or false.
const shape = z.object({
  dim: z.array(z.object({ size: z.number().default(0) })),
  unknownRank: z.boolean().default(false),
});
const tensor = z.object({
  dtype: z.number(),
  tensorShape: shape,
  tensorContent: z.instanceof(Uint8Array).default(new Uint8Array()),
  stringVal: z.array(z.instanceof(Uint8Array)),
});
const value = z.object({
  list: z
    .object({
      i: z.array(z.number()),
      f: z.array(z.number()),
      type: z.array(z.number()),
      shape: z.array(shape),
      func: z.array(z.object({ name: z.string() })),
    })
    .optional(),
  s: z.instanceof(Uint8Array).optional(),
  i: z.number().optional(),
  f: z.number().optional(),
  b: z.boolean().optional(),
  type: z.number().optional(),
  shape: shape.optional(),
  tensor: tensor.optional(),
});
const node = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()),
  attr: z.record(z.string(), value),
});
const argument = z.object({ name: z.string(), type: z.number() });
const functionDefinition = z.object({
  signature: z.object({
    name: z.string(),
    inputArg: z.array(argument),
    outputArg: z.array(argument),
    isStateful: z.boolean().default(false),
    controlOutput: z.array(z.string()),
  }),
  nodeDef: z.array(node),
  ret: z.record(z.string(), z.string()),
  controlRet: z.record(z.string(), z.string()),
  argAttr: z.record(z.string(), z.object({ attr: z.record(z.string(), value) })),
});
const model = z.object({
  savedModelSchemaVersion: z.number(),
  metaGraphs: z.array(
    z.object({
      metaInfoDef: z.object({ tags: z.array(z.string()) }),
      graphDef: z.object({
        node: z.array(node),
        library: z.object({ function: z.array(functionDefinition) }),
        versions: z.object({ producer: z.number() }),
      }),
    }),
  ),
});

export type DecodedNode = z.infer<typeof node>;
export type DecodedFunction = z.infer<typeof functionDefinition>;
export type DecodedModel = z.infer<typeof model>;

export function decodeModel(bytes: Uint8Array): DecodedModel {
  const plain = SavedModel.toObject(SavedModel.decode(bytes), { longs: Number, arrays: true, objects: true });
  return model.parse(plain);
}

/** The main graph's nodes, and the functions by name. */
export function decodeGraph(bytes: Uint8Array): {
  readonly nodes: readonly DecodedNode[];
  readonly functions: ReadonlyMap<string, DecodedFunction>;
} {
  const [first] = decodeModel(bytes).metaGraphs;
  if (first === undefined) throw new Error('the model holds no graph');
  const { node: nodes, library } = first.graphDef;
  return { nodes, functions: new Map(library.function.map((each) => [each.signature.name, each])) };
}

/** Sizes with −1 for unknown, `null` for an unknown rank. */
export function decodedShape(proto: z.infer<typeof shape>): readonly number[] | null {
  return proto.unknownRank ? null : proto.dim.map(({ size }) => size);
}
