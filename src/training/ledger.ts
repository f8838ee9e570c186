/** The cost of a run: images optimised, images evaluated, their corrected total (GreedyNAS, table 4), and wall seconds by phase. */

/** Evaluated images that cost as much as one optimised image; the paper's measured ratio (1.23M·46 + 2.40M·46/3.33 = 89.7M). */
const evaluatedPerOptimised = 3.33;

/** Seconds since some fixed moment, never going back. */
export type Clock = () => number;

export const phases = ['train', 'rank', 'save'] as const;
export type Phase = (typeof phases)[number];
export type PhaseSeconds = Readonly<Record<Phase, number>>;

/** What of the ledger is a pure function of the run, so that a resumed run ends with the same numbers. */
export interface ImageCounts {
  readonly optimised: number;
  readonly evaluated: number;
}

export interface CostLedger {
  addOptimised(images: number): void;
  addEvaluated(images: number): void;
  readonly counts: ImageCounts;
  /** Optimised + evaluated / ratio: the "corrected number of optimised images". */
  readonly corrected: number;
  readonly seconds: PhaseSeconds;
  /** Runs `work` and adds its wall time to `phase`. */
  time<T>(phase: Phase, work: () => T): T;
  timeAsync<T>(phase: Phase, work: () => Promise<T>): Promise<T>;
}

export interface LedgerOptions {
  readonly clock: Clock;
  readonly ratio?: number;
  /** What earlier sessions of the run have spent. */
  readonly counts?: ImageCounts;
  readonly seconds?: PhaseSeconds;
}

export function correctedImages(counts: ImageCounts, ratio = evaluatedPerOptimised): number {
  return counts.optimised + counts.evaluated / ratio;
}

export function createLedger(options: LedgerOptions): CostLedger {
  const { clock, ratio = evaluatedPerOptimised } = options;
  let { optimised, evaluated } = options.counts ?? { optimised: 0, evaluated: 0 };
  const seconds: Record<Phase, number> = { train: 0, rank: 0, save: 0, ...options.seconds };
  return {
    addOptimised(images) {
      optimised += images;
    },
    addEvaluated(images) {
      evaluated += images;
    },
    get counts() {
      return { optimised, evaluated };
    },
    get corrected() {
      return correctedImages({ optimised, evaluated }, ratio);
    },
    get seconds() {
      return { ...seconds };
    },
    time(phase, work) {
      const start = clock();
      try {
        return work();
      } finally {
        seconds[phase] += clock() - start;
      }
    },
    async timeAsync(phase, work) {
      const start = clock();
      try {
        return await work();
      } finally {
        seconds[phase] += clock() - start;
      }
    },
  };
}
