/** tf.data inside the graph: data sets of fed tensors, mapped in parallel, batched, prefetched, and handed out by an iterator. */
import type { PartType } from '../function-body.ts';
import type { Operation, Scope, Tensor } from '../graph.ts';
import type { MapFunction } from '../map-function.ts';
import { attribute } from '../types.ts';

/** A tf.data data set: its variant tensor, and the types of the parts of each element. */
export interface Dataset {
  readonly handle: Tensor;
  readonly parts: readonly PartType[];
}

function elementAttributes(parts: readonly PartType[]) {
  return {
    output_types: attribute.types(parts.map(({ dtype }) => dtype)),
    output_shapes: attribute.shapes(parts.map(({ shape }) => shape)),
  };
}

function variant(
  scope: Scope,
  op: string,
  inputs: readonly Tensor[],
  attributes: Parameters<Scope['addOne']>[1]['attributes'],
): Tensor {
  return scope.addOne(op, { inputs, ...(attributes ? { attributes } : {}), dtype: 'variant', shape: [] });
}

const int64 = (scope: Scope, value: number): Tensor => scope.constant(value, 'int64');

/** One element for each row of the tensors. */
export function sliceRowsDataset(scope: Scope, tensors: readonly Tensor[]): Dataset {
  const parts = tensors.map(({ dtype, shape }) => ({ dtype, shape: shape === null ? null : shape.slice(1) }));
  const { output_types, output_shapes } = elementAttributes(parts);
  const handle = variant(scope, 'TensorSliceDataset', tensors, {
    Toutput_types: output_types,
    output_shapes,
    is_files: attribute.bool(false),
    metadata: attribute.text(''),
  });
  return { handle, parts };
}

/** Applies a function to each element, `workers` (an int64 scalar) at a time; the order stays. */
export function mapDataset(scope: Scope, source: Dataset, mapped: MapFunction, workers: Tensor): Dataset {
  const handle = variant(scope, 'ParallelMapDatasetV2', [source.handle, ...mapped.captures, workers], {
    f: attribute.function(mapped.name),
    Targuments: attribute.types(mapped.captures.map(({ dtype }) => dtype)),
    ...elementAttributes(mapped.results),
    use_inter_op_parallelism: attribute.bool(true),
    deterministic: attribute.text('true'),
    preserve_cardinality: attribute.bool(true),
    metadata: attribute.text(''),
  });
  return { handle, parts: mapped.results };
}

/** `size` (an int64 scalar) elements at a time; the last batch may be smaller. */
export function batchDataset(scope: Scope, source: Dataset, size: Tensor): Dataset {
  const parts = source.parts.map(({ dtype, shape }) => ({ dtype, shape: shape === null ? null : [-1, ...shape] }));
  const handle = variant(scope, 'BatchDatasetV2', [source.handle, size, scope.constant([0], 'bool', [])], {
    parallel_copy: attribute.bool(true),
    ...elementAttributes(parts),
    metadata: attribute.text(''),
  });
  return { handle, parts };
}

/** Makes up to `count` elements before they are asked for. */
export function prefetchDataset(scope: Scope, source: Dataset, count: number): Dataset {
  const handle = variant(scope, 'PrefetchDataset', [source.handle, int64(scope, count)], {
    ...elementAttributes(source.parts),
    slack_period: attribute.int(0),
    legacy_autotune: attribute.bool(false),
    buffer_size_min: attribute.int(0),
    metadata: attribute.text(''),
  });
  return { handle, parts: source.parts };
}

/** Runs the data set's work in `threads` (an int64 scalar) threads of its own, not in those of the training step. */
export function privateThreads(scope: Scope, source: Dataset, threads: Tensor): Dataset {
  const attributes = elementAttributes(source.parts);
  return {
    handle: variant(scope, 'PrivateThreadPoolDataset', [source.handle, threads], attributes),
    parts: source.parts,
  };
}

