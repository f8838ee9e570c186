/** What a search found, as search.json holds it. */
import { z } from 'zod';
import { objectiveNames, searchMethods } from '../config/search-choices.ts';
import { formatGenotype } from '../space/genotype.ts';
import type { Space } from '../space/space.ts';
import { percentileOf, quantile } from '../statistics/percentile.ts';
import { runCostSchema } from '../training/cost.ts';
import { type Candidate, saveCandidate } from './evaluator.ts';

const count = z.int().min(0);
/** A score; null where it was not finite. */
const score = z.number().nullable();

const foundPathSchema = z.strictObject({
  path: z.string(),
  flops: count,
  params: count,
  /** Milliseconds; left out where the search had no latency table. */
  latency: z.number().optional(),
  loss: score,
  top1: score,
});

/** Limits as a search saves them: multiply-adds, parameters, milliseconds. */
export const limitsSchema = z.strictObject({
  flops: z.number().optional(),
  params: z.number().optional(),
  latency: z.number().optional(),
});

const comparisonSchema = z.strictObject({
  /** Held-out images on which the best path and the random ones were scored, all in the same way. */
  images: count,
  /** Whether these are the images that the best path was chosen on: none were left, and the comparison flatters it. */
  seen: z.boolean(),
  /** Random paths under the same limits. */
  paths: count,
  /** Top1 of the best path on these images. */
  best: score,
  /** Its percentile rank among the random paths, 0 … 100. */
  percentile: z.number(),
  /** Top1 of those random paths where it is finite: the median, the 90th percentile, the highest. */
  median: score,
  ninetieth: score,
  highest: score,
});

export const searchResultSchema = z.strictObject({
  run: z.string(),
  space: z.string(),
  /** The folders of the search and of the weights that it used. */
  directory: z.string(),
  checkpoint: z.string(),
  /** The default, and the next two: what 0.1.0, which knew evolution alone, did not write. */
  method: z.enum(searchMethods).default('evolution'),
  limits: limitsSchema,
  /** Evaluations: a path that was scored on the images of the search and on those of the comparison counts twice. */
  evaluated: count,
  /** Wall time, of all processes that worked on it. */
  seconds: z.number(),
  /**
   * What the search stands on: the training of the supernet up to the checkpoint, and wall seconds of that and of the search
   * together. Null in the files of older versions.
   */
  cost: z.strictObject({ training: runCostSchema, seconds: z.number() }).nullable().default(null),
  /** All paths that the search evaluated before the comparison, with their scores on its images, best first. */
  candidates: z.array(foundPathSchema),
  best: foundPathSchema,
  /** What the front trades off: `search.objectives`. */
  objectives: z.array(z.enum(objectiveNames)).default(['error', 'flops']),
  /** The candidates that no other one beats in one of the objectives without losing in another, the cheapest first. */
  front: z.array(foundPathSchema).default([]),
  /** Null where no random paths were asked for. */
  comparison: comparisonSchema.nullable(),
  /** Folders of the subnets that were cut out, the best first. */
  subnets: z.array(z.string()),
});

/** A candidate with its genotype as text. Loss and top1 are null where they were not finite. */
export type FoundPath = z.infer<typeof foundPathSchema>;
/** Where the best path stands among random ones. */
export type Comparison = z.infer<typeof comparisonSchema>;
export type SearchResult = z.infer<typeof searchResultSchema>;

export function describeCandidate(space: Space, candidate: Candidate): FoundPath {
  const { loss, top1 } = saveCandidate(candidate);
  const { flops, params, latency } = candidate;
  const costs = { flops, params, ...(latency === undefined ? {} : { latency }) };
  return { path: formatGenotype(space, candidate.path), ...costs, loss, top1 };
}

/** Compares by accuracy, whatever the search ranked by: it is what users compare. `random` must not be empty. */
export function compareTop1(
  best: Candidate,
  random: readonly Candidate[],
  images: Pick<Comparison, 'images' | 'seen'>,
): Comparison {
  // What diverged is worse than all else, and no better than each other.
  const worth = ({ top1 }: Candidate): number => (Number.isFinite(top1) ? top1 : Number.NEGATIVE_INFINITY);
  const finite = random.map(({ top1 }) => top1).filter(Number.isFinite);
  const some = finite.length > 0;
  return {
    ...images,
    paths: random.length,
    best: Number.isFinite(best.top1) ? best.top1 : null,
    percentile: percentileOf(worth(best), random.map(worth)),
    median: some ? quantile(finite, 0.5) : null,
    ninetieth: some ? quantile(finite, 0.9) : null,
    highest: some ? Math.max(...finite) : null,
  };
}
