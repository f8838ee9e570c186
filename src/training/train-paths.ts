/** One optimiser step on one mini-batch: of a single path, or of several whose gradients are summed (FairNAS). */
import type { Path } from '../space/space.ts';
import { batchSize, type MiniBatch, type StepResult, type Supernet } from '../supernet/supernet.ts';

export interface PathsResult extends StepResult {
  /** Images that went forward and back: those of the batch once for each path. */
  readonly images: number;
}

/**
 * Trains the paths of one step: `loss` is the mean over the paths, `correct` their sum. Several paths need a supernet whose
 * recipe accumulates. Their gradients are summed, not averaged, as strict fairness has it.
 */
export function trainPaths(
  supernet: Pick<Supernet, 'trainStep' | 'accumulate' | 'update'>,
  paths: readonly Path[],
  batch: MiniBatch,
  learningRate: number,
  dropoutSeed: number,
): PathsResult {
  const images = batchSize(batch) * paths.length;
  const [first, ...others] = paths;
  if (first === undefined) throw new RangeError('a step needs a path');
  if (others.length === 0) return { ...supernet.trainStep(first, batch, learningRate, dropoutSeed), images };
  let loss = 0;
  let correct = 0;
  for (const path of paths) {
    const result = supernet.accumulate(path, batch, dropoutSeed);
    loss += result.loss / paths.length;
    correct += result.correct;
  }
  return { loss, correct, images, withheld: supernet.update(learningRate) };
}
