/**
 * The loader of images that lie in files: tf.data in the training graph, which reads, decodes and augments by a plan that JavaScript feeds.
 *
 * TensorFlow's own threads decode while JavaScript is blocked in a training step, and pixels never pass through
 * JavaScript. Which image, which part of it and whether it is mirrored stands in the plan, row by row, so the batches are
 * a function of the plan alone: not of the number of threads, nor of where a run was stopped.
 */
import type { PartType } from '../graph/function-body.ts';
import { ensureShape, type Graph, type Scope, type Tensor } from '../graph/graph.ts';
import { type MapFunction, mapFunction } from '../graph/map-function.ts';
import { cast } from '../graph/ops/arithmetic.ts';
import { addImageOperations, operationValues } from '../graph/ops/augmentation.ts';
import {
  batchDataset,
  type Dataset,
  datasetIterator,
  flatMapDataset,
  mapDataset,
  oneElementDataset,
  prefetchDataset,
  privateThreads,
  recordAt,
  singleElement,
  sliceRowsDataset,
  zipDatasets,
} from '../graph/ops/datasets.ts';
import {
  cropAndDecodeJpeg,
  cut,
  decodeImage,
  mirrored,
  resizeTo,
  scaleAndCut,
  toBytes,
} from '../graph/ops/decoding.ts';
import { encodedImage, oneOf, readFile, substring } from '../graph/ops/files.ts';
import { assign } from '../graph/ops/running-average.ts';
import { sliceOf, unstack } from '../graph/ops/shapes.ts';
import { attribute } from '../graph/types.ts';

/** How the images of a data set are stored; fixed when the graph is compiled. */
export interface StoredImages {
  /** `jpeg`: all of them, so that parts of an image can be decoded; `any`: also PNG, BMP, GIF. */
  readonly encoding: 'jpeg' | 'any';
  /** `records`: `tf.train.Example` records of TFRecord files; `files`: an image a file. */
  readonly container: 'records' | 'files';
}

/** What may be done to training images after they were cut out, scaled and mirrored. */
export interface LoaderOperations {
  /** How many operations the plan names for each image. */
  readonly count: number;
  /** What is seen beside an image that was moved, for each colour in 0 … 255. */
  readonly fill: readonly number[];
}

/** Batches that are ready before they are asked for. Memory: these, one being filled, and one at hand. */
const prefetchedBatches = 3;

export const loaderFeeds = {
  names: 'plan/names:0',
  file: 'plan/file:0',
  offset: 'plan/offset:0',
  labels: 'plan/labels:0',
  boxes: 'plan/boxes:0',
  flips: 'plan/flips:0',
  operations: 'plan/operations:0',
  values: 'plan/values:0',
  rows: 'plan/rows:0',
  scale: 'plan/scale:0',
  corner: 'plan/corner:0',
  batch: 'plan/batch:0',
  workers: 'plan/workers:0',
} as const;

export const loaderFetches = {
  start: ['loader/start:0'],
  keep: ['loader/keep:0'],
  startKept: ['loader/start_kept:0'],
  advance: ['loader/advance:0'],
} as const;

export interface Loader {
  /** The mini-batch at hand: uint8 `[batch, resolution, resolution, 3]` and int32 `[batch]`. */
  readonly images: Tensor;
  readonly labels: Tensor;
  /** All images of the fed stack plan, in the same form. */
  readonly stack: { readonly images: Tensor; readonly labels: Tensor };
}

/** The bytes of an image, and the other columns of its row. */
type Located = readonly [encoded: Tensor, others: readonly Tensor[]];

/**
 * Adds the loader and its endpoints: `start` takes up a training plan and `advance` brings the next mini-batch. Where images are
 * records, `keep` reads them into memory once and `startKept` takes up a plan of those: opening a file at a record's place, and finding
 * the image in the record, take longer than decoding an image of 64 px (measured: 0.13 against 0.04 ms).
 */
