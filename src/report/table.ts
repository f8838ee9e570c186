/** Tables of plain text: columns aligned by spaces, so that they read well in a terminal and in a log. */

export interface Column {
  readonly title: string;
  /** Numbers stand right, text stands left (the default). */
  readonly align?: 'left' | 'right';
}

/** A title line, a line of dashes, and a line for each row. Every row has a cell for each column. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  for (const row of rows) {
    if (row.length !== columns.length) {
      throw new RangeError(`a row has ${row.length} cells for ${columns.length} columns`);
    }
  }
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...rows.map((row) => row[index]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        columns[index]!.align === 'right' ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd();
  const titles = line(columns.map(({ title }) => title));
  const dashes = widths.map((width) => '-'.repeat(width)).join('  ');
  return [titles, dashes, ...rows.map(line)].join('\n');
}
