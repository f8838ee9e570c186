/** Numbers below a bound, each once, in random order. */
import type { RandomStream } from '../random/stream.ts';

/** Fisher and Yates, of which only what was drawn is kept: the first few of 423,624 cost no memory. */
export function* drawDistinct(stream: RandomStream, bound: number): Generator<number, void, undefined> {
  const moved = new Map<number, number>();
  for (let left = bound; left > 0; left--) {
    const place = stream.integer(left);
    const drawn = moved.get(place) ?? place;
    moved.set(place, moved.get(left - 1) ?? left - 1);
    moved.delete(left - 1);
    yield drawn;
  }
}
