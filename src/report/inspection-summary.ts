/** What the user reads of an inspected data set. */
import type { Inspection } from '../data/inspect.ts';
import { formatTable } from './table.ts';

/** Broken files that are named; --json has all. */
const named = 20;

const columns = [
  { title: 'class' },
  { title: 'train', align: 'right' },
  { title: 'held out', align: 'right' },
  { title: 'test', align: 'right' },
  { title: 'name' },
] as const;

export function inspectionSummary(found: Inspection, sheet: string | null): string {
  const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(4)).join(' ');
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(4)).join(',');
  const sides = ([least, median, greatest]: Inspection['shorterSide']): string => `${least} … ${median} … ${greatest}`;
  const rows = found.classes.map(({ folder, text, train, heldout, test }) => [
    folder,
    String(train),
    String(heldout),
    String(test),
    text,
  ]);
  const lines = [
    formatTable(columns, rows),
    `${found.images} images of ${found.classes.length} classes`,
    `shorter side ${sides(found.shorterSide)} pixels, longer side ${sides(found.longerSide)} (least, median, greatest)`,
    `mean ${numbers(found.mean)}, standard deviation ${numbers(found.std)} of red, green, blue`,
    `  to normalise by them instead of ImageNet's: --set data.mean=[${list(found.mean)}] --set data.std=[${list(found.std)}]`,
    found.broken.length === 0 ? 'none is broken' : `${found.broken.length} broken:`,
    ...found.broken.slice(0, named).map(({ path, reason }) => `  ${path}: ${reason.split('\n')[0]}`),
  ];
  if (found.broken.length > named) lines.push(`  … and ${found.broken.length - named} more (--json names all)`);
  if (sheet !== null) lines.push(`Augmented samples: ${sheet}`);
  return lines.join('\n');
}
