/**
 * NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): not one best path, but the front of those that trade accuracy for
 * cost best, within the limits.
 *
 * As in the paper: the survivors of a generation and their children together are sorted into fronts, the best fronts
 * survive, the last of them thinned by crowding; parents win a binary tournament by (front, crowding). Different: children
 * are new or dropped, since an evaluation costs minutes of a GPU where theirs cost nothing; and a limit is never exceeded,
 * so there are no constraint violations to sort by.
 */
import type { ObjectiveName } from '../config/search-choices.ts';
import type { RandomStream } from '../random/stream.ts';
import { breed, crossOver, mutate } from './breeding.ts';
import { type Candidate, hasDiverged } from './evaluator.ts';
import {
  createGenerations,
  type GenerationOptions,
  type GenerationSearch,
  requireInteger,
  requireProbability,
} from './generations.ts';
import { candidateFronts, objectiveValues } from './objectives.ts';
import { crowdingDistances } from './pareto.ts';

export interface Nsga2Options extends GenerationOptions {
  /** What is traded off; see `search.objectives`. */
  readonly objectives: readonly ObjectiveName[];
  /** Probability that a child has two parents, 0 … 1; else it is a mutation of one. Deb et al.: 0.9. */
  readonly crossoverProbability: number;
  /** Probability with which each layer of a child mutates, 0 … 1. */
  readonly mutationProbability: number;
}

/** A survivor with its place: the front it is in, from 0, and how alone it is there. */
interface Placed {
  readonly candidate: Candidate;
  readonly front: number;
  readonly crowding: number;
}

/** Throws as `createGenerations` does; and GreedynasError (usage) for `latency` as an objective where none is known. */
export function createNsga2(options: Nsga2Options): GenerationSearch {
  const { space, population, objectives, crossoverProbability, mutationProbability } = options;
  requireInteger('population', population, 1);
  requireProbability('crossoverProbability', crossoverProbability);
  requireProbability('mutationProbability', mutationProbability);
  return createGenerations(
    {
      name: 'nsga2',
      what: 'NSGA-II search',
      breed({ candidates, isNew, stream, children }) {
        const survivors = survivorsOf(candidates, population, objectives);
        const make = () => {
          const mother = tournament(survivors, stream).path;
          const crossed = stream.uniform() < crossoverProbability;
          const child = crossed ? crossOver(mother, tournament(survivors, stream).path, stream) : mother;
          return mutate(space, child, mutationProbability, stream);
        };
        breed(children, population, make, isNew);
      },
    },
    options,
  );
}

/**
 * Who survives the generations so far, best first. Not part of the saved state: it follows from the order of the
 * evaluations, and sorting 20 generations of 50 again takes milliseconds.
 */
export function survivorsOf(
  candidates: readonly Candidate[],
  population: number,
  objectives: readonly ObjectiveName[],
): readonly Placed[] {
  let survivors: readonly Placed[] = [];
  for (let start = 0; start < candidates.length; start += population) {
    const children = candidates.slice(start, start + population);
    survivors = place([...survivors.map(({ candidate }) => candidate), ...children], objectives).slice(0, population);
  }
  return survivors;
}

/** By front, within a front the most alone first, then in the given order. */
function place(candidates: readonly Candidate[], objectives: readonly ObjectiveName[]): readonly Placed[] {
  return candidateFronts(objectives, candidates).flatMap((members, front) => {
    // What diverged has no place among the values of its objectives.
    const points = members.map((candidate) =>
      hasDiverged(candidate) ? objectives.map(() => 0) : objectiveValues(objectives, candidate),
    );
    const crowding = crowdingDistances(points);
    return members
      .map((candidate, index) => ({ candidate, front, crowding: crowding[index]! }))
      .sort((a, b) => (a.crowding === b.crowding ? 0 : b.crowding - a.crowding));
  });
}

/** The better of two drawn with replacement: the lower front, then the lonelier; between equals the first. */
function tournament(survivors: readonly Placed[], stream: RandomStream): Candidate {
  const one = survivors[stream.integer(survivors.length)]!;
  const other = survivors[stream.integer(survivors.length)]!;
  const better = other.front < one.front || (other.front === one.front && other.crowding > one.crowding);
  return (better ? other : one).candidate;
}
