/** Ranks the paths of a round on the supernet: on all ranking images, or racing; counts what it costs and what is spared. */
import { type RaceOptions, race } from '../sampling/racing.ts';
import { rankByLoss, rankingOf } from '../sampling/ranking.ts';
import type { Ranking, RankingRound } from '../sampling/sampler.ts';
import type { Scores, Supernet } from '../supernet/supernet.ts';
import type { CostLedger } from './ledger.ts';

/** What racing has done in a run so far. */
export interface RaceCounts {
  readonly rounds: number;
  /** Images that the full rankings would have evaluated, and races did not. */
  readonly spared: number;
  /** Rounds whose full ranking was made as well, and those of them in which it chose the same paths. */
  readonly audited: number;
  readonly agreed: number;
}

export interface RacingOptions extends Pick<RaceOptions, 'looks' | 'confidence'> {
  /** Whether the rest is evaluated too, to see whether the full ranking would have chosen the same paths. */
  readonly audit: boolean;
}

export interface PathRankerOptions {
  readonly supernet: Pick<Supernet, 'rank'>;
  readonly ledger: CostLedger;
  /** Puts the ranking images of a step on the device. */
  readonly prepare: (step: number) => void;
  /** Null: each path sees all ranking images. */
  readonly racing: RacingOptions | null;
  /** What races of earlier sessions have done. */
  readonly counts?: RaceCounts;
}

export interface PathRanker {
  rank(step: number, round: RankingRound): Ranking;
  /** Null without racing. */
  readonly counts: RaceCounts | null;
}

export function createPathRanker(options: PathRankerOptions): PathRanker {
  const { supernet, ledger, prepare, racing } = options;
  let counts = options.counts ?? { rounds: 0, spared: 0, audited: 0, agreed: 0 };

  const rankAll = ({ paths }: RankingRound): Ranking =>
    rankingOf(paths.map((path) => ledger.evaluate(() => supernet.rank(path), imagesOf).loss));

  const rankRacing = (round: RankingRound, { looks, confidence, audit }: RacingOptions): Ranking => {
    const { paths, places, keep } = round;
    const images = looks.at(-1) ?? 0;
    const sums = paths.map(() => 0);
    const result = race(places, { keep, looks, confidence }, (index, start, count) => {
      const { losses, loss } = ledger.evaluate(() => supernet.rank(paths[index]!, { start, count }), imagesOf);
      sums[index]! += loss * count;
      return losses;
    });
    counts = {
      ...counts,
      rounds: counts.rounds + 1,
      spared: counts.spared + result.seen.reduce((sum, seen) => sum + images - seen, 0),
    };
    if (audit) {
      const whole = ledger.time('audit', () =>
        paths.map((path, index) => {
          const seen = result.seen[index]!;
          const rest = seen === images ? 0 : supernet.rank(path, { start: seen, count: images - seen }).loss;
          return (sums[index]! + rest * (images - seen)) / images;
        }),
      );
      const agrees = sameChoice(result.order, rankByLoss(whole), places, keep);
      counts = { ...counts, audited: counts.audited + 1, agreed: counts.agreed + (agrees ? 1 : 0) };
    }
    return result;
  };

  return {
    rank(step, round) {
      ledger.time('rank', () => prepare(step));
      return racing === null ? rankAll(round) : rankRacing(round, racing);
    },
    get counts() {
      return racing === null ? null : counts;
    },
  };
}

const imagesOf = ({ losses }: Scores): number => losses.length;

/** Whether two orders give the same paths the same number of the `keep` first places, in whatever order. */
export function sameChoice(
  one: readonly number[],
  other: readonly number[],
  places: readonly number[],
  keep: number,
): boolean {
  const chosen = (order: readonly number[]): string =>
    order
      .flatMap((index) => Array<number>(places[index]!).fill(index))
      .slice(0, keep)
      .sort((a, b) => a - b)
      .join();
  return chosen(one) === chosen(other);
}
