/** Paths of a search space as predictors read them: a vector of choices, or a chain of vertices. */
import type { Path, Space } from '../space/space.ts';
import type { GraphEncoder } from './graph-network.ts';
import type { VectorEncoder } from './mlp.ts';

/** Where the operations of each layer begin among all operations of all layers, and how many those are. */
function operationPlaces({ layers }: Space): { readonly first: readonly number[]; readonly count: number } {
  let count = 0;
  const first = layers.map(({ operations }) => {
    const place = count;
    count += operations.length;
    return place;
  });
  return { first, count };
}

/** One-hot, layer by layer: a number for each operation of each layer, 147 in the 7^21 space, 273 in the 13^21. */
export function pathVectors(space: Space): VectorEncoder<Path> {
  const { first, count } = operationPlaces(space);
  return {
    width: count,
    write(path, into, offset) {
      into.fill(0, offset, offset + count);
      for (const [layer, operation] of path.entries()) into[offset + first[layer]! + operation] = 1;
    },
  };
}

/**
 * A chain of one vertex a layer. The same operation does other things in another layer (channels, stride, resolution), so
 * a vertex' kind is its layer and operation.
 */
export function pathGraphs(space: Space): GraphEncoder<Path> {
  const { first, count } = operationPlaces(space);
  const vertices = space.layers.length;
  return {
    vertices,
    kinds: count,
    write(path, kinds, edges) {
      edges.fill(0);
      for (const [layer, operation] of path.entries()) {
        kinds[layer] = first[layer]! + operation;
        if (layer + 1 < vertices) edges[layer * vertices + layer + 1] = 1;
      }
    },
  };
}
