/** What a ranking says when it ends: agreement with the truth, beside FLOPs alone and beside a second training of the networks. */
import type { Agreement, Estimate } from '../ranking/agreement.ts';
import type { RankedNetwork, RankResult } from '../ranking/result.ts';
import { describeScoreKind, parseScoreKind } from '../ranking/score-kind.ts';
import { formatFlops } from '../space/cost.ts';
import { formatDuration } from './format.ts';
import { formatTable } from './table.ts';

/** "0.552 [0.517, 0.584]", the interval in brackets. */
export function formatEstimate({ value, low, high }: Estimate, sign = false): string {
  if (value === null) return '-';
  const text = (number: number) => `${sign && number > 0 ? '+' : ''}${number.toFixed(3)}`;
  return low === null || high === null ? text(value) : `${text(value)} [${text(low)}, ${text(high)}]`;
}

function share(value: number | null): string {
  return value === null ? '-' : `${Math.round(100 * value)} %`;
}

/** A column of the table: correlations, overlaps, regret. */
function column({ overall, top, overlap10, overlap50, regret }: Agreement, decimals: number): string[] {
  const correlations = [overall.spearman, overall.kendall, top.spearman, top.kendall];
  return [
    ...correlations.map((estimate) => formatEstimate(estimate)),
    share(overlap10),
    share(overlap50),
    regret.toFixed(decimals),
  ];
}

/** Whether the truth is a loss, and how its values are read. */
function truthOf({ against, table }: RankResult): { text: string; isLoss: boolean } {
  if (table !== null) return { text: 'true accuracy (NAS-Bench-Macro, mean of 3 trainings)', isLoss: false };
  const kind = parseScoreKind('against', against, 1);
  return { text: describeScoreKind(kind), isLoss: kind.measure === 'loss' };
}

export function rankingSummary(result: RankResult): string {
  const { networks, distinct, space, supernet, flops, gain, seeds, best, topShare } = result;
  const truth = truthOf(result);
  const decimals = truth.isLoss ? 4 : 2;
  const share = `best ${Math.round(100 * topShare)} %`;
  const titles = ['Spearman', 'Kendall', `Spearman, ${share}`, `Kendall, ${share}`, 'best 10', 'best 50', 'regret'];
  const gains = [gain.overall.spearman, gain.overall.kendall, gain.top.spearman, gain.top.kendall];
  const columns = [
    { title: 'supernet', cells: column(supernet, decimals) },
    { title: 'FLOPs alone', cells: column(flops, decimals) },
    { title: 'supernet - FLOPs', cells: [...gains.map((estimate) => formatEstimate(estimate, true)), '', '', ''] },
    ...(seeds === null ? [] : [{ title: 'another training', cells: column(seeds, decimals) }]),
  ];
  const table = formatTable(
    [{ title: '' }, ...columns],
    titles.map((title, index) => [title, ...columns.map(({ cells }) => cells[index]!)]),
  );
  const score = describeScoreKind(parseScoreKind('score', result.score, 1));
  const value = (network: Pick<RankedNetwork, 'truth'>): string =>
    truth.isLoss ? `loss ${(-network.truth).toFixed(4)}` : `${network.truth.toFixed(2)} %`;
  const { predicted } = best;
  const lines = [
    `${result.run}, step ${result.step}: ${networks} of the ${distinct} distinct networks of ${space}, by ${score}, against ${truth.text}.`,
    '',
    table,
    '',
    'In brackets 95 % bootstrap intervals over networks. Best 10: share of the 10 best that are among the 10 predicted best. Regret: what the predicted best lacks to the best.',
    `Predicted best: ${predicted.path}, ${formatFlops(predicted.flops)} FLOPs: ${value(predicted)}, number ${predicted.trueRank} of ${networks}.`,
    `Best: ${best.true.path}, ${formatFlops(best.true.flops)} FLOPs: ${value(best.true)}, predicted number ${best.true.predictedRank}.`,
  ];
  if (best.table !== null) {
    lines.push(
      `Best of the whole table: ${best.table.path}: ${value(best.table)}, ${best.table.regret.toFixed(2)} above the predicted best.`,
    );
  }
  if (result.diverged > 0) lines.push(`${result.diverged} networks have no finite loss and rank last.`);
  const done = result.scored === 0 ? 'Nothing had to be scored' : `${result.scored} scores`;
  lines.push(`${done} in ${formatDuration(result.seconds)}. Written to ${result.directory}.`);
  return lines.join('\n');
}
