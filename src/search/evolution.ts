/** Evolutionary search for the best paths within limits, started from the candidate pool (GreedyNAS; SPOS' search). */
import { GreedynasError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Path } from '../space/space.ts';
import { breed, crossOver, mutate } from './breeding.ts';
import { type Candidate, rankCandidates } from './evaluator.ts';
import {
  createGenerations,
  type GenerationOptions,
  type GenerationSearch,
  type GenerationState,
  requireInteger,
  requireProbability,
} from './generations.ts';

export interface EvolutionOptions extends GenerationOptions {
  /** Parents: the best of everything evaluated so far; the paper's 10. */
  readonly topK: number;
  /** Children of a generation by mutation; the paper's 25. */
  readonly mutations: number;
  /** Probability with which each layer mutates, 0 … 1; the paper's 0.1. */
  readonly mutationProbability: number;
  /** Children of a generation by crossover; the paper's 25. */
  readonly crossovers: number;
}

/**
 * Runs the evolution to its end and returns every path evaluated, best first; at most population · generations. Calls
 * `onGeneration` after each generation with the state to save; the last one's `ended` says whether all generations ran
 * or every path within the limits had been evaluated before (`exhausted`).
 */
export function evolve(
  options: EvolutionOptions & { readonly onGeneration?: (state: GenerationState) => void },
): readonly Candidate[] {
  const evolution = createEvolution(options);
  let completed = evolution.completed;
  while (evolution.next() !== null) {
    if (evolution.completed === completed) continue;
    completed = evolution.completed;
    options.onGeneration?.(evolution.state());
  }
  return evolution.ranked();
}

/**
 * Each generation but the first (generations.ts) has children of the best `topK` so far: `mutations`, then `crossovers`,
 * each new and within the limits or dropped, at most 10 tries for each wanted. Throws as `createGenerations` does.
 */
export function createEvolution(options: EvolutionOptions): GenerationSearch {
  checkOptions(options);
  const { space, topK, mutations, mutationProbability, crossovers, objective } = options;
  return createGenerations(
    {
      name: 'evolution',
      what: 'evolution',
      breed({ candidates, isNew, stream, children }) {
        const parents = rankCandidates(candidates, objective)
          .slice(0, topK)
          .map(({ path }) => path);
        const parent = (): Path => parents[stream.integer(parents.length)]!;
        breed(children, mutations, () => mutate(space, parent(), mutationProbability, stream), isNew);
        breed(children, crossovers, () => crossOver(...twoOf(parents, stream), stream), isNew);
      },
    },
    options,
  );
}

/** Two different ones, where there are two. */
function twoOf(parents: readonly Path[], stream: RandomStream): [Path, Path] {
  const first = stream.integer(parents.length);
  const other = parents.length === 1 ? first : (first + 1 + stream.integer(parents.length - 1)) % parents.length;
  return [parents[first]!, parents[other]!];
}

function checkOptions(options: EvolutionOptions): void {
  const { population, mutations, crossovers } = options;
  requireInteger('population', population, 1);
  requireInteger('topK', options.topK, 1);
  requireInteger('mutations', mutations, 0);
  requireInteger('crossovers', crossovers, 0);
  requireProbability('mutationProbability', options.mutationProbability);
  if (mutations + crossovers > population) {
    throw new GreedynasError(
      'usage',
      `search.population: must be at least search.mutations + search.crossovers (${mutations + crossovers}), got ${population}`,
    );
  }
}
