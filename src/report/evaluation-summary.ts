/** The result of evaluating one subnet, in a few lines. */
import type { Evaluation } from '../search/subnets.ts';
import { formatPercent } from './format.ts';

export function evaluationSummary({ path, split, images, loss, top1, top5, recorded }: Evaluation): string {
  const lines = [
    `Path: ${path}`,
    `${images} ${split} images: loss ${loss.toFixed(6)}, top-1 ${formatPercent(top1)}, top-5 ${formatPercent(top5)}`,
  ];
  if (split === 'validation') {
    lines.push(`The search found on them: loss ${recorded.loss.toFixed(6)}, top-1 ${formatPercent(recorded.top1)}`);
  }
  return lines.join('\n');
}
