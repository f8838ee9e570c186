/** What a sweep leaves for people: summary.json, tables as CSV, curves and scatter plots as SVG. */
import { join } from 'node:path';
import type { SweepResult } from '../benchmarks/sweep.ts';
import { writeDurably } from '../storage/durable.ts';
import { drawChart } from './line-chart.ts';

/** Curves begin here: before, the regret of a random network or two hides what comes after. */
const firstQuery = 10;

/** Writes them into the sweep's folder; what was there is replaced. */
export async function writePredictFiles(out: string, { summary, curves, samples }: SweepResult): Promise<void> {
  const { benchmark, searched, reported, best, budgets } = summary;
  await writeDurably(join(out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  if (samples.length > 0) {
    const rows = samples.flatMap(({ method, points }) => points.map((point) => [method, ...point]));
    await writeDurably(join(out, 'scatter.csv'), table(['method', 'true', 'predicted'], rows));
    const chart = drawChart({
      title: `${benchmark}: predicted against true accuracy, seed 1`,
      x: `${searched} (%)`,
      y: 'predicted (%)',
      series: samples.map(({ method, points }) => ({ name: method, points })),
      marks: 'points',
    });
    await writeDurably(join(out, 'scatter.svg'), chart);
  }
  if (budgets.length > 0) {
    const header = ['method', 'queries', 'trials', 'mean', 'deviation', 'regret', 'rank'];
    const rows = budgets.map((each) => [
      each.method,
      each.queries,
      each.trials,
      each.mean,
      each.deviation,
      each.regret,
      each.rank,
    ]);
    await writeDurably(join(out, 'summary.csv'), table(header, rows));
  }
  if (curves.length > 0) {
    const rows = curves.map(({ method, queries, mean, deviation, rank }) => [method, queries, mean, deviation, rank]);
    await writeDurably(join(out, 'curve.csv'), table(['method', 'queries', 'mean', 'deviation', 'rank'], rows));
    const last = Math.max(...curves.map(({ queries }) => queries));
    const shown = curves.filter(({ queries }) => queries >= Math.min(firstQuery, last));
    const chart = drawChart({
      title: `${benchmark}: regret of the network found, mean over seeds`,
      x: 'queries',
      y: `${reported}: best less found (%)`,
      series: [...new Set(shown.map(({ method }) => method))].map((name) => ({
        name,
        points: shown.filter(({ method }) => method === name).map(({ queries, mean }) => [queries, best - mean]),
      })),
      logarithmic: true,
    });
    await writeDurably(join(out, 'curve.svg'), chart);
  }
}

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string =>
    typeof value === 'number' ? String(Number(value.toFixed(6))) : value;
  return [header.join(','), ...rows.map((row) => row.map(cell).join(','))].map((line) => `${line}\n`).join('');
}
