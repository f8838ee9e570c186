/** Local search (White et al. 2020): asks for all neighbours of the best network, moves to a better one, else begins anew. */
import { permutation } from '../random/stream.ts';
import type { TableMethod } from './method.ts';

export const localSearch: TableMethod = function* ({ benchmark, stream }) {
  for (;;) {
    let row = stream.integer(benchmark.rows);
    let accuracy = yield row;
    for (let improved = true; improved; ) {
      improved = false;
      const neighbours = benchmark.neighbours(benchmark.genotype(row));
      // In random order, since the budget may end among them.
      for (const index of permutation(stream, neighbours.length)) {
        const neighbour = benchmark.row(neighbours[index]!);
        if (neighbour < 0) continue;
        const found = yield neighbour;
        if (found > accuracy) {
          [row, accuracy, improved] = [neighbour, found, true];
        }
      }
    }
  }
};