export function addLoader(
  graph: Graph,
  resolution: number,
  { container, encoding }: StoredImages,
  operations?: LoaderOperations,
): Loader {
  const scope = graph.main;
  /** The feed's memory is JavaScript's; the copy is what the data set may hold on to. */
  const column = (name: string, dtype: 'int32' | 'int64' | 'uint8' | 'float32', width?: number): Tensor => {
    const fed = graph.placeholder(`plan/${name}`, dtype, width === undefined ? [-1] : [-1, width]);
    return scope.addOne('DeepCopy', {
      inputs: [fed],
      attributes: { T: attribute.type(dtype) },
      dtype,
      shape: fed.shape,
    });
  };
  const names = scope.addOne('StringJoin', {
    inputs: [graph.placeholder('plan/names', 'string', [])],
    attributes: { N: attribute.int(1), separator: attribute.text('') },
    dtype: 'string',
    shape: [],
  });
  const rows = [column('file', 'int32', 2), column('offset', 'int64'), column('labels', 'int32')] as const;
  const workers = cast(scope, graph.placeholder('plan/workers', 'int32', []), 'int64');
  const batch = cast(scope, graph.placeholder('plan/batch', 'int32', []), 'int64');
  /**
   * The rows of a plan, and how a function that maps them gets at the bytes of an image and at the other columns. Records are read in a
   * step of their own: taken out of their data set within that function, they would make it stateful, and where TensorFlow is to be
   * deterministic tf.data then runs everything in one thread, when it is asked for (measured: half the images/s, nothing beside a step).
   */
  const located = (name: string, others: readonly Tensor[]) => {
    const planned = sliceRowsDataset(scope, [...rows, ...others]);
    if (container === 'files') {
      const bytes = (body: Scope, [file, , ...rest]: readonly Tensor[]): Located => [
        readFile(body, substring(body, names, file!)),
        rest,
      ];
      return { source: planned, bytes };
    }
    const elements: PartType[] = [{ dtype: 'string', shape: [] }, ...planned.parts.slice(2)];
    const reading = mapFunction(scope, name, planned.parts, (body, [file, offset, ...rest]) => {
      const record = recordAt(body, substring(body, names, file!), offset!);
      return [zipDatasets(body, [record, oneElementDataset(body, rest)]).handle];
    });
    const bytes = (body: Scope, [record, ...rest]: readonly Tensor[]): Located => [encodedImage(body, record!), rest];
    return { source: flatMapDataset(scope, planned, reading, elements), bytes };
  };

  const { count = 0, fill = [] } = operations ?? {};
  const operate = count === 0 ? null : addImageOperations(scope, resolution, fill);
  const decided = [
    column('boxes', 'int32', 4),
    column('flips', 'uint8'),
    ...(operate === null
      ? []
      : [column('operations', 'int32', count), column('values', 'float32', count * operationValues)]),
  ];
  const training = located('loader_read_training', decided);
  const augmented = (body: Scope, [encoded, others]: Located): readonly Tensor[] => {
    const [label, box, flip, numbers, values] = others as readonly [Tensor, Tensor, Tensor, ...Tensor[]];
    const part =
      encoding === 'jpeg' ? cropAndDecodeJpeg(body, encoded, box) : cut(body, decodeImage(body, encoded), box);
    let image = mirrored(body, resizeTo(body, part, resolution), flip);
    if (operate !== null) {
      for (const [position, number] of unstack(body, numbers!).entries()) {
        image = operate(body, image, number, sliceOf(body, values!, position * operationValues, operationValues));
      }
    }
    return [image, label];
  };
  const size = [resolution, resolution, 3];
  const inBatches = (source: Dataset, augment: MapFunction): Dataset => {
    const batches = batchDataset(scope, mapDataset(scope, source, augment, workers), batch);
    return privateThreads(scope, prefetchDataset(scope, batches, prefetchedBatches), workers);
  };
  const read = inBatches(
    training.source,
    mapFunction(scope, 'loader_augment', training.source.parts, (body, parts) =>
      augmented(body, training.bytes(body, parts)),
    ),
  );
  const iterator = datasetIterator(scope, read, 'loader');
  graph.output('loader/start', scope.constant(0, 'float32'), [iterator.start(read)]);

  const unsaved = { trainable: false, saved: false } as const;
  if (container === 'records') {
    const kept = graph.variable('loader/kept', { ...unsaved, dtype: 'string', shape: [-1] });
    const all = located('loader_read_kept', []);
    const bytesOf = mapFunction(scope, 'loader_keep', all.source.parts, (body, parts) => [all.bytes(body, parts)[0]]);
    const every = batchDataset(scope, mapDataset(scope, all.source, bytesOf, workers), batch);
    const [strings] = singleElement(scope, privateThreads(scope, every, workers));
    graph.output('loader/keep', scope.constant(0, 'float32'), [assign(scope, kept, strings!)]);

    const images = scope.read(kept);
    const planned = sliceRowsDataset(scope, [column('rows', 'int32'), rows[2], ...decided]);
    const augment = mapFunction(scope, 'loader_augment_kept', planned.parts, (body, [row, ...others]) =>
      augmented(body, [oneOf(body, images, row!), others]),
    );
    graph.output('loader/start_kept', scope.constant(0, 'float32'), [iterator.start(inBatches(planned, augment))]);
  }

  const images = graph.variable('loader/images', { ...unsaved, dtype: 'uint8', shape: [-1, ...size] });
  const labels = graph.variable('loader/labels', { ...unsaved, dtype: 'int32', shape: [-1] });
  const [nextImages, nextLabels] = iterator.next as readonly [Tensor, Tensor];
  graph.output('loader/advance', scope.constant(0, 'float32'), [
    assign(scope, images, nextImages),
    assign(scope, labels, nextLabels),
  ]);

  const scored = located('loader_read_scored', [column('scale', 'float32', 2), column('corner', 'float32', 2)]);
  const present = mapFunction(scope, 'loader_present', scored.source.parts, (body, parts) => {
    const [encoded, others] = scored.bytes(body, parts);
    const [label, scale, corner] = others as readonly [Tensor, Tensor, Tensor];
    const image = decodeImage(body, encoded);
    return [toBytes(body, scaleAndCut(body, image, scale, corner, resolution)), label];
  });
  const presented = batchDataset(scope, mapDataset(scope, scored.source, present, workers), batch);
  const [stackImages, stackLabels] = singleElement(scope, privateThreads(scope, presented, workers));
  return {
    images: ensureShape(scope, scope.read(images), [-1, ...size]),
    labels: ensureShape(scope, scope.read(labels), [-1]),
    stack: { images: stackImages!, labels: stackLabels! },
  };
}