/** The only element of a data set, for use in the main graph or in a function body. An error if it has none or more. */
export function singleElement(scope: Scope, { handle, parts }: Dataset): Tensor[] {
  return scope.add('DatasetToSingleElement', {
    inputs: [handle],
    attributes: { ...elementAttributes(parts), metadata: attribute.text('') },
    outputs: parts,
  }).outputs;
}

/** The elements of the data sets that a function makes of each element, one after another. `parts`: those of its elements. */
export function flatMapDataset(
  scope: Scope,
  source: Dataset,
  mapped: MapFunction,
  parts: readonly PartType[],
): Dataset {
  const handle = variant(scope, 'FlatMapDataset', [source.handle, ...mapped.captures], {
    f: attribute.function(mapped.name),
    Targuments: attribute.types(mapped.captures.map(({ dtype }) => dtype)),
    ...elementAttributes(parts),
    metadata: attribute.text(''),
  });
  return { handle, parts };
}

/** The parts of an element of each, as one element. */
export function zipDatasets(scope: Scope, sources: readonly Dataset[]): Dataset {
  const parts = sources.flatMap((source) => source.parts);
  const inputs = sources.map(({ handle }) => handle);
  const attributes = { N: attribute.int(sources.length), ...elementAttributes(parts), metadata: attribute.text('') };
  return { handle: variant(scope, 'ZipDataset', inputs, attributes), parts };
}

/** One element of these tensors. */
export function oneElementDataset(scope: Scope, tensors: readonly Tensor[]): Dataset {
  return sliceRowsDataset(
    scope,
    tensors.map((tensor) => oneRow(scope, tensor)),
  );
}

function oneRow(scope: Scope, tensor: Tensor): Tensor {
  return scope.addOne('ExpandDims', {
    inputs: [tensor, scope.constant(0, 'int32')],
    attributes: { T: attribute.type(tensor.dtype), Tdim: attribute.type('int32') },
    dtype: tensor.dtype,
    shape: tensor.shape === null ? null : [1, ...tensor.shape],
  });
}

/**
 * The record that begins at byte `offset` (int64 scalar) of a TFRecord file, a string scalar, as a data set of one element; both of its
 * CRCs are checked.
 *
 * @param file a string scalar
 */
export function recordAt(scope: Scope, file: Tensor, offset: Tensor): Dataset {
  const parts: readonly PartType[] = [{ dtype: 'string', shape: [] }];
  // Without a buffer it reads the 12 bytes of the header, then the record: no byte too many.
  const rest = variant(
    scope,
    'TFRecordDatasetV2',
    [oneRow(scope, file), scope.constant([''], 'string', []), int64(scope, 0), oneRow(scope, offset)],
    { metadata: attribute.text('') },
  );
  const handle = variant(scope, 'TakeDataset', [rest, int64(scope, 1)], {
    ...elementAttributes(parts),
    metadata: attribute.text(''),
  });
  return { handle, parts };
}

export interface DatasetIterator {
  /** Adds an operation that starts over with a data set of the same elements, as it is fed in that run. */
  start(source: Dataset): Operation;
  /** The next element; fails with "End of sequence" after the last. */
  readonly next: readonly Tensor[];
}

/** An iterator of the main graph over data sets whose elements have these parts. `name` is unique in the process' graphs of one session. */
export function datasetIterator(scope: Scope, { parts }: Pick<Dataset, 'parts'>, name: string): DatasetIterator {
  const iterator = scope.addOne('IteratorV2', {
    attributes: { shared_name: attribute.text(name), container: attribute.text(''), ...elementAttributes(parts) },
    dtype: 'resource',
    shape: [],
  });
  const next = scope.add('IteratorGetNext', {
    inputs: [iterator],
    attributes: elementAttributes(parts),
    outputs: parts,
  }).outputs;
  return { start: ({ handle }) => scope.add('MakeIterator', { inputs: [handle, iterator] }), next };
}
