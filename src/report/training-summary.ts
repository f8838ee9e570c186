/** What a training says when it ends: why, what it cost, the best of the pool, and what to do next. */
import { formatFlops } from '../space/cost.ts';
import type { RunCost } from '../training/cost.ts';
import type { RaceCounts } from '../training/rank-paths.ts';
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

function costLine({ images, ratio, corrected }: RunCost): string {
  const counted = `${formatCount(images.optimised)} images optimised, ${formatCount(images.evaluated)} evaluated`;
  if (images.evaluated === 0) return `Cost: ${counted}.`;
  const paper = `${formatCount(corrected.paper)} at the paper's ${ratio.paper}`;
  if (ratio.measured === null || corrected.measured === null) {
    return `Cost: ${counted}; as optimised images ${paper} evaluated for one.`;
  }
  const measured = `${formatCount(corrected.measured)} at the ${ratio.measured.toFixed(2)} measured here`;
  return `Cost: ${counted}; as optimised images ${measured}, ${paper} evaluated for one.`;
}

function timeLine({ seconds }: RunCost): string {
  const parts = [
    [seconds.train, 'training'],
    [seconds.rank, 'ranking'],
    [seconds.audit, 'auditing races'],
    [seconds.data, 'data'],
    [seconds.start, 'starting'],
    [seconds.save, 'saving'],
  ] as const;
  const shown = parts.filter(([time]) => time > 0).map(([time, name]) => `${formatDuration(time)} ${name}`);
  return `Time: ${[`${formatDuration(seconds.total)} in all`, ...shown].join(', ')}.`;
}

function racingLine({ rounds, spared, audited, agreed }: RaceCounts, { images }: RunCost): string {
  const share = formatPercent(images.evaluated / (images.evaluated + spared));
  const audit =
    audited === 0
      ? ''
      : ` The full ranking chose the same paths in ${formatPercent(agreed / audited)} of ${formatCount(audited)} rounds.`;
  return `Racing: ${formatCount(rounds)} rounds with ${share} of their images, ${formatCount(spared)} spared.${audit}`;
}

export function trainingSummary(run: string, result: SupernetRunResult): string {
  const { cost, racing, best } = result;
  const lines = [why(result), costLine(cost), timeLine(cost)];
  if (racing !== null && racing.rounds > 0) lines.push(racingLine(racing, cost));
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
