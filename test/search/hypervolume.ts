/** The area that points dominate below a reference point, two objectives, both to be small. */
export function hypervolume(
  points: readonly (readonly [number, number])[],
  reference: readonly [number, number],
): number {
  const sorted = points.filter(([x, y]) => x < reference[0] && y < reference[1]).sort((a, b) => a[0] - b[0]);
  let area = 0;
  let height = reference[1];
  for (const [x, y] of sorted) {
    if (y >= height) continue;
    area += (reference[0] - x) * (height - y);
    height = y;
  }
  return area;
}
