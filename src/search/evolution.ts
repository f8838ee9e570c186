/** Evolutionary search for the best paths within limits, started from the candidate pool (GreedyNAS; SPOS' search). */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { type RandomStream, restoreStream, type StreamState } from '../random/stream.ts';
import { countSchema, pathSchema, readSaved, savedStateError, streamStateSchema } from '../sampling/saved-state.ts';
import { pathKey, validatePath } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { breed, crossOver, mutate } from './breeding.ts';
import { drawNewPaths } from './distinct-paths.ts';
import {
  type Candidate,
  createCachedEvaluator,
  type Evaluate,
  type Objective,
  rankCandidates,
  restoreCandidate,
  type SavedCandidate,
  saveCandidate,
  savedCandidateSchema,
} from './evaluator.ts';
import { type Limits, limitedPaths } from './limits.ts';
import type { Search, SearchEnd } from './search.ts';

export interface EvolutionOptions {
  readonly space: Space;
  readonly limits: Limits;
  readonly evaluate: Evaluate;
  /**
   * Paths of the first generation, best first: the candidate pool. Those over the limits and repetitions are passed
   * over.
   */
  readonly initial: readonly Path[];
  /** Paths of a generation; the paper's 50. */
  readonly population: number;
  /** Generations, the first included; the paper's 20. */
  readonly generations: number;
  /** Parents: the best of everything evaluated so far; the paper's 10. */
  readonly topK: number;
  /** Children of a generation by mutation; the paper's 25. */
  readonly mutations: number;
  /** Probability with which each layer mutates, 0 … 1; the paper's 0.1. */
  readonly mutationProbability: number;
  /** Children of a generation by crossover; the paper's 25. */
  readonly crossovers: number;
  readonly stream: RandomStream;
  /** What ranks paths; default `top1` (evaluator.ts says why). */
  readonly objective?: Objective;
  /** What `state()` of an earlier search returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

export interface EvolutionState {
  readonly method: 'evolution';
  /** Generations that are wholly evaluated. */
  readonly completed: number;
  readonly ended: SearchEnd | null;
  /** Paths of the generation at work. */
  readonly population: readonly Path[];
  /** Whether no new path within the limits is left after this generation. */
  readonly lastPaths: boolean;
  /** Everything evaluated, in order. */
  readonly evaluated: readonly SavedCandidate[];
  readonly stream: StreamState;
}

export interface Evolution extends Search {
  /** Generations that are wholly evaluated. */
  readonly completed: number;
  /** The generation of the path that `next` returned last, from 0. */
  readonly generation: number;
  state(): EvolutionState;
}

/**
 * Runs the evolution to its end and returns every path evaluated, best first; at most population · generations. Calls
 * `onGeneration` after each generation with the state to save; the last one's `ended` says whether all generations ran
 * or every path within the limits had been evaluated before (`exhausted`).
 */
