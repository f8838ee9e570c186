/** What a ranking found: rank.json, and what `--json` prints. */
import type { Agreement, Comparison } from './agreement.ts';

export interface RankedNetwork {
  /** The genotype. */
  readonly path: string;
  /** The score as it is read: loss in nats, or accuracy in percent; null if the loss was not finite. */
  readonly score: number | null;
  /** Accuracy in percent, or −loss where networks are ranked against a loss. */
  readonly truth: number;
  readonly flops: number;
}

export interface RankResult {
  readonly run: string;
  readonly space: string;
  /** The checkpoint's folder. */
  readonly checkpoint: string;
  readonly step: number;
  /** The folder of the ranking. */
  readonly directory: string;
  /** What networks are ranked by, `loss:1000` for example. */
  readonly score: string;
  /** What they are ranked against: the name of a benchmark, or another score. */
  readonly against: string;
  /** The file of the benchmark's table. */
  readonly table: string | null;
  readonly seed: number;
  /** Networks that were ranked, and how many distinct ones the space has (digits: it may be more than a number counts exactly). */
  readonly networks: number;
  readonly distinct: string;
  /** Networks whose loss was not finite; they rank last. */
  readonly diverged: number;
  /** Scores that this command computed; the others were in the log. */
  readonly scored: number;
  readonly evaluatedImages: number;
  readonly seconds: number;
  readonly topShare: number;
  /** The supernet's scores. */
  readonly supernet: Agreement;
  /** FLOPs alone: more is taken for better. */
  readonly flops: Agreement;
  /** Correlations of the supernet's scores less those of FLOPs, on the same bootstrap samples. */
  readonly gain: Comparison['gain'];
  /** One training of the networks against another; null where the truth is no table of several trainings. */
  readonly seeds: Agreement | null;
  readonly best: {
    /** The network predicted best, and its place by truth, from 1. */
    readonly predicted: RankedNetwork & { readonly trueRank: number };
    /** The best of these networks by truth, and its predicted place, from 1. */
    readonly true: RankedNetwork & { readonly predictedRank: number };
    /** The best of the whole table and what the predicted best lacks to it; null without a table. */
    readonly table: { readonly path: string; readonly truth: number; readonly regret: number } | null;
  };
  /** Every network, in the order in which they were drawn. */
  readonly ranked: readonly RankedNetwork[];
}
