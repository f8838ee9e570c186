/** What a run has cost, with evaluated images made comparable to optimised ones (GreedyNAS, table 4): as the paper and as measured. */
import { z } from 'zod';
import { type ImageCounts, type Pace, phases, type WallTime } from './ledger.ts';

/** Evaluated images that cost as much as one optimised image, in the paper: 1.23M·46 + 2.40M·46/3.33 = 89.7M. */
const paperRatio = 3.33;

/** Optimised + evaluated / ratio: the paper's "corrected number of optimised images". */
export function correctedImages({ optimised, evaluated }: ImageCounts, ratio = paperRatio): number {
  return optimised + evaluated / ratio;
}

const count = z.int().min(0);
const seconds = z.number();

/** As cost.json and search.json hold it. */
export const runCostSchema = z.strictObject({
  images: z.strictObject({ optimised: count, evaluated: count }),
  /** Evaluated images that cost as much as one optimised image; measured in this run, null where nothing was ranked. */
  ratio: z.strictObject({ paper: z.number(), measured: z.number().nullable() }),
  /** Optimised images that would have cost as much as all of it, rounded, at each of these ratios. */
  corrected: z.strictObject({ paper: count, measured: count.nullable() }),
  /** Wall time, by phase and of all of them. */
  seconds: z.strictObject({
    start: seconds,
    data: seconds,
    train: seconds,
    rank: seconds,
    audit: seconds,
    save: seconds,
    total: seconds,
  }),
});

export type RunCost = Readonly<z.infer<typeof runCostSchema>>;

export function costOf(images: ImageCounts, { pace, ...seconds }: WallTime): RunCost {
  const measured = measuredRatio(pace);
  // Without evaluations there is nothing to correct.
  const ratio = images.evaluated === 0 ? paperRatio : measured;
  return {
    images,
    ratio: { paper: paperRatio, measured },
    corrected: {
      paper: Math.round(correctedImages(images)),
      measured: ratio === null ? null : Math.round(correctedImages(images, ratio)),
    },
    seconds: { ...seconds, total: phases.reduce((sum, phase) => sum + seconds[phase], 0) },
  };
}

/** Seconds of an optimised image over those of an evaluated one; null as long as one of them was not measured. */
function measuredRatio({ train, rank }: Pace): number | null {
  const ratio = train.seconds / train.images / (rank.seconds / rank.images);
  return Number.isFinite(ratio) && ratio > 0 ? ratio : null;
}
