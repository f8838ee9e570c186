/**
 * Regularised (aging) evolution (Real, Aggarwal, Huang and Le, "Regularized Evolution for Image Classifier Architecture
 * Search", 2019, algorithm 1): the best of a random sample has one mutated child, and the oldest of the population dies.
 *
 * Different from the paper: a child is always new, since an evaluation is dear and would give the same scores again; and
 * the first population may come from the candidate pool.
 */
import { z } from 'zod';
import { type RandomStream, restoreStream } from '../random/stream.ts';
import { listSchema, pathSchema, readSaved, savedStateError, streamStateSchema } from '../sampling/saved-state.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { createBudgetedSearch } from './budgeted.ts';
import { drawNewPaths } from './distinct-paths.ts';
import { createCachedEvaluator, rankCandidates, restoreCandidate, savedCandidateSchema } from './evaluator.ts';
import { checkEvaluated, requireInteger, usableHead } from './generations.ts';
import { limitedPaths } from './limits.ts';
import type { Search, SearchOptions } from './search.ts';

export interface RegularizedEvolutionOptions extends SearchOptions {
  /** Paths of the first population, best first; random ones fill it up. */
  readonly initial: readonly Path[];
  /** Paths alive, from 1. */
  readonly population: number;
  /** Paths of the sample whose best is the parent, from 1; drawn with replacement, as in the paper. */
  readonly tournament: number;
  /** Evaluations, the first population included, from 1. */
  readonly evaluations: number;
}

/** Tries to find a new child of the parents drawn, before a random path takes its place. */
const childTries = 100;

/**
 * Since every child enters the population and the oldest leaves it, the population is the last `population` paths
 * evaluated.
 *
 * Throws GreedynasError (usage) for options out of range and for limits that no path keeps, before any evaluation;
 * (io) for a state that is damaged or of another space or limits.
 */
export function createRegularizedEvolution(options: RegularizedEvolutionOptions): Search {
  for (const key of ['population', 'tournament', 'evaluations'] as const) requireInteger(key, options[key], 1);
  const { space, evaluate, objective, population, evaluations } = options;
  const paths = limitedPaths(space, options.limits);
  const saved = options.state === undefined ? null : readState(options, options.state);
  const stream = saved === null ? options.stream : restoreStream(saved.stream);
  const known = saved?.evaluated.map((candidate) => restoreCandidate(space, candidate)) ?? [];
  const evaluator = createCachedEvaluator({ space, evaluate, known });
  const isNew = (path: Path): boolean => paths.fits(path) && !evaluator.has(path);
  const first = saved?.first ?? firstPopulation();

  function firstPopulation(): readonly Path[] {
    const wanted = Math.min(population, evaluations);
    const head = usableHead(space, options.initial, paths.fits, wanted);
    const own = new Set(head.map(pathKey));
    return [...head, ...drawNewPaths(paths, (path) => own.has(pathKey(path)), wanted - head.length, stream)];
  }

  /** A new path; null if there is none. */
  function propose(): Path | null {
    const seed = first[evaluator.candidates().length];
    if (seed !== undefined) return seed;
    const alive = evaluator.candidates().slice(-population);
    for (let attempt = 0; attempt < childTries; attempt++) {
      const sample = Array.from({ length: options.tournament }, () => alive[stream.integer(alive.length)]!);
      const child = changeOneLayer(space, rankCandidates(sample, objective)[0]!.path, stream);
      if (isNew(child)) return child;
    }
    return drawNewPaths(paths, evaluator.has, 1, stream)[0] ?? null;
  }

  return createBudgetedSearch({
    evaluator,
    evaluations,
    objective,
    ended: saved?.ended ?? null,
    propose,
    state: () => ({
      method: 'regularized-evolution',
      first: first.map((path) => [...path]),
      stream: stream.state(),
    }),
  });
}

/** The path with another operation in one layer, all such paths equally likely within the layer drawn. */
function changeOneLayer(space: Space, path: Path, stream: RandomStream): Path {
  const layer = stream.integer(path.length);
  const others = space.layers[layer]!.operations.length - 1;
  if (others === 0) return path;
  return path.with(layer, (path[layer]! + 1 + stream.integer(others)) % (others + 1));
}

const stateName = 'state of the regularized evolution';

function readState({ space, limits, evaluations }: RegularizedEvolutionOptions, value: unknown) {
  const schema = z.strictObject({
    method: z.literal('regularized-evolution'),
    ended: z.enum(['complete', 'exhausted']).nullable(),
    first: z.array(pathSchema(space)).min(1),
    evaluated: listSchema(savedCandidateSchema(space)),
    stream: streamStateSchema,
  });
  const saved = readSaved(schema, value, stateName);
  checkEvaluated(stateName, space, limits, saved.evaluated, saved.first);
  for (const [index, { path }] of saved.evaluated.slice(0, saved.first.length).entries()) {
    if (path.join() !== saved.first[index]!.join()) {
      throw savedStateError(stateName, `evaluated[${index}]: must be of first[${index}]`);
    }
  }
  const full = saved.evaluated.length >= evaluations;
  if (full !== (saved.ended === 'complete')) throw savedStateError(stateName, 'ended: contradicts what is evaluated');
  return saved;
}
