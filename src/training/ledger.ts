/**
 * The cost of a run: images optimised and evaluated, which are a function of the run, and wall seconds by phase with the pace
 * of training and ranking, which are not, and are kept apart.
 */

/** Seconds since some fixed moment, never going back. */
export type Clock = () => number;

/**
 * Where the wall time of a run goes: opening the supernet; the data set, and the batches as far as training waits for them;
 * training steps; ranking; what an audit of racing evaluates beyond it; checkpoints.
 */
export const phases = ['start', 'data', 'train', 'rank', 'audit', 'save'] as const;
export type Phase = (typeof phases)[number];
export type PhaseSeconds = Readonly<Record<Phase, number>>;

/** What of the ledger is a pure function of the run, so that a resumed run ends with the same numbers. */
export interface ImageCounts {
  /** Images that went forward and back, once for each path. */
  readonly optimised: number;
  /** Images that went forward to rank a path. */
  readonly evaluated: number;
}

interface Measured {
  readonly images: number;
  readonly seconds: number;
}

/** How fast training and ranking went, without the first call of each in a session, in which TensorFlow optimises the graph. */
export interface Pace {
  readonly train: Measured;
  readonly rank: Measured;
}

/** What of the ledger the clock decides. */
export type WallTime = PhaseSeconds & { readonly pace: Pace };

export interface CostLedger {
  /** Runs a training step and counts its images. */
  optimise<T>(work: () => T, images: (result: T) => number): T;
  /** Runs an evaluation that ranks a path and counts its images. */
  evaluate<T>(work: () => T, images: (result: T) => number): T;
  readonly counts: ImageCounts;
  readonly seconds: WallTime;
  /** Runs `work` and adds its wall time to `phase`. */
  time<T>(phase: Phase, work: () => T): T;
  timeAsync<T>(phase: Phase, work: () => Promise<T>): Promise<T>;
}

export interface LedgerOptions {
  readonly clock: Clock;
  /** What earlier sessions of the run have spent. */
  readonly counts?: ImageCounts;
  readonly seconds?: WallTime;
}

export const noPace: Pace = { train: { images: 0, seconds: 0 }, rank: { images: 0, seconds: 0 } };

/** Of a run that has not begun. */
export const noTime: WallTime = { start: 0, data: 0, train: 0, rank: 0, audit: 0, save: 0, pace: noPace };

export function createLedger(options: LedgerOptions): CostLedger {
  const { clock } = options;
  let counts = options.counts ?? { optimised: 0, evaluated: 0 };
  let { pace, ...seconds } = options.seconds ?? noTime;
  const begun = { train: false, rank: false };

  /** Returns the seconds that `work` took as well. */
  const timed = <T>(phase: Phase, work: () => T): [T, number] => {
    const start = clock();
    let took = 0;
    let result: T;
    try {
      result = work();
    } finally {
      took = clock() - start;
      seconds = { ...seconds, [phase]: seconds[phase] + took };
    }
    return [result, took];
  };
  const measured = <T>(phase: 'train' | 'rank', work: () => T, imagesOf: (result: T) => number): [T, number] => {
    const [result, took] = timed(phase, work);
    const images = imagesOf(result);
    if (begun[phase]) {
      const before = pace[phase];
      pace = { ...pace, [phase]: { images: before.images + images, seconds: before.seconds + took } };
    }
    begun[phase] = true;
    return [result, images];
  };
  return {
    optimise(work, imagesOf) {
      const [result, images] = measured('train', work, imagesOf);
      counts = { ...counts, optimised: counts.optimised + images };
      return result;
    },
    evaluate(work, imagesOf) {
      const [result, images] = measured('rank', work, imagesOf);
      counts = { ...counts, evaluated: counts.evaluated + images };
      return result;
    },
    get counts() {
      return counts;
    },
    get seconds() {
      return { ...seconds, pace };
    },
    time: (phase, work) => timed(phase, work)[0],
    async timeAsync(phase, work) {
      const start = clock();
      try {
        return await work();
      } finally {
        seconds = { ...seconds, [phase]: seconds[phase] + clock() - start };
      }
    },
  };
}
