/**
 * Racing: ranks paths on growing parts of the ranking images and stops evaluating a path as soon as it is clear on which
 * side of the best k it is. Ours; after Hoeffding races (Maron and Moore 1994) and F-Race (Birattari et al. 2002).
 *
 * The question. Which k of m paths have the lowest mean loss over the N ranking images: the answer of the full ranking, not
 * of some wider population. So the images of a part are a sample without replacement from N, and an estimate after n of
 * them has the finite population's error, which is 0 at n = N: there the race *is* the full ranking.
 *
 * The test. Images differ far more than paths do, so paths are compared on the same images: of the differences of two
 * paths' losses on the n images that both have seen, d is the mean and s the standard deviation. The probability that
 * their order over all N is the other one is the normal tail beyond |d| / (s/√n · √(1 − n/N)).
 *
 * The decisions. At each look, of the paths still open, the p with the lowest means are in front, p being the places not yet
 * given away. Were one of them truly none of the best p, then one of those behind would truly be ahead of it: so to choose
 * it now is wrong with at most the sum of the probabilities that each of those behind is. That sum is its risk; for a path
 * behind, the risk of dropping it is the same sum over those in front. The least risky paths are decided, as long as the
 * risks taken in this race add up to at most (1 − confidence) · n / N: the error is spent in proportion to the images seen
 * (the linear alpha spending of Lan and DeMets 1983), which keeps something for each look.
 *
 * How it was chosen. On a NAS-Bench-Macro supernet (150 paths, rounds of 10 of which 5 are chosen, looks every 100 of 1,000
 * images) Bonferroni over pairs and looks, at 95 %, needs 58 % of the images, this 47 %, with 100 % equal choices both. Where
 * simulated paths differ by nothing but chance, the worst case, it keeps its word (95 %: 98 to 100 % equal, 90 %: 97 %);
 * spending the error as early as possible does not (90 %: 79 %). Looks that double need 51 % where these need 46 %.
 *
 * What it assumes: that the images come in no order, and that differences are nearly normal. Batches are normalised by
 * themselves, which shifts all losses of a batch together; so very high confidences promise more than they keep (99 %: 97 %
 * on another supernet; docs/results/racing.md).
 */
import { normalTail } from './normal.ts';
import { rankByLoss } from './ranking.ts';

export interface RaceOptions {
  /** k: places to give away. */
  readonly keep: number;
  /** Images seen at each look: rising, the first at least 2, the last N, that of the full ranking. */
  readonly looks: readonly number[];
  /** Least probability that the chosen paths are those of the full ranking, in (0, 1). */
  readonly confidence: number;
}

/** Losses of images `start` … `start + count − 1` for the path of this index, in the order of the images. */
export type EvaluatePart = (path: number, start: number, count: number) => ArrayLike<number>;

export interface RaceResult {
  /** Indices of the paths: the chosen ones, best first by their losses, then the dropped ones in the same way. */
  readonly order: readonly number[];
  /**
   * The mean loss of each path over all N images, where it has not seen them all an estimate: its mean difference, on what
   * it has seen, from a path that has, added to that one's mean. (The mean over what it has seen itself would say more
   * about these images than about the path, and put into the candidate pool paths of a lucky part.) For this, where
   * all is decided early, one path that has seen the most is evaluated to the end.
   */
  readonly losses: readonly number[];
  /** Images that each path was evaluated on. */
  readonly seen: readonly number[];
}

/** Looks after the first `first` images and then after each further batch, until all have been seen. */
export function batchLooks(first: number, batch: number, images: number): number[] {
  const looks: number[] = [];
  for (let seen = first; seen < images; seen += batch) looks.push(seen);
  return [...looks, images];
}

/** One path in a race. */
interface Runner {
  readonly index: number;
  /** How many of the k places it would take: a path may have been drawn several times. */
  readonly places: number;
  readonly losses: Float64Array;
  seen: number;
}

/**
 * Races paths for the best places.
 *
 * @param places how often each path was drawn, so many places it takes
 */
