/**
 * Trading objectives off, all of them to be small: dominance, fronts and crowding (Deb, Pratap, Agarwal and Meyarivan,
 * "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002, sections III.A and III.B).
 */

/** One value for each objective; smaller is better. */
export type Point = readonly number[];

/** Whether `one` is nowhere worse than `other` and somewhere better. NaN is neither. */
export function dominates(one: Point, other: Point): boolean {
  let better = false;
  for (let index = 0; index < one.length; index++) {
    if (!(one[index]! <= other[index]!)) return false;
    better ||= one[index]! < other[index]!;
  }
  return better;
}

/**
 * The fast non-dominated sort: indices of the points by front, each front in the order of the points. The first front is
 * dominated by none, the next by points of the fronts before it alone. Equal points share a front.
 */
export function sortFronts(points: readonly Point[]): number[][] {
  const dominated: number[][] = points.map(() => []);
  const dominators = points.map(() => 0);
  for (let one = 0; one < points.length; one++) {
    for (let other = one + 1; other < points.length; other++) {
      if (dominates(points[one]!, points[other]!)) {
        dominated[one]!.push(other);
        dominators[other]! += 1;
      } else if (dominates(points[other]!, points[one]!)) {
        dominated[other]!.push(one);
        dominators[one]! += 1;
      }
    }
  }
  const fronts: number[][] = [];
  let front = points.flatMap((_, index) => (dominators[index] === 0 ? [index] : []));
  while (front.length > 0) {
    fronts.push(front);
    const next: number[] = [];
    for (const index of front) {
      for (const other of dominated[index]!) {
        dominators[other]! -= 1;
        if (dominators[other] === 0) next.push(other);
      }
    }
    front = next.sort((a, b) => a - b);
  }
  return fronts;
}

/**
 * The crowding distance of each point of one front: for each objective the gap between its two neighbours as a share of
 * the front's range, summed. Points at either end of an objective have Infinity; an objective in which all are equal says
 * nothing. Among equal values the order of the points decides who is an end, as it does in the paper.
 */
export function crowdingDistances(front: readonly Point[]): number[] {
  const distances = front.map(() => 0);
  for (let objective = 0; objective < (front[0]?.length ?? 0); objective++) {
    const value = (index: number): number => front[index]![objective]!;
    const order = front.map((_, index) => index).sort((a, b) => value(a) - value(b));
    const [first, last] = [order[0]!, order.at(-1)!];
    const range = value(last) - value(first);
    if (range === 0) continue;
    distances[first] = Number.POSITIVE_INFINITY;
    distances[last] = Number.POSITIVE_INFINITY;
    for (let place = 1; place < order.length - 1; place++) {
      distances[order[place]!]! += (value(order[place + 1]!) - value(order[place - 1]!)) / range;
    }
  }
  return distances;
}
