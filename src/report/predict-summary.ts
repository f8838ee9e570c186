/** What `greedynas predict` prints: a table of what each method found at each budget. */
import type { SweepSummary } from '../benchmarks/summary.ts';
import { formatDuration } from './format.ts';
import { type Column, formatTable } from './table.ts';

const right = (title: string): Column => ({ title, align: 'right' });
const spread = (mean: number, deviation: number, digits: number): string =>
  `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;

export function predictSummary(summary: SweepSummary, out: string): string {
  const { benchmark, networks, searched, reported, best, budgets, optimum, assessments, seconds } = summary;
  const parts = [
    `${benchmark}: ${networks} networks. A query answers the ${searched}; reported is the ${reported}, at best ${best.toFixed(2)} %.`,
  ];
  if (budgets.length > 0) {
    const columns = [
      { title: 'method' },
      ...['queries', 'trials', 'found (%)', 'regret', 'mean rank'].map((title) => right(title)),
    ];
    const rows = budgets.map((each) => [
      each.method,
      String(each.queries),
      String(each.trials),
      spread(each.mean, each.deviation, 2),
      Math.max(0, each.regret).toFixed(2),
      each.rank.toFixed(1),
    ]);
    parts.push(formatTable(columns, rows));
  }
  if (optimum.length > 0) {
    const columns = [
      { title: 'method' },
      { title: 'best by' },
      ...['trials', 'missed', 'mean queries', 'median', 'quartiles'].map((title) => right(title)),
    ];
    const rows = optimum.map((each) => [
      each.method,
      each.by === 'searched' ? searched : reported,
      String(each.trials),
      String(each.missed),
      each.mean.toFixed(1),
      each.median.toFixed(1),
      each.quartiles.map((value) => value.toFixed(0)).join(' … '),
    ]);
    parts.push(`Queries until the best network of the table was queried:\n${formatTable(columns, rows)}`);
  }
  if (assessments.length > 0) {
    const columns = [
      { title: 'predictor' },
      { title: 'on' },
      ...['fitted on', 'networks', 'seeds', 'MSE (%²)', 'Kendall', 'R²'].map((title) => right(title)),
    ];
    const rows = assessments.map((each) => [
      each.method,
      each.on,
      String(each.examples),
      String(each.networks),
      String(each.trials),
      spread(each.mse.mean, each.mse.deviation, 2),
      spread(each.kendall.mean, each.kendall.deviation, 3),
      spread(each.r2.mean, each.r2.deviation, 3),
    ]);
    parts.push(formatTable(columns, rows));
  }
  parts.push(`All trials together took ${formatDuration(seconds)}. Written to ${out}.`);
  return parts.join('\n\n');
}
