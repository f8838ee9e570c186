/** What a search says when it ends: the best paths, where the best stands among random ones, and what to do next. */
import type { FoundPath, SearchResult } from '../search/result.ts';
import { formatFlops } from '../space/cost.ts';
import { formatCount, formatDuration, formatPercent } from './format.ts';
import { formatTable } from './table.ts';

const shownPaths = 10;

function row(found: FoundPath, index: number): string[] {
  return [
    String(index + 1),
    found.top1 === null ? '-' : formatPercent(found.top1),
    found.loss === null ? '-' : found.loss.toFixed(4),
    formatFlops(found.flops),
    formatCount(found.params),
    found.path,
  ];
}

/** One sentence that says what was compared on what; where the best is no better than chance, what to do. */
export function comparisonSummary({ comparison }: Pick<SearchResult, 'comparison'>): string {
  if (comparison === null) {
    return 'No random paths were evaluated (search.randomBaseline is 0), so nothing is known of how the best compares with them.';
  }
  const { images, seen, paths, best, percentile, median, ninetieth, highest } = comparison;
  const where = seen
    ? `On the ${images} images that it was chosen on, which flatters it (no held-out images were left to compare on; search.validationImages and search.comparisonImages share them out)`
    : `On ${images} held-out images that did not choose it`;
  const random = `${paths} random paths under the same limit`;
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

export function searchSummary(result: SearchResult): string {
  const table = formatTable(
    [
      { title: '#', align: 'right' },
      { title: 'top-1', align: 'right' },
      { title: 'loss', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'params', align: 'right' },
      { title: 'path' },
    ],
    result.candidates.slice(0, shownPaths).map(row),
  );
  const lines = [
    table,
    '',
    comparisonSummary(result),
    `${result.evaluated} evaluations in ${formatDuration(result.seconds)}. Written to ${result.directory}.`,
  ];
  const [subnet] = result.subnets;
  if (subnet !== undefined) {
    lines.push(`Next: greedynas evaluate --subnet ${subnet}`);
  }
  return lines.join('\n');
}
