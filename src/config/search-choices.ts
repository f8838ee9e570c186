/** The names that `search.method` and `search.objectives` take. */

export const searchMethods = [
  'evolution',
  'nsga2',
  'regularized-evolution',
  'random',
  'weaknas',
  'neural-predictor',
] as const;
export type SearchMethod = (typeof searchMethods)[number];

/** The methods that learn a predictor of accuracy from the paths that they have evaluated. */
export type PredictorMethod = Extract<SearchMethod, 'weaknas' | 'neural-predictor'>;

/** Whether a method learns a predictor. */
export function learnsPredictor(method: SearchMethod): method is PredictorMethod {
  return method === 'weaknas' || method === 'neural-predictor';
}

/** What predicts: WeakNAS' perceptron, or the Neural Predictor's graph network. */
export const predictorModels = ['perceptron', 'graph'] as const;

const qualityNames = ['error', 'loss'] as const;

/** What a search may trade off, all to be small: 1 − top1, the loss, and the costs. */
export const objectiveNames = [...qualityNames, 'flops', 'params', 'latency'] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

/** What must hold of `search.objectives`. */
export const allowedObjectives =
  'one of error and loss, and one or more of flops, params and latency, such as [error, flops]';

/** Whether these are what `allowedObjectives` says. */
export function areObjectives(names: readonly ObjectiveName[]): boolean {
  const qualities = names.filter((name) => qualityNames.some((quality) => quality === name));
  return qualities.length === 1 && names.length > 1 && new Set(names).size === names.length;
}
