/**
 * Search in generations, which evolution and NSGA-II share: the first comes from the candidate pool, each later one is
 * bred from all that was evaluated before. They differ only in how they breed.
 */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { type RandomStream, restoreStream, type StreamState } from '../random/stream.ts';
import {
  countSchema,
  listSchema,
  pathSchema,
  readSaved,
  savedStateError,
  streamStateSchema,
} from '../sampling/saved-state.ts';
import { pathKey, validatePath } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { drawNewPaths } from './distinct-paths.ts';
import {
  type Candidate,
  createCachedEvaluator,
  rankCandidates,
  restoreCandidate,
  type SavedCandidate,
  saveCandidate,
  savedCandidateSchema,
} from './evaluator.ts';
import { limitedPaths } from './limits.ts';
import type { Search, SearchEnd, SearchOptions } from './search.ts';

export interface GenerationOptions extends SearchOptions {
  /**
   * Paths of the first generation, best first: the candidate pool. Those over the limits and repetitions are passed
   * over.
   */
  readonly initial: readonly Path[];
  /** Paths of a generation; the paper's 50. */
  readonly population: number;
  /** Generations, the first included; the paper's 20. */
  readonly generations: number;
}

export interface Breeding {
  /** Everything evaluated so far, in order: generation by generation, each of `population` paths. */
  readonly candidates: readonly Candidate[];
  /** Whether a child may be added: it keeps the limits and was not evaluated yet. */
  readonly isNew: (child: Path) => boolean;
  readonly stream: RandomStream;
  /** Where the children go, by key; random paths fill it up to `population`. */
  readonly children: Map<string, Path>;
}

export interface GenerationMethod {
  readonly name: string;
  /** For messages: "state of the <what>". */
  readonly what: string;
  readonly breed: (breeding: Breeding) => void;
}

export interface GenerationState {
  readonly method: string;
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

export interface GenerationSearch extends Search {
  /** Generations that are wholly evaluated. */
  readonly completed: number;
  state(): GenerationState;
}

/**
 * The first generation is the head of `initial`, topped up with random paths. Each later one is what `breed` makes, topped
 * up in the same way. No path is evaluated twice. Ends early only when no new path exists.
 *
 * Throws GreedynasError (usage) for options out of range and for limits that no path keeps, before any evaluation;
 * (io) for a state that is damaged or of another space or limits.
 */
export function createGenerations(method: GenerationMethod, options: GenerationOptions): GenerationSearch {
  requireInteger('population', options.population, 1);
  requireInteger('generations', options.generations, 1);
  const { space, evaluate, generations, objective } = options;
  const paths = limitedPaths(space, options.limits);
  const saved = options.state === undefined ? null : readState(method, options, options.state);
  const stream = saved === null ? options.stream : restoreStream(saved.stream);
  const known = saved?.evaluated.map((candidate) => restoreCandidate(space, candidate)) ?? [];
  const evaluator = createCachedEvaluator({ space, evaluate, known });
  let lastPaths = saved?.lastPaths ?? false;
  let population = saved?.population ?? topUp(headOf(options.initial));
  let completed = saved?.completed ?? 0;
  let ended = saved?.ended ?? null;
  let position = population.findIndex((path) => !evaluator.has(path));

  function headOf(initial: readonly Path[]): readonly Path[] {
    return usableHead(space, initial, paths.fits, options.population);
  }

  function topUp(children: readonly Path[]): readonly Path[] {
    const own = new Set(children.map(pathKey));
    const isKnown = (path: Path): boolean => own.has(pathKey(path)) || evaluator.has(path);
    const filled = [...children, ...drawNewPaths(paths, isKnown, options.population - children.length, stream)];
    lastPaths = filled.length < options.population;
    return filled;
  }

  function nextGeneration(): readonly Path[] {
    const children = new Map<string, Path>();
    const isNew = (child: Path): boolean => paths.fits(child) && !evaluator.has(child);
    method.breed({ candidates: evaluator.candidates(), isNew, stream, children });
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
    candidates: () => evaluator.candidates(),
    ranked: () => rankCandidates(evaluator.candidates(), objective),
    state: () => ({
      method: method.name,
      completed,
      ended,
      population: population.map((path) => [...path]),
      lastPaths,
      evaluated: evaluator.candidates().map(saveCandidate),
      stream: stream.state(),
    }),
  };
}

/** The first `count` distinct paths that fit. Throws GreedynasError (usage) for a path of another space. */
export function usableHead(
  space: Space,
  initial: readonly Path[],
  fits: (path: Path) => boolean,
  count: number,
): readonly Path[] {
  for (const path of initial) validatePath(space, path);
  const distinct = new Map(initial.filter(fits).map((path) => [pathKey(path), path]));
  return [...distinct.values()].slice(0, count);
}

function readState(
  { name, what }: GenerationMethod,
  { space, limits, generations }: GenerationOptions,
  value: unknown,
): GenerationState {
  const stateName = `state of the ${what}`;
  const schema: z.ZodType<GenerationState> = z.strictObject({
    method: z.literal(name),
    completed: countSchema,
    ended: z.enum(['complete', 'exhausted']).nullable(),
    population: z.array(pathSchema(space)).min(1),
    lastPaths: z.boolean(),
    evaluated: listSchema(savedCandidateSchema(space)),
    stream: streamStateSchema,
  });
  const saved = readSaved(schema, value, stateName);
  const known = checkEvaluated(stateName, space, limits, saved.evaluated, saved.population);
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

/** The keys of what a saved search evaluated. Throws GreedynasError (io) for a path that comes twice or is over the limits. */
export function checkEvaluated(
  stateName: string,
  space: Space,
  limits: SearchOptions['limits'],
  evaluated: readonly SavedCandidate[],
  others: readonly Path[],
): ReadonlySet<string> {
  const paths = limitedPaths(space, limits);
  const known = new Set(evaluated.map(({ path }) => pathKey(path)));
  if (known.size < evaluated.length) throw savedStateError(stateName, 'evaluated: holds a path twice');
  for (const path of [...others, ...evaluated.map((candidate) => candidate.path)]) {
    if (!paths.fits(path)) throw savedStateError(stateName, `path [${path.join(', ')}]: is over the limits`);
  }
  return known;
}

/** Throws GreedynasError (usage) unless `search.<key>` is an integer from `least`. */
export function requireInteger(key: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new GreedynasError('usage', `search.${key}: must be an integer from ${least}, got ${value}`);
}

/** Throws GreedynasError (usage) unless `search.<key>` is a probability. */
export function requireProbability(key: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new GreedynasError('usage', `search.${key}: must be a number from 0 to 1, got ${value}`);
}
