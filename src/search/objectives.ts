/** What a search trades off: how good a path is against what it costs. */
import type { ObjectiveName } from '../config/search-choices.ts';
import { GreedynasError } from '../errors.ts';
import { type Candidate, hasDiverged } from './evaluator.ts';
import { type Point, sortFronts } from './pareto.ts';

/** The values of a candidate. Throws a usage error for `latency` where the space knows none. */
export function objectiveValues(names: readonly ObjectiveName[], candidate: Candidate): Point {
  return names.map((name) => {
    if (name === 'error') return 1 - candidate.top1;
    const value = candidate[name];
    if (value !== undefined) return value;
    throw new GreedynasError(
      'usage',
      'search.objectives: has latency, but nothing says how long operations take: give --latency-table (search.latencyTable)',
    );
  });
}

/** Candidates by front, the best front first. Those that diverged, however cheap, come behind all others. */
export function candidateFronts(names: readonly ObjectiveName[], candidates: readonly Candidate[]): Candidate[][] {
  const sound = candidates.filter((candidate) => !hasDiverged(candidate));
  const diverged = candidates.filter(hasDiverged);
  const fronts = sortFronts(sound.map((candidate) => objectiveValues(names, candidate)));
  return [...fronts.map((front) => front.map((index) => sound[index]!)), ...(diverged.length === 0 ? [] : [diverged])];
}

/** The candidates that none beats in one objective without losing in another: the cheapest first, none that diverged. */
export function paretoFront(names: readonly ObjectiveName[], candidates: readonly Candidate[]): readonly Candidate[] {
  const [front = []] = candidateFronts(
    names,
    candidates.filter((candidate) => !hasDiverged(candidate)),
  );
  const cost = names.find((name) => name !== 'error' && name !== 'loss') ?? 'flops';
  const value = (candidate: Candidate): number => objectiveValues([cost], candidate)[0]!;
  return front.toSorted((a, b) => value(a) - value(b));
}