export function race(places: readonly number[], options: RaceOptions, evaluate: EvaluatePart): RaceResult {
  const { keep, looks } = options;
  const images = looks.at(-1) ?? 0;
  const runners = places.map((each, index): Runner => {
    return { index, places: each, losses: new Float64Array(images), seen: 0 };
  });
  const goOn = (runner: Runner, until: number): void => {
    const fresh = evaluate(runner.index, runner.seen, until - runner.seen);
    if (fresh.length !== until - runner.seen) {
      throw new RangeError(`race: ${until - runner.seen} images need as many losses, got ${fresh.length}`);
    }
    runner.losses.set(fresh, runner.seen);
    runner.seen = until;
  };

  const chosen: Runner[] = [];
  const dropped: Runner[] = [];
  let racing = runners;
  let left = keep;
  let taken = 0;
  for (const look of looks) {
    // A single path needs no comparison: it takes what is left.
    if (racing.length <= 1 || left === 0) break;
    for (const runner of racing) goOn(runner, look);
    if (look === images) break;
    const risks = riskOf(racing, left, images);
    const budget = (1 - options.confidence) * (look / images);
    for (const { runner, ahead, risk } of risks.sort((a, b) => a.risk - b.risk)) {
      if (!(taken + risk <= budget)) break;
      taken += risk;
      (ahead ? chosen : dropped).push(runner);
    }
    racing = racing.filter((runner) => !chosen.includes(runner) && !dropped.includes(runner));
    left = keep - sumOf(chosen.map((runner) => runner.places));
  }
  if (!runners.some((runner) => runner.seen === images)) {
    goOn(reference(runners), images);
  }
  const losses = estimates(runners, images);
  const byLoss = (group: readonly Runner[]): Runner[] =>
    rankByLoss(group.map(({ index }) => losses[index]!)).map((position) => group[position]!);
  // Those still racing have seen everything, so their order is known. One that was drawn more often than places are left
  // takes these: it comes last of the chosen ones.
  const divided: Runner[] = [];
  for (const runner of byLoss(racing)) {
    if (left <= 0) dropped.push(runner);
    else if (runner.places <= left) chosen.push(runner);
    else divided.push(runner);
    left -= runner.places;
  }
  const order = [...byLoss(chosen), ...divided, ...byLoss(dropped)].map(({ index }) => index);
  return { order, losses, seen: runners.map(({ seen }) => seen) };
}

/** The path that the estimates refer to: of those that have seen the most images the best, as the least is left of it. */
function reference(runners: readonly Runner[]): Runner {
  const finite = runners.filter((runner) => Number.isFinite(mean(runner, runner.seen)));
  const most = Math.max(...finite.map(({ seen }) => seen));
  const furthest = finite.filter(({ seen }) => seen === most);
  const [best] = rankByLoss(furthest.map((runner) => mean(runner, runner.seen)));
  return furthest[best ?? 0] ?? runners[0]!;
}

interface Risk {
  readonly runner: Runner;
  /** Whether it is in front, so that to decide it is to choose it. */
  readonly ahead: boolean;
  /** At most the probability that this would be wrong; infinite for a path that only partly fits into the places. */
  readonly risk: number;
}

/** The risk of deciding each open path now; all have seen equally many images. */
function riskOf(racing: readonly Runner[], left: number, images: number): Risk[] {
  const sorted = rankByLoss(racing.map((runner) => mean(runner, runner.seen))).map((index) => racing[index]!);
  const risks = sorted.map(() => 0);
  // Places of those in front of each, and of those up to it.
  const ends: number[] = [];
  for (const { places } of sorted) ends.push((ends.at(-1) ?? 0) + places);
  const side = ends.map((end, index) =>
    end <= left ? 'front' : end - sorted[index]!.places < left ? 'both' : 'behind',
  );
  for (const [one, first] of sorted.entries()) {
    for (const [other, second] of sorted.entries()) {
      if (other <= one || side[one] === 'behind' || side[other] === 'front') continue;
      const probability = otherWayRound(first, second, images);
      risks[one]! += probability;
      risks[other]! += probability;
    }
  }
  return sorted.map((runner, index) => ({
    runner,
    ahead: side[index] === 'front',
    risk: side[index] === 'both' ? Number.POSITIVE_INFINITY : risks[index]!,
  }));
}

/** The probability that `behind`, whose mean is not the lower one so far, has the lower mean over all images. */
function otherWayRound(ahead: Runner, behind: Runner, images: number): number {
  const { seen } = ahead;
  const difference = mean(behind, seen) - mean(ahead, seen);
  // A loss that is not finite stays the worst, and among such it does not matter.
  if (!Number.isFinite(difference)) return 0;
  let squares = 0;
  for (let image = 0; image < seen; image++) {
    squares += (behind.losses[image]! - ahead.losses[image]! - difference) ** 2;
  }
  const error = Math.sqrt((squares / (seen - 1) / seen) * (1 - seen / images));
  return error > 0 ? normalTail(difference / error) : difference > 0 ? 0 : 0.5;
}

function estimates(runners: readonly Runner[], images: number): number[] {
  const whole = runners.filter(({ seen, losses }) => seen === images && losses.every(Number.isFinite));
  const difficulty = Float64Array.from({ length: images }, (_, image) =>
    sumOf(whole.map(({ losses }) => losses[image]! / whole.length)),
  );
  const average = { losses: difficulty };
  return runners.map((runner) => {
    const own = mean(runner, runner.seen);
    if (runner.seen === images || runner.seen === 0 || whole.length === 0) return own;
    return own - mean(average, runner.seen) + mean(average, images);
  });
}

/** Of the first `count` losses. */
function mean({ losses }: Pick<Runner, 'losses'>, count: number): number {
  let sum = 0;
  for (let image = 0; image < count; image++) sum += losses[image]!;
  return sum / count;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
