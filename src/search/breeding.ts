/** The operators of evolution: mutation and uniform crossover of paths. */
import type { RandomStream } from '../random/stream.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';

/** Each layer's operation is drawn anew (uniformly, the old one included) with `probability`. */
export function mutate(space: Space, path: Path, probability: number, stream: RandomStream): Path {
  return path.map((operation, layer) =>
    stream.uniform() < probability ? stream.integer(space.layers[layer]!.operations.length) : operation,
  );
}

/** Each layer's operation comes from either parent with probability 1/2. */
export function crossOver(mother: Path, father: Path, stream: RandomStream): Path {
  return mother.map((operation, layer) => (stream.uniform() < 0.5 ? operation : father[layer]!));
}

/** Tries of an operator for each child wanted; the reference's 10. */
const triesForEach = 10;

/** Calls `make` until `count` children are accepted, at most 10 · `count` times; adds them to `children` by key. */
export function breed(
  children: Map<string, Path>,
  count: number,
  make: () => Path,
  accepts: (child: Path) => boolean,
): void {
  const wanted = children.size + count;
  for (let attempt = 0; attempt < triesForEach * count && children.size < wanted; attempt++) {
    const child = make();
    const key = pathKey(child);
    if (!children.has(key) && accepts(child)) children.set(key, child);
  }
}
