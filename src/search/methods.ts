/** The search methods by name: what of a run's config each is made from. */
import type { RunConfig } from '../config/schema.ts';
import { learnsPredictor } from '../config/search-choices.ts';
import type { Predictor } from '../predictors/predictor.ts';
import type { Path } from '../space/space.ts';
import { createEvolution } from './evolution.ts';
import { createNsga2 } from './nsga2.ts';
import { createPredictorSearch } from './predictor-search.ts';
import { createRandomSearch } from './random.ts';
import { createRegularizedEvolution } from './regularized-evolution.ts';
import type { Search, SearchOptions } from './search.ts';

/** Evaluations of a search at most, whatever its method: so methods compare at equal cost. */
export function searchLength({ population, generations }: Pick<RunConfig['search'], 'population' | 'generations'>) {
  return population * generations;
}

/**
 * The search that `settings` ask for. `pool`: the candidate pool, best first. `predictor`: for the methods that learn one; not
 * closed.
 */
export function createSearch(
  settings: RunConfig['search'],
  pool: readonly Path[],
  options: SearchOptions,
  predictor: Predictor<Path> | null = null,
): Search {
  const { method, objective } = settings;
  const initial = settings.initial === 'pool' ? pool : [];
  const common = { ...options, objective };
  if (learnsPredictor(method)) {
    if (predictor === null) throw new RangeError(`${method} needs a predictor`);
    const { topK, mutationProbability } = settings;
    const own = { ...settings.predictor, topK, mutationProbability, evaluations: searchLength(settings) };
    return createPredictorSearch({ ...own, ...common, initial, method, predictor });
  }
  switch (method) {
    case 'evolution':
      return createEvolution({ ...settings, ...common, initial });
    case 'nsga2':
      return createNsga2({ ...settings, ...common, initial });
    case 'regularized-evolution':
      return createRegularizedEvolution({ ...settings, ...common, initial, evaluations: searchLength(settings) });
    case 'random':
      return createRandomSearch({ ...common, count: searchLength(settings) });
  }
}
