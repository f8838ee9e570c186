/** How the held-out images are shared out: those that the choice of a path looks at, and those left for a fair comparison. */
import type { RunConfig } from './schema.ts';

/**
 * Held-out images that decide which path is found best: those of the search and, as it starts from the pool, those that
 * training ranked paths by. Both are stacks from the beginning of the same order (`takeStack`), so the larger has both.
 */
export function seenImages({ sampling, search }: RunConfig): number {
  return Math.max(search.validationImages, sampling.method === 'greedy' ? sampling.ranking.images : 0);
}

/**
 * How many stacks of ranking images training goes through where they are refreshed. They share no image and lie within the
 * seen ones, so that nothing more is used up; 1: there is always the same one.
 */
export function rankingStacks(config: RunConfig): number {
  const { images, refresh } = config.sampling.ranking;
  return refresh === null ? 1 : Math.floor(seenImages(config) / images);
}

/** The key of the larger part of {@link seenImages}. */
export function seenImagesKey(config: RunConfig): string {
  return seenImages(config) === config.search.validationImages ? 'search.validationImages' : 'sampling.ranking.images';
}

/** Images, after the seen ones, on which the best path is compared with random ones; 0: none are left or wanted. */
export function comparisonImages(config: RunConfig): number {
  const { data, search } = config;
  const left = Math.max(0, data.validationImages - seenImages(config));
  return Math.min(search.comparisonImages ?? search.validationImages, left);
}
