/**
 * ONNX (opset 17, IR version 8): a program as the bytes of an `.onnx` file.
 *
 * Input `images`: float32 `[batch, 3, side, side]`, RGB in [0, 1]; the normalisation is inside. Output `logits`:
 * `[batch, classes]`. The message types and field numbers are those of onnx/onnx.proto, as far as they are written here.
 */
import protobuf from 'protobufjs';
import { bytesOf, filterChannelsFirst } from './layout.ts';
import { epsilon, type Program, type Step, valuesOf, type WeightedProgram, type WeightTensor } from './program.ts';

const schema = `
syntax = "proto3";
package onnx;
message AttributeProto {
  string name = 1; float f = 2; int64 i = 3; repeated float floats = 7; repeated int64 ints = 8; int32 type = 20;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
  repeated AttributeProto attribute = 5;
}
message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message Dimension { int64 dim_value = 1; string dim_param = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { int32 elem_type = 1; TensorShapeProto shape = 2; }
message TypeProto { TensorType tensor_type = 1; }
message ValueInfoProto { string name = 1; TypeProto type = 2; string doc_string = 3; }
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; string doc_string = 10;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message StringStringEntryProto { string key = 1; string value = 2; }
message ModelProto {
  int64 ir_version = 1; string producer_name = 2; string producer_version = 3; string doc_string = 6; GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14;
}
`;

const modelType = protobuf.parse(schema).root.lookupType('onnx.ModelProto');

export const onnxOpset = 17;
const irVersion = 8;
/** TensorProto.DataType and AttributeProto.AttributeType. */
const float = 1;
const attributeTypes = { f: 1, i: 2, ints: 7 } as const;

type Attribute = { readonly f: number } | { readonly i: number } | { readonly ints: readonly number[] };

export interface OnnxOptions {
  /** Facts about the network that travel in the file: class names, genotype and so on. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly producerVersion: string;
}

/** The bytes of the file. */
export function encodeOnnx({ program, weights }: WeightedProgram, options: OnnxOptions): Uint8Array {
  const nodes: object[] = [];
  const initializers: object[] = [];
  const known = new Set<string>();
  const constant = (name: string, { shape, values }: WeightTensor): string => {
    if (!known.has(name)) {
      initializers.push({ name, dims: [...shape], dataType: float, rawData: bytesOf(values) });
      known.add(name);
    }
    return name;
  };
  const weight = (name: string): string => constant(name, valuesOf(weights, name));
  const node = (
    opType: string,
    input: string[],
    output: string,
    attributes: Record<string, Attribute> = {},
  ): string => {
    const attribute = Object.entries(attributes).map(([name, value]) => {
      const kind = Object.keys(value)[0] as keyof typeof attributeTypes;
      return { name, type: attributeTypes[kind], ...value };
    });
    nodes.push({ opType, input, output: [output], name: output, attribute });
    return output;
  };
  /** What each step's output is called; a name of its own for each. */
  const values: string[] = [];
  const sideBefore = (step: Step & { readonly input: number }): number => program.steps[step.input]!.side ?? 1;

  for (const [place, step] of program.steps.entries()) {
    const last = place === program.steps.length - 1;
    const output = last ? 'logits' : `${place}_${step.kind}`;
    const input = step.kind === 'normalise' ? 'images' : values[step.input]!;
    switch (step.kind) {
      case 'normalise': {
        const perChannel = (list: number[]): WeightTensor => ({ shape: [1, 3, 1, 1], values: Float32Array.from(list) });
        const centred = node('Sub', [input, constant('mean', perChannel([...step.mean]))], `${output}_centred`);
        node('Div', [centred, constant('deviation', perChannel([...step.deviation]))], output);
        break;
      }
      case 'convolution': {
        const filter = constant(step.filter, filterChannelsFirst(valuesOf(weights, step.filter), step.depthwise));
        const bias = step.bias === null ? [] : [weight(step.bias)];
        const [before, after] = samePadding(sideBefore(step), step.kernel, step.stride);
        node('Conv', [input, filter, ...bias], output, {
          kernel_shape: { ints: [step.kernel, step.kernel] },
          strides: { ints: [step.stride, step.stride] },
          pads: { ints: [before, before, after, after] },
          group: { i: step.depthwise ? step.channels : 1 },
        });
        break;
      }
      case 'batch-norm': {
        const parts = ['gamma', 'beta', 'mean', 'variance'].map((part) => weight(`${step.name}/${part}`));
        node('BatchNormalization', [input, ...parts], output, { epsilon: { f: epsilon } });
        break;
      }
      case 'activation':
        activation(step.activation, input, output);
        break;
      case 'mean':
        if (step.side === null)
          node('Flatten', [node('GlobalAveragePool', [input], `${output}_pooled`)], output, { axis: { i: 1 } });
        else node('GlobalAveragePool', [input], output);
        break;
      case 'scale':
        node('Mul', [input, values[step.gates]!], output);
        break;
      case 'add':
        node('Add', [input, values[step.other]!], output);
        break;
      case 'classifier':
        node('Gemm', [input, weight(step.weights), weight(step.bias)], output);
        break;
    }
    values.push(output);
  }

  function activation(kind: (Step & { kind: 'activation' })['activation'], input: string, output: string): void {
    const number = (value: number): WeightTensor => ({ shape: [], values: Float32Array.of(value) });
    switch (kind) {
      case 'relu':
        node('Relu', [input], output);
        break;
      case 'relu6':
        node('Clip', [input, constant('zero', number(0)), constant('six', number(6))], output);
        break;
      case 'hswish':
        node('HardSwish', [input], output);
        break;
      case 'hsigmoid':
        node('HardSigmoid', [input], output, { alpha: { f: 1 / 6 }, beta: { f: 0.5 } });
        break;
    }
  }

  return modelType
    .encode(
      modelType.fromObject({
        irVersion,
        producerName: 'greedynas',
        producerVersion: options.producerVersion,
        opsetImport: [{ domain: '', version: onnxOpset }],
        metadataProps: Object.entries(options.metadata).map(([key, value]) => ({ key, value })),
        graph: {
          name: 'greedynas',
          node: nodes,
          initializer: initializers,
          ...endpoints(program),
        },
      }),
    )
    .finish();
}

function endpoints({ resolution, classes }: Program): object {
  const info = (name: string, sizes: number[], docString: string): object => ({
    name,
    docString,
    type: {
      tensorType: {
        elemType: float,
        shape: { dim: [{ dimParam: 'batch' }, ...sizes.map((dimValue) => ({ dimValue }))] },
      },
    },
  });
  return {
    input: [info('images', [3, resolution, resolution], 'RGB, scaled to [0, 1]; normalised inside')],
    output: [info('logits', [classes], 'before softmax')],
  };
}

/** Zeros before and after each row and column, as TensorFlow pads for SAME. */
export function samePadding(side: number, kernel: number, stride: number): [number, number] {
  const total = Math.max(0, (Math.ceil(side / stride) - 1) * stride + kernel - side);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
