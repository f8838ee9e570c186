/** The search methods by name: what of a run's config each is made from. */
import type { RunConfig } from '../config/schema.ts';
import type { Path } from '../space/space.ts';
import { createEvolution } from './evolution.ts';
import { createNsga2 } from './nsga2.ts';
import { createRandomSearch } from './random.ts';
import { createRegularizedEvolution } from './regularized-evolution.ts';
import type { Search, SearchOptions } from './search.ts';

/** Evaluations of a search at most, whatever its method: so methods compare at equal cost. */
export function searchLength({ population, generations }: Pick<RunConfig['search'], 'population' | 'generations'>) {
  return population * generations;
}

/** The search that `settings` ask for. `pool`: the candidate pool, best first. */
export function createSearch(settings: RunConfig['search'], pool: readonly Path[], options: SearchOptions): Search {
  const { method, objective } = settings;
  const initial = settings.initial === 'pool' ? pool : [];
  const common = { ...options, objective };
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
