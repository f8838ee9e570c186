/**
 * TensorFlow's graph formats as far as this project writes them, and their encoding.
 *
 * Field names and numbers are those of tensorflow/core/protobuf and tensorflow/core/framework; fields that we never
 * write are left out, which protobuf allows.
 */
import protobuf from 'protobufjs';

const schema = `
syntax = "proto3";
package tensorflow;

message TensorShapeProto {
  message Dim { int64 size = 1; }
  repeated Dim dim = 2;
  bool unknown_rank = 3;
}
message TensorProto {
  int32 dtype = 1;
  TensorShapeProto tensor_shape = 2;
  bytes tensor_content = 4;
  repeated bytes string_val = 8;
}
message NameAttrList { string name = 1; }
message AttrValue {
  message ListValue {
    repeated bytes s = 2;
    repeated int64 i = 3;
    repeated float f = 4;
    repeated bool b = 5;
    repeated int32 type = 6;
    repeated TensorShapeProto shape = 7;
    repeated NameAttrList func = 9;
  }
  oneof value {
    ListValue list = 1;
    bytes s = 2;
    int64 i = 3;
    float f = 4;
    bool b = 5;
    int32 type = 6;
    TensorShapeProto shape = 7;
    TensorProto tensor = 8;
    NameAttrList func = 10;
  }
}
message NodeDef {
  string name = 1;
  string op = 2;
  repeated string input = 3;
  string device = 4;
  map<string, AttrValue> attr = 5;
}
message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
message ArgDef { string name = 1; int32 type = 3; }
message OpDef {
  string name = 1;
  repeated ArgDef input_arg = 2;
  repeated ArgDef output_arg = 3;
  bool is_stateful = 17;
  repeated string control_output = 20;
}
message FunctionDef {
  message ArgAttrs { map<string, AttrValue> attr = 1; }
  OpDef signature = 1;
  repeated NodeDef node_def = 3;
  map<string, string> ret = 4;
  map<string, string> control_ret = 6;
  map<uint32, ArgAttrs> arg_attr = 7;
}
message FunctionDefLibrary { repeated FunctionDef function = 1; }
message GraphDef { repeated NodeDef node = 1; FunctionDefLibrary library = 2; VersionDef versions = 4; }
message TensorInfo { string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; }
message SignatureDef { map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3; }
message SaverDef {
  string filename_tensor_name = 1;
  string save_tensor_name = 2;
  string restore_op_name = 3;
  int32 version = 7;
}
message MetaGraphDef {
  message MetaInfoDef { repeated string tags = 4; string tensorflow_version = 5; }
  MetaInfoDef meta_info_def = 1;
  GraphDef graph_def = 2;
  SaverDef saver_def = 3;
  map<string, SignatureDef> signature_def = 5;
}
message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
`;

/** A tensor shape on the wire: a size of −1 is unknown. */
export interface ShapeProto {
  dim?: { size: number }[];
  unknownRank?: boolean;
}

export interface TensorProto {
  dtype: number;
  tensorShape: ShapeProto;
  tensorContent?: Uint8Array;
  stringVal?: Uint8Array[];
}

export interface ListProto {
  s?: Uint8Array[];
  i?: number[];
  f?: number[];
  b?: boolean[];
  type?: number[];
  shape?: ShapeProto[];
  func?: { name: string }[];
}

export type AttributeProto =
  | { list: ListProto }
  | { s: Uint8Array }
  | { i: number }
  | { f: number }
  | { b: boolean }
  | { type: number }
  | { shape: ShapeProto }
  | { tensor: TensorProto }
  | { func: { name: string } };

export interface NodeProto {
  name: string;
  op: string;
  input: string[];
  attr: Record<string, AttributeProto>;
}

export interface FunctionProto {
  signature: {
    name: string;
    inputArg: { name: string; type: number }[];
    outputArg: { name: string; type: number }[];
    isStateful: boolean;
    controlOutput: string[];
  };
  nodeDef: NodeProto[];
  ret: Record<string, string>;
  controlRet: Record<string, string>;
  argAttr: Record<number, { attr: Record<string, AttributeProto> }>;
}

export interface GraphProto {
  node: NodeProto[];
  library: { function: FunctionProto[] };
}

/** The graph version that TensorFlow writes since 2.13; it decides which ops of the past may still be used. */
const producer = 1882;

const savedModel = protobuf.parse(schema).root.lookupType('tensorflow.SavedModel');

/** The tag under which the graph is stored and loaded. */
export const savedModelTag = 'serve';

export interface TensorInfoProto {
  name: string;
  dtype: number;
  tensorShape: ShapeProto;
}

export interface SignatureProto {
  inputs: Record<string, TensorInfoProto>;
  outputs: Record<string, TensorInfoProto>;
  methodName: string;
}

/** How a program that loads the model fills its variables, and which functions it offers. */
export interface ServingProto {
  /** The string placeholder that takes the checkpoint's prefix, and the operations that write and read it; none without variables. */
  readonly saverDef?: {
    readonly filenameTensorName: string;
    readonly saveTensorName: string;
    readonly restoreOpName: string;
  };
  readonly signatureDef: Readonly<Record<string, SignatureProto>>;
}

/** SaverDef.CheckpointFormatVersion.V2, the format of SaveV2. */
const saverVersion = 2;

/** The bytes of `saved_model.pb` for a graph; with `serving` one that other programs load with its variables. */
export function encodeSavedModel(graph: GraphProto, serving?: ServingProto): Uint8Array {
  const metaGraph = {
    metaInfoDef: { tags: [savedModelTag] },
    graphDef: { ...graph, versions: { producer } },
    ...(serving === undefined
      ? {}
      : {
          ...(serving.saverDef === undefined ? {} : { saverDef: { ...serving.saverDef, version: saverVersion } }),
          signatureDef: serving.signatureDef,
        }),
  };
  const message = savedModel.fromObject({ savedModelSchemaVersion: 1, metaGraphs: [metaGraph] });
  return savedModel.encode(message).finish();
}
