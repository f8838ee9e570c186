/** What a network is scored by: its loss or its accuracy, on how many held-out images, with which batch-norm statistics. */
import { GreedynasError } from '../errors.ts';

export const measures = ['loss', 'top1'] as const;
export const statisticsKinds = ['batch', 'recalibrated'] as const;

/**
 * `batch`: statistics of the batch itself and label smoothing, as paths are ranked in training. `recalibrated`: statistics
 * of training images that are set for each network, no smoothing, as the search scores candidates.
 */
export type Statistics = (typeof statisticsKinds)[number];

export interface ScoreKind {
  readonly measure: (typeof measures)[number];
  /** The first ones of the order in which ranking and search take held-out images. */
  readonly images: number;
  readonly statistics: Statistics;
}

const form = 'loss or top1, then, if wanted, :<images>, then :batch or :recalibrated, such as top1:5000:recalibrated';

/**
 * Reads `loss`, `top1:5000`, `loss:1000:recalibrated`; what is left out is `images` and batch statistics.
 * @throws GreedynasError `usage` naming the flag
 */
export function parseScoreKind(flag: string, text: string, images: number): ScoreKind {
  const [first = '', ...rest] = text.split(':');
  const measure = measures.find((known) => known === first);
  const count = rest[0] !== undefined && /^[0-9]{1,9}$/.test(rest[0]) ? Number(rest.shift()) : images;
  const statistics = rest.length === 0 ? 'batch' : statisticsKinds.find((known) => known === rest[0]);
  if (measure === undefined || statistics === undefined || rest.length > 1 || count < 1) {
    throw new GreedynasError('usage', `--${flag} ${JSON.stringify(text.slice(0, 80))}, allowed: ${form}`);
  }
  return { measure, images: count, statistics };
}

/** The text that `parseScoreKind` reads back. */
export function formatScoreKind({ measure, images, statistics }: ScoreKind): string {
  return `${measure}:${images}${statistics === 'batch' ? '' : `:${statistics}`}`;
}

/** As a person says it. */
export function describeScoreKind({ measure, images, statistics }: ScoreKind): string {
  const how = statistics === 'batch' ? 'batch statistics' : 'recalibrated statistics';
  return `${measure === 'loss' ? 'loss' : 'top-1 accuracy'} on ${images} held-out images with ${how}`;
}
