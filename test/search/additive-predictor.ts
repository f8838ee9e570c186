/** A predictor without TensorFlow: what an operation is worth is the mean of the examples that have it there, and a path the sum. */
import type { Predictor } from '../../src/predictors/predictor.ts';
import type { Path, Space } from '../../src/space/space.ts';

export interface AdditivePredictor extends Predictor<Path> {
  /** Targets of every fit. */
  readonly fits: (readonly number[])[];
  /** How many paths each scan had. */
  readonly scans: number[];
}

export function createAdditivePredictor(space: Space): AdditivePredictor {
  let worth: readonly (readonly number[])[] = [];
  const fits: (readonly number[])[] = [];
  const scans: number[] = [];
  return {
    fits,
    scans,
    fit(networks, targets, seed) {
      fits.push([...targets]);
      const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
      worth = space.layers.map(({ operations }, layer) =>
        operations.map((_, operation) => {
          const own = targets.filter((_, index) => networks[index]![layer] === operation);
          // The seed shows in the last digits, as it does in a real one.
          return (
            own.reduce((sum, target) => sum + target - mean, 0) / (own.length + 1) + (seed % 97) * 1e-9 * operation
          );
        }),
      );
    },
    predict(networks) {
      scans.push(networks.length);
      return Float32Array.from(networks, (path) =>
        path.reduce((sum, operation, layer) => sum + worth[layer]![operation]!, 0),
      );
    },
    close() {},
  };
}
