/** The predictor of a search on a supernet: the model that its settings name, on paths of its space. */
import type { RunConfig } from '../config/schema.ts';
import { loadAddon } from '../engine/addon.ts';
import type { Path, Space } from '../space/space.ts';
import { createMlp } from './mlp.ts';
import { createNeuralPredictor } from './neural-predictor.ts';
import { pathGraphs, pathVectors } from './path-encoding.ts';
import type { Predictor } from './predictor.ts';

/** Compiles it, beside whatever else runs in the engine of this process; about 0.3 s. */
export function createPathPredictor({ search, engine }: RunConfig, space: Space): Predictor<Path> {
  const binding = loadAddon(engine);
  const graph = search.method === 'neural-predictor' || search.predictor.model === 'graph';
  return graph ? createNeuralPredictor(binding, pathGraphs(space)) : createMlp(binding, pathVectors(space));
}
