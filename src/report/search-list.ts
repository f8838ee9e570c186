/** What `search --list` and `--pick` say: the candidates of a finished search with their ids, and what was cut out. */
import type { ListedSearch, PickOutcome } from '../search/pick-subnets.ts';
import { comparisonSummary, pathCells, pathColumns } from './search-summary.ts';
import { formatTable } from './table.ts';

const shownCandidates = 20;

export function searchListing(search: ListedSearch): string {
  const { run, name, others, candidates, best, objectives, frontIds } = search;
  const onFront = new Set(frontIds);
  const table = (ids: readonly number[]): string =>
    formatTable(
      [
        { title: 'id', align: 'right' },
        ...pathColumns(best.latency !== undefined).slice(0, -1),
        { title: 'front' },
        { title: 'path' },
      ],
      ids.map((id) => {
        const cells = pathCells(candidates[id - 1]!);
        return [String(id), ...cells.slice(0, -1), onFront.has(id) ? '*' : '', cells.at(-1)!];
      }),
    );
  const shown = candidates.slice(0, shownCandidates).map((_, index) => index + 1);
  return [
    `Search ${name} of run ${run}: the best ${shown.length} of ${candidates.length} candidates`,
    table(shown),
    '',
    `The front of ${objectives.join(' against ')} (${frontIds.length} of them):`,
    table(frontIds),
    '',
    comparisonSummary(search),
    ...(others.length === 0 ? [] : [`Other finished searches of this run (--name): ${others.join(', ')}`]),
    `Next: greedynas search --run ${run} --name ${name} --pick best|knee|'flops<300M'|<id>`,
  ].join('\n');
}

export function pickSummary({ subnets }: PickOutcome): string {
  const lines = subnets.map(
    ({ id, path, directory, before }) => `${id}: ${path}\n   ${directory}${before ? ' (was there already)' : ''}`,
  );
  const [first] = subnets;
  if (first !== undefined) lines.push(`Next: greedynas evaluate --subnet ${first.directory}`);
  return lines.join('\n');
}
