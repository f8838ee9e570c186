/** What a training says when it ends: why, what it cost, the best of the pool, and what to do next. */
import { formatFlops } from '../space/cost.ts';
import type { SupernetRunResult } from '../training/supernet-run.ts';
import { formatCount, formatDuration, formatPercent } from './format.ts';

function why(result: SupernetRunResult): string {
  switch (result.end) {
    case 'length':
      return `Trained to its full length, ${result.step} steps.`;
    case 'stop-rule':
      return `Stopped at step ${result.step}: the candidate pool is steady (${formatPercent(result.pi ?? 0)} of it new since the snapshot).`;
    case 'signal':
      return `Stopped by a signal after step ${result.step}; everything is saved.`;
  }
}

export function trainingSummary(run: string, result: SupernetRunResult): string {
  const { counts, corrected, seconds, best } = result;
  const lines = [
    why(result),
    `Cost: ${formatCount(counts.optimised)} images optimised, ${formatCount(counts.evaluated)} evaluated, ${formatCount(Math.round(corrected))} corrected.`,
    `Time: ${formatDuration(seconds.train)} training, ${formatDuration(seconds.rank)} ranking, ${formatDuration(seconds.save)} saving.`,
  ];
  if (best !== null) {
    lines.push(
      `Pool: ${result.poolSize} paths; the best has loss ${best.loss.toFixed(4)} at ${formatFlops(best.flops)} FLOPs: ${best.path}`,
    );
  }
  lines.push(`Checkpoint: ${result.checkpoint}`);
  lines.push(
    result.end === 'signal'
      ? `Next: greedynas train-supernet --run ${run} --resume`
      : `Next: greedynas search --run ${run} --flops <limit>`,
  );
  return lines.join('\n');
}
