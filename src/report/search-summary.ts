/** What a search says when it ends: the best paths, where the best stands among random ones, and what to do next. */
import type { FoundPath, SearchResult } from '../search/result.ts';
import { formatFlops } from '../space/cost.ts';
import { formatLatency } from '../space/latency.ts';
import { formatCount, formatDuration, formatPercent } from './format.ts';
import { type Column, formatTable } from './table.ts';

const shownPaths = 10;

/** A path's cells below {@link pathColumns}. */
export function pathCells(found: FoundPath): string[] {
  return [
    found.top1 === null ? '-' : formatPercent(found.top1),
    found.loss === null ? '-' : found.loss.toFixed(4),
    formatFlops(found.flops),
    formatCount(found.params),
    ...(found.latency === undefined ? [] : [formatLatency(found.latency)]),
    found.path,
  ];
}

/** `latency`: whether the paths have one. The genotype comes last. */
export function pathColumns(latency: boolean): Column[] {
  return [
    { title: 'top-1', align: 'right' },
    { title: 'loss', align: 'right' },
    { title: 'FLOPs', align: 'right' },
    { title: 'params', align: 'right' },
    ...(latency ? [{ title: 'latency', align: 'right' } as const] : []),
    { title: 'path' },
  ];
}

function pathTable(paths: readonly FoundPath[], latency: boolean): string {
  return formatTable(
    [{ title: '#', align: 'right' }, ...pathColumns(latency)],
    paths.map((found, index) => [String(index + 1), ...pathCells(found)]),
  );
}

/** The front, thinned evenly where it is long: its ends stay. */
function frontSummary({ objectives, front, best }: SearchResult): string {
  const last = front.length - 1;
  const places = Array.from({ length: Math.min(front.length, shownPaths) }, (_, place) =>
    front.length <= shownPaths ? place : Math.round((place * last) / (shownPaths - 1)),
  );
  const shown = places.map((place) => front[place]!);
  const part = shown.length < front.length ? `, ${shown.length} of them` : '';
  return [
    `The front of ${objectives.join(' against ')} has ${front.length} ${front.length === 1 ? 'path' : 'paths'}${part}:`,
    pathTable(shown, best.latency !== undefined),
  ].join('\n');
}

/** One sentence that says what was compared on what; where the best is no better than chance, what to do. */
export function comparisonSummary({ comparison, limits }: Pick<SearchResult, 'comparison' | 'limits'>): string {
  if (comparison === null) {
    return 'No random paths were evaluated (search.randomBaseline is 0), so nothing is known of how the best compares with them.';
  }
  const { images, seen, paths, best, percentile, median, ninetieth, highest } = comparison;
  const where = seen
    ? `On the ${images} images that it was chosen on, which flatters it (no held-out images were left to compare on; search.validationImages and search.comparisonImages share them out)`
    : `On ${images} held-out images that did not choose it`;
  const count = Object.keys(limits).length;
  const random = `${paths} random paths${['', ' under the same limit'][count] ?? ' under the same limits'}`;
  if (best === null) {
    return `${where}, the best path has no finite loss: train the supernet again with a lower learning rate.`;
  }
  const own = `${where}, the best path has a top-1 of ${formatPercent(best)}`;
  if (median === null || ninetieth === null || highest === null) {
    return `${own}; none of ${random} has a finite loss, so there is nothing to compare it with.`;
  }
  const sentence =
    `${own}: percentile ${percentile.toFixed(0)} of ${random}, evaluated in the same way, ` +
    `whose median is ${formatPercent(median)}, 90th percentile ${formatPercent(ninetieth)} and best ${formatPercent(highest)}.`;
  return best > ninetieth
    ? sentence
    : `${sentence}\nThat does not beat the 90th percentile: this supernet does not rank paths well enough. Train it longer.`;
}

/** What the search stands on, so that nobody counts the search alone. */
function costSummary({ training, seconds }: NonNullable<SearchResult['cost']>): string {
  const { images } = training;
  const optimised = `${formatCount(images.optimised)} images optimised, ${formatCount(images.evaluated)} evaluated`;
  return `With the training of the supernet (${formatDuration(training.seconds.total)}, ${optimised}): ${formatDuration(seconds)} in all.`;
}

export function searchSummary(result: SearchResult): string {
  const table = pathTable(result.candidates.slice(0, shownPaths), result.best.latency !== undefined);
  const lines = [
    table,
    '',
    ...(result.method === 'nsga2' ? [frontSummary(result), ''] : []),
    comparisonSummary(result),
    `${result.evaluated} evaluations (${result.method}) in ${formatDuration(result.seconds)}. Written to ${result.directory}.`,
  ];
  if (result.cost !== null) lines.push(costSummary(result.cost));
  const [subnet] = result.subnets;
  if (subnet !== undefined) {
    lines.push(`Next: greedynas evaluate --subnet ${subnet}`);
  }
  return lines.join('\n');
}
