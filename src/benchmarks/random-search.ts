/** Random search: distinct networks, uniformly from the table; what every other method has to beat. */
import { drawDistinct } from './draw.ts';
import type { TableMethod } from './method.ts';

export const randomSearch: TableMethod = function* ({ benchmark, stream }) {
  for (const row of drawDistinct(stream, benchmark.rows)) yield row;
};
