/**
 * Names of the outputs of every TensorFlow op that the graph uses, from TensorFlow's op definitions.
 *
 * Inside a function body a tensor is referred to as `node:output_name:index`, where the index counts within one named
 * output, so these names must be known; in the main graph `node:index` is enough.
 */

/** A name that ends in `*` is a list: it holds all remaining outputs. */
const outputNames: Readonly<Record<string, readonly string[]>> = {
  AddV2: ['z'],
  AssignAddVariableOp: [],
  AssignVariableOp: [],
  BatchDatasetV2: ['handle'],
  BatchMatMulV2: ['output'],
  BiasAdd: ['output'],
  BiasAddGrad: ['output'],
  BroadcastTo: ['output'],
  Case: ['output*'],
  Cast: ['y'],
  CheckNumerics: ['output'],
  ConcatV2: ['output'],
  Const: ['output'],
  Conv2D: ['output'],
  Conv2DBackpropFilter: ['output'],
  Conv2DBackpropInput: ['output'],
  DatasetToSingleElement: ['components*'],
  DecodeAndCropJpeg: ['image'],
  DecodeImage: ['image'],
  DecodeJpeg: ['image'],
  DeepCopy: ['y'],
  DepthwiseConv2dNative: ['output'],
  DepthwiseConv2dNativeBackpropFilter: ['output'],
  DepthwiseConv2dNativeBackpropInput: ['output'],
  EnsureShape: ['output'],
  ExpandDims: ['output'],
  Fill: ['output'],
  FusedBatchNormGradV3: ['x_backprop', 'scale_backprop', 'offset_backprop', 'reserve_space_4', 'reserve_space_5'],
  FusedBatchNormV3: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2', 'reserve_space_3'],
  GreaterEqual: ['z'],
  Identity: ['output'],
  InTopKV2: ['precision'],
  IsFinite: ['y'],
  L2Loss: ['output'],
  LogicalAnd: ['z'],
  IteratorGetNext: ['components*'],
  IteratorV2: ['handle'],
  MakeIterator: [],
  MatMul: ['product'],
  Mean: ['output'],
  Mul: ['z'],
  Neg: ['y'],
  OneHot: ['output'],
  Pack: ['output'],
  ParallelMapDatasetV2: ['handle'],
  ParseSingleExample: ['dense_values*'],
  Placeholder: ['output'],
  PrefetchDataset: ['handle'],
  PrivateThreadPoolDataset: ['handle'],
  ReadFile: ['contents'],
  ReadVariableOp: ['value'],
  RealDiv: ['z'],
  Relu6: ['activations'],
  Relu6Grad: ['backprops'],
  Relu: ['activations'],
  ReluGrad: ['backprops'],
  Reshape: ['output'],
  ResizeBilinear: ['resized_images'],
  ResourceApplyAdam: [],
  ResourceApplyMomentum: [],
  ResourceApplyRMSProp: [],
  RestoreV2: ['tensors*'],
  ReverseV2: ['output'],
  SaveV2: [],
  ScaleAndTranslate: ['resized_images'],
  SelectV2: ['output'],
  Shape: ['output'],
  Slice: ['output'],
  SoftmaxCrossEntropyWithLogits: ['loss', 'backprop'],
  Squeeze: ['output'],
  SquaredDifference: ['z'],
  StatelessRandomNormal: ['output'],
  StatelessRandomUniform: ['output'],
  StringJoin: ['output'],
  StridedSlice: ['output'],
  Sub: ['z'],
  Substr: ['output'],
  Sum: ['output'],
  TakeDataset: ['handle'],
  TensorSliceDataset: ['handle'],
  TFRecordDatasetV2: ['handle'],
  Unpack: ['output*'],
  VarHandleOp: ['resource'],
  ZerosLike: ['y'],
};

/** How a function body refers to output `index` of an operation: `output_name:index`. */
export function outputReference(op: string, index: number): string {
  const names = outputNames[op];
  if (names === undefined) throw new Error(`the outputs of op ${op} are not in the table of src/graph/signatures.ts`);
  const last = names[names.length - 1];
  if (last?.endsWith('*') && index >= names.length - 1) return `${last.slice(0, -1)}:${index - names.length + 1}`;
  const name = names[index];
  if (name === undefined) throw new Error(`op ${op} has no output ${index}`);
  return `${name}:0`;
}
