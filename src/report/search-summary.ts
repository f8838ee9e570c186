/** What a search says when it ends: the best paths, where the best stands among random ones, and what to do next. */
import type { FoundPath, SearchResult } from '../search/supernet-search.ts';
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

function comparison({ baseline, best }: SearchResult): string {
  if (baseline === null) {
    return 'No random paths were evaluated, so nothing is known of how the best compares with them.';
  }
  const { paths, percentile, median, ninetieth, highest } = baseline;
  return [
    `The best against ${paths} random paths under the same limit, evaluated in the same way: percentile ${percentile.toFixed(0)}.`,
    `Its top-1 is ${formatPercent(best.top1 ?? 0)}; theirs: median ${formatPercent(median)}, 90th percentile ${formatPercent(ninetieth)}, best ${formatPercent(highest)}.`,
    (best.top1 ?? 0) > ninetieth
      ? 'It beats the 90th percentile. (It was chosen on these images; judge it after retraining.)'
      : 'It does not beat the 90th percentile: this supernet does not rank paths well enough. Train it longer.',
  ].join('\n');
}

export function searchSummary(directory: string, result: SearchResult): string {
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
    comparison(result),
    `${result.evaluated} paths evaluated in ${formatDuration(result.seconds)}. Written to ${directory}.`,
  ];
  const [subnet] = result.subnets;
  if (subnet !== undefined) {
    lines.push(`Next: greedynas evaluate --subnet ${subnet}`);
  }
  return lines.join('\n');
}
