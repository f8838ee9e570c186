/** The result of evaluating one network, in a few lines. */
import { formatPercent } from './format.ts';

export interface Evaluation {
  /** The genotype. */
  readonly path: string;
  readonly split: 'validation' | 'test';
  readonly images: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

export function evaluationSummary({ path, split, images, loss, top1, top5 }: Evaluation): string {
  return [
    `Path: ${path}`,
    `${images} ${split} images: loss ${loss.toFixed(6)}, top-1 ${formatPercent(top1)}, top-5 ${formatPercent(top5)}`,
  ].join('\n');
}
