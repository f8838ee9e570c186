/** RandAugment and colour jitter of training images that are fed: the loader's operations, in a data set of the mini-batch's rows. */
import type { Graph, Tensor } from '../graph/graph.ts';
import { mapFunction } from '../graph/map-function.ts';
import { cast } from '../graph/ops/arithmetic.ts';
import { addImageOperations, operationValues } from '../graph/ops/augmentation.ts';
import { batchDataset, mapDataset, privateThreads, singleElement, sliceRowsDataset } from '../graph/ops/datasets.ts';
import { sliceOf, unstack } from '../graph/ops/shapes.ts';
import { attribute } from '../graph/types.ts';

/**
 * What the operations make of uint8 images `[batch, side, side, 3]`, in TensorFlow's threads, before the step goes on. They are fed under
 * the names of the loader's plan (`loaderFeeds`), which a graph of fed images does not have.
 *
 * @param count operations that are fed for each image
 * @param fill what is seen beside an image that was moved, for each colour in 0 … 255
 */
export function addFedOperations(graph: Graph, images: Tensor, count: number, fill: readonly number[]): Tensor {
  const scope = graph.main;
  const side = images.shape?.[1] ?? -1;
  const operate = addImageOperations(scope, side, fill);
  const operations = graph.placeholder('plan/operations', 'int32', [-1, count]);
  const values = graph.placeholder('plan/values', 'float32', [-1, count * operationValues]);
  const workers = cast(scope, graph.placeholder('plan/workers', 'int32', []), 'int64');
  const rows = sliceRowsDataset(scope, [images, operations, values]);
  const mapped = mapFunction(scope, 'operate_on_fed', rows.parts, (body, [image, numbers, strengths]) => {
    let operated = image!;
    for (const [position, number] of unstack(body, numbers!).entries()) {
      const own = sliceOf(body, strengths!, position * operationValues, operationValues);
      operated = operate(body, operated, number, own);
    }
    return [operated];
  });
  // At least as many as there are images: one batch.
  const all = scope.addOne('Size', {
    inputs: [operations],
    attributes: { T: attribute.type('int32'), out_type: attribute.type('int64') },
    dtype: 'int64',
    shape: [],
  });
  const batch = batchDataset(scope, mapDataset(scope, rows, mapped, workers), all);
  const [operated] = singleElement(scope, privateThreads(scope, batch, workers));
  return operated!;
}