export function evolve(
  options: EvolutionOptions & { readonly onGeneration?: (state: EvolutionState) => void },
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
 * The first generation is the head of `initial`, topped up with random paths. Each later one has children of the best
 * `topK` so far: `mutations`, then `crossovers`, each new and within the limits or dropped, at most 10 tries for each
 * wanted, then random paths up to `population`. No path is evaluated twice. Ends early only when no new path exists.
 *
 * Throws GreedynasError (usage) for options out of range and for limits that no path keeps, before any evaluation;
 * (io) for a state that is damaged or of another space or limits.
 */
export function createEvolution(options: EvolutionOptions): Evolution {
  checkOptions(options);
  const { space, evaluate, generations, topK, objective } = options;
  const paths = limitedPaths(space, options.limits);
  const saved = options.state === undefined ? null : readState(options, options.state);
  const stream = saved === null ? options.stream : restoreStream(saved.stream);
  const known = saved?.evaluated.map((candidate) => restoreCandidate(space, candidate)) ?? [];
  const evaluator = createCachedEvaluator({ space, evaluate, known });
  let lastPaths = saved?.lastPaths ?? false;
  let population = saved?.population ?? firstGeneration();
  let completed = saved?.completed ?? 0;
  let ended = saved?.ended ?? null;
  let generation = completed;
  let position = population.findIndex((path) => !evaluator.has(path));

  function topUp(children: readonly Path[]): readonly Path[] {
    const own = new Set(children.map(pathKey));
    const isKnown = (path: Path): boolean => own.has(pathKey(path)) || evaluator.has(path);
    const filled = [...children, ...drawNewPaths(paths, isKnown, options.population - children.length, stream)];
    lastPaths = filled.length < options.population;
    return filled;
  }

  function firstGeneration(): readonly Path[] {
    for (const path of options.initial) validatePath(space, path);
    const distinct = new Map(options.initial.filter(paths.fits).map((path) => [pathKey(path), path]));
    return topUp([...distinct.values()].slice(0, options.population));
  }

  function nextGeneration(): readonly Path[] {
    const parents = rankCandidates(evaluator.candidates(), objective)
      .slice(0, topK)
      .map(({ path }) => path);
    const parent = (): Path => parents[stream.integer(parents.length)]!;
    const isNew = (child: Path): boolean => paths.fits(child) && !evaluator.has(child);
    const children = new Map<string, Path>();
    breed(children, options.mutations, () => mutate(space, parent(), options.mutationProbability, stream), isNew);
    breed(children, options.crossovers, () => crossOver(...twoOf(parents, stream), stream), isNew);
    return topUp([...children.values()]);
  }

  function closeGeneration(): void {
    completed += 1;
    if (lastPaths) ended = 'exhausted';
    else if (completed === generations) ended = 'complete';
    else startGeneration(nextGeneration());
  }

  function startGeneration(children: readonly Path[]): void {
    if (children.length === 0) {
      ended = 'exhausted';
      return;
    }
    population = children;
    position = 0;
  }

  return {
    next() {
      if (ended !== null) return null;
      const candidate = evaluator.evaluate(population[position]!);
      generation = completed;
      position += 1;
      if (position === population.length) closeGeneration();
      return candidate;
    },
    get ended() {
      return ended;
    },
    get evaluated() {
      return evaluator.candidates().length;
    },
    get completed() {
      return completed;
    },
    get generation() {
      return generation;
    },
    ranked: () => rankCandidates(evaluator.candidates(), objective),
    state: () => ({
      method: 'evolution',
      completed,
      ended,
      population: population.map((path) => [...path]),
      lastPaths,
      evaluated: evaluator.candidates().map(saveCandidate),
      stream: stream.state(),
    }),
  };
}

/** Two different ones, where there are two. */
function twoOf(parents: readonly Path[], stream: RandomStream): [Path, Path] {
  const first = stream.integer(parents.length);
  const other = parents.length === 1 ? first : (first + 1 + stream.integer(parents.length - 1)) % parents.length;
  return [parents[first]!, parents[other]!];
}

const stateName = 'state of the evolution';

function readState({ space, limits, generations }: EvolutionOptions, value: unknown): EvolutionState {
  const schema: z.ZodType<EvolutionState> = z.strictObject({
    method: z.literal('evolution'),
    completed: countSchema,
    ended: z.enum(['complete', 'exhausted']).nullable(),
    population: z.array(pathSchema(space)).min(1),
    lastPaths: z.boolean(),
    evaluated: z.array(savedCandidateSchema(space)),
    stream: streamStateSchema,
  });
  const saved = readSaved(schema, value, stateName);
  const paths = limitedPaths(space, limits);
  const known = new Set(saved.evaluated.map(({ path }) => pathKey(path)));
  if (known.size < saved.evaluated.length) throw savedStateError(stateName, 'evaluated: holds a path twice');
  for (const path of [...saved.population, ...saved.evaluated.map((candidate) => candidate.path)]) {
    if (!paths.fits(path)) throw savedStateError(stateName, `path [${path.join(', ')}]: is over the limits`);
  }
  const open = saved.population.some((path) => !known.has(pathKey(path)));
  if (open === (saved.ended !== null)) throw savedStateError(stateName, 'ended: contradicts what is evaluated');
  if (saved.ended === null && saved.completed >= generations) {
    throw savedStateError(
      stateName,
      `completed: ${saved.completed} of ${generations} generations (search.generations)`,
    );
  }
  return saved;
}

function checkOptions(options: EvolutionOptions): void {
  const { population, mutations, crossovers, mutationProbability } = options;
  for (const [key, least] of [
    ['population', 1],
    ['generations', 1],
    ['topK', 1],
    ['mutations', 0],
    ['crossovers', 0],
  ] as const) {
    const value = options[key];
    if (Number.isInteger(value) && value >= least) continue;
    throw new GreedynasError('usage', `search.${key}: must be an integer from ${least}, got ${value}`);
  }
  if (!(mutationProbability >= 0 && mutationProbability <= 1)) {
    throw new GreedynasError(
      'usage',
      `search.mutationProbability: must be a number from 0 to 1, got ${mutationProbability}`,
    );
  }
  if (mutations + crossovers > population) {
    throw new GreedynasError(
      'usage',
      `search.population: must be at least search.mutations + search.crossovers (${mutations + crossovers}), got ${population}`,
    );
  }
}
