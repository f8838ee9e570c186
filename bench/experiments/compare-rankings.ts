/**
 * Rankings of the same networks by several supernets, side by side and pair by pair: what `greedynas rank --json` printed.
 *
 *     node --import tsx bench/experiments/compare-rankings.ts uniform.json fair.json greedy.json
 *
 * A difference has a 95 % bootstrap interval over networks, taken on the same samples for both sides.
 */
import { readFileSync } from 'node:fs';
import { createStream } from '../../src/random/stream.ts';
import { compareOrders } from '../../src/ranking/agreement.ts';
import type { RankResult } from '../../src/ranking/result.ts';
import { formatEstimate } from '../../src/report/ranking-summary.ts';
import { formatTable } from '../../src/report/table.ts';

const files = process.argv.slice(2);
if (files.length === 0) fail('give the files that "greedynas rank --json" wrote');
// Written by this version of the program a moment ago.
const results = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as RankResult);
const networks = (result: RankResult): string => result.ranked.map(({ path, truth }) => `${path} ${truth}`).join('\n');
const stranger = results.findIndex((result) => networks(result) !== networks(results[0]!));
if (stranger !== -1) fail(`${files[stranger]} ranks other networks, or against another truth, than ${files[0]}`);

/** Higher is better; a network whose loss was not finite is worse than all others. */
function predictions({ ranked, score }: RankResult): number[] {
  const sign = score.startsWith('loss') ? -1 : 1;
  const values = ranked.map((network) => (network.score === null ? null : sign * network.score));
  const worst = values.reduce<number>((least, value) => Math.min(least, value ?? least), Number.POSITIVE_INFINITY);
  return values.map((value) => value ?? worst - 1);
}

const titles = ['Spearman', 'Kendall', 'Spearman, best 20 %', 'Kendall, best 20 %'];
const columns = [{ title: '' }, ...titles.map((title) => ({ title }))];
type Both = Pick<RankResult['supernet'], 'overall' | 'top'>;
const cells = ({ overall, top }: Both, sign = false): string[] =>
  [overall.spearman, overall.kendall, top.spearman, top.kendall].map((estimate) => formatEstimate(estimate, sign));

const nameOf = ({ run, step, score }: RankResult): string => `${run}, step ${step}, ${score}`;
const [first] = results;
const alone = [...results.map((result) => [nameOf(result), ...cells(result.supernet)])];
alone.push(['FLOPs alone', ...cells(first!.flops)]);
if (first!.seeds !== null) alone.push(['another training', ...cells(first!.seeds)]);
console.log(`${first!.networks} networks against ${first!.against}\n\n${formatTable(columns, alone)}`);

const truth = first!.ranked.map((network) => network.truth);
const pairs = results.flatMap((one, index) => results.slice(index + 1).map((other) => [one, other] as const));
const differences = pairs.map(([one, other]) => {
  const orders = { predicted: predictions(other), other: predictions(one), truth };
  const { gain } = compareOrders(orders, createStream(first!.seed, 'compare-rankings'));
  return [`${other.run} - ${one.run}`, ...cells(gain, true)];
});
if (differences.length > 0) console.log(`\n${formatTable(columns, differences)}`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
