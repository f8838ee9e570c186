/** Scores paths of a supernet: on the images of the search, or on those of the comparison that ends it. */
import { comparisonImages, seenImages } from '../config/held-out.ts';
import type { RunConfig } from '../config/schema.ts';
import { takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import type { Path } from '../space/space.ts';
import type { Scores, Supernet } from '../supernet/supernet.ts';

export type ScoredImages = 'search' | 'comparison';

/** Recalibrates a path's batch norm and scores it. */
export type Scorer = (images: ScoredImages, path: Path) => Scores;

/** `supernet` has its weights; this loads its calibration and validation stacks. */
export function createScorer(supernet: Supernet, config: RunConfig, data: DataSet): Scorer {
  const { search, seed } = config;
  supernet.loadStack('calibration', takeStack(data.train, search.calibrationImages, seed));
  const stacks = {
    search: () => takeStack(data.validation, search.validationImages, seed),
    comparison: () => takeStack(data.validation, comparisonImages(config), seed, seenImages(config)),
  };
  // Only one of them is on the device at a time: a search asks for one, then for the other.
  let loaded: ScoredImages | null = null;
  return (images, path) => {
    if (loaded !== images) {
      supernet.loadStack('validation', stacks[images]());
      loaded = images;
    }
    supernet.recalibrate(path);
    return supernet.evaluate(path);
  };
}
