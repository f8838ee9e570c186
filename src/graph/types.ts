/** Element types, shapes and attribute values of a graph, and their form on the wire. */
import type { AttributeProto, ListProto, ShapeProto, TensorProto } from './protocol.ts';

/** TensorFlow's DataType numbers (tensorflow/core/framework/types.proto). */
export const dtypeNumbers = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  int64: 9,
  bool: 10,
  quint8: 12,
  bfloat16: 14,
  resource: 20,
  variant: 21,
} as const;

export type DType = keyof typeof dtypeNumbers;

/** Sizes by dimension, −1 where unknown; `null` where even the rank is unknown. */
export type Shape = readonly number[] | null;

/** How many elements a shape has, or −1 if that is not known. */
export function elementCount(shape: Shape): number {
  if (shape === null || shape.includes(-1)) return -1;
  return shape.reduce((product, size) => product * size, 1);
}

/** The narrowest shape that both shapes agree with. */
export function mergeShapes(first: Shape, second: Shape): Shape {
  if (first === null || second === null || first.length !== second.length) return null;
  return first.map((size, dimension) => (size === second[dimension] ? size : -1));
}

export function shapeText(shape: Shape): string {
  return shape === null ? '[?]' : `[${shape.map((size) => (size < 0 ? '?' : size)).join(', ')}]`;
}

export function shapeProto(shape: Shape): ShapeProto {
  return shape === null ? { unknownRank: true } : { dim: shape.map((size) => ({ size })) };
}

/** Attribute values by kind, as op definitions name them. */
export const attribute = {
  type: (dtype: DType): AttributeProto => ({ type: dtypeNumbers[dtype] }),
  types: (dtypes: readonly DType[]): AttributeProto => ({
    list: { type: dtypes.map((dtype) => dtypeNumbers[dtype]) } satisfies ListProto,
  }),
  shape: (shape: Shape): AttributeProto => ({ shape: shapeProto(shape) }),
  shapes: (shapes: readonly Shape[]): AttributeProto => ({ list: { shape: shapes.map(shapeProto) } }),
  int: (value: number): AttributeProto => ({ i: value }),
  ints: (values: readonly number[]): AttributeProto => ({ list: { i: [...values] } }),
  float: (value: number): AttributeProto => ({ f: value }),
  bool: (value: boolean): AttributeProto => ({ b: value }),
  text: (value: string): AttributeProto => ({ s: Buffer.from(value) }),
  texts: (values: readonly string[]): AttributeProto => ({ list: { s: values.map((value) => Buffer.from(value)) } }),
  function: (name: string): AttributeProto => ({ func: { name } }),
  functions: (names: readonly string[]): AttributeProto => ({ list: { func: names.map((name) => ({ name })) } }),
  tensor: (tensor: TensorProto): AttributeProto => ({ tensor }),
};

/** Values that a constant can be made of: numbers for numeric types, text for strings. */
export type ConstantValues = readonly number[] | readonly string[];

/** A constant tensor on the wire. `values` are row-major and as many as the shape has elements. */
export function tensorProto(dtype: DType, shape: readonly number[], values: ConstantValues): TensorProto {
  if (values.length !== elementCount(shape)) {
    throw new RangeError(
      `constant of shape ${shapeText(shape)} needs ${elementCount(shape)} values, got ${values.length}`,
    );
  }
  const head = { dtype: dtypeNumbers[dtype], tensorShape: shapeProto(shape) };
  if (dtype === 'string') return { ...head, stringVal: values.map((value) => Buffer.from(String(value))) };
  return { ...head, tensorContent: packNumbers(dtype, values.map(Number)) };
}

function packNumbers(dtype: DType, values: number[]): Uint8Array {
  switch (dtype) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'int32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values);
    default:
      throw new TypeError(`a constant of type ${dtype} has no numbers`);
  }
}
