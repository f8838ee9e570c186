/** What a retraining says when it ends. */
import type { RetrainOutcome } from '../retraining/run.ts';
import { formatDuration, formatPercent } from './format.ts';

export function retrainSummary(outcome: RetrainOutcome): string {
  const { end, step, best, last, subnet, name, seconds } = outcome;
  const lines = [
    end === 'length'
      ? `Retrained to its full length, ${step} updates in ${formatDuration(seconds.train + seconds.rank + seconds.save)}.`
      : `Stopped at update ${step}; go on with "greedynas retrain --resume --run ${name}".`,
  ];
  if (best !== null && last !== null && subnet !== null) {
    lines.push(
      `Best of the evaluated epochs on the held-out images: epoch ${best.epoch}, top-1 ${formatPercent(best.top1)} (the last: ${formatPercent(last.top1)}).`,
      `Its weights are ${subnet}.`,
      `Next: greedynas evaluate --subnet ${subnet} --split test`,
    );
  }
  return lines.join('\n');
}
