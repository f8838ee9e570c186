import { expect } from 'chai';
import sharp from 'sharp';
import type { Agreement, Estimate } from '../../src/ranking/agreement.ts';
import type { RankResult } from '../../src/ranking/result.ts';
import { createRankProgress } from '../../src/report/rank-progress.ts';
import { rankingPlot } from '../../src/report/ranking-plot.ts';
import { formatEstimate, rankingSummary } from '../../src/report/ranking-summary.ts';

const estimate = (value: number): Estimate => ({ value, low: value - 0.03, high: value + 0.03 });
const correlations = (value: number) => ({ spearman: estimate(value + 0.2), kendall: estimate(value) });
const agreement = (value: number): Agreement => ({
  overall: correlations(value),
  top: correlations(value / 2),
  overlap10: 0.4,
  overlap50: null,
  regret: 0.357,
});
const network = (number: number) => ({
  path: number % 2 === 0 ? `e3k3 <${number}>` : `e6k5 ${number}`,
  score: 1 + number / 100,
  truth: 90 + ((number * 7) % 31) / 10,
  flops: 1e7 * (1 + number),
});
const ranked = Array.from({ length: 40 }, (_, number) => network(number));

const result: RankResult = {
  run: 'macro',
  space: 'nas-bench-macro',
  checkpoint: 'checkpoints/macro/step-00000060',
  step: 60,
  directory: 'checkpoints/macro/rank/step-60-1000',
  score: 'loss:1000',
  against: 'nas-bench-macro',
  table: 'table.json.gz',
  seed: 0,
  networks: 40,
  distinct: '3969',
  diverged: 0,
  scored: 40,
  evaluatedImages: 40_000,
  seconds: 75,
  topShare: 0.2,
  supernet: agreement(0.6),
  flops: agreement(0.5),
  gain: { overall: correlations(0.1), top: correlations(-0.4) },
  seeds: agreement(0.88),
  best: {
    predicted: { ...network(0), trueRank: 12 },
    true: { ...network(22), predictedRank: 23 },
    table: { path: 'e6k5 1', truth: 93.13, regret: 2.1 },
  },
  ranked,
};

describe('report/ranking-summary', () => {
  it('sets the supernet beside FLOPs alone and another training, with intervals', () => {
    const lines = rankingSummary(result).split('\n');
    expect(lines[0]).to.equal(
      'macro, step 60: 40 of the 3969 distinct networks of nas-bench-macro, by loss on 1000 held-out images with batch statistics, against true accuracy (NAS-Bench-Macro, mean of 3 trainings).',
    );
    const row = (name: string) => lines.find((line) => line.startsWith(name))!.split(/ {2,}/);
    expect(row('    ')).to.deep.equal(['', 'supernet', 'FLOPs alone', 'supernet - FLOPs', 'another training']);
    expect(row('Kendall  ')).to.deep.equal([
      'Kendall',
      '0.600 [0.570, 0.630]',
      '0.500 [0.470, 0.530]',
      '+0.100 [+0.070, +0.130]',
      '0.880 [0.850, 0.910]',
    ]);
    expect(row('Kendall, best 20 %')[3]).to.equal('-0.400 [-0.430, -0.370]');
    expect(row('best 10')).to.include('40 %');
    expect(row('best 50')).to.include('-');
    expect(row('regret')).to.include('0.36');
    expect(rankingSummary(result)).to.include('number 12 of 40').and.to.include('2.10 above the predicted best');
  });

  it('says nothing of other trainings where the truth is another score', () => {
    const text = rankingSummary({
      ...result,
      table: null,
      against: 'loss:5000',
      seeds: null,
      diverged: 2,
      scored: 0,
      best: { ...result.best, table: null },
    });
    expect(text).to.not.include('another training');
    expect(text).to.include('against loss on 5000 held-out images').and.to.include('2 networks have no finite loss');
    expect(text).to.include('Nothing had to be scored');
  });

  it('writes a dash for what is undefined', () => {
    expect(formatEstimate({ value: null, low: null, high: null })).to.equal('-');
    expect(formatEstimate({ value: 0.5, low: null, high: null })).to.equal('0.500');
  });
});

describe('report/ranking-plot', () => {
  it('draws a point for each network, and the best ones once more', async () => {
    const svg = rankingPlot(result);
    expect(svg.match(/<title>/g)).to.have.length(40 + 8);
    expect(svg).to.include('e3k3 &lt;0&gt;').and.to.not.include('e3k3 <0>');
    expect(svg).to.not.match(/NaN|undefined|Infinity/);
    expect(svg).to.include('Kendall 0.600 [0.570, 0.630]').and.to.include('FLOPs alone: Kendall 0.500');
    const { width, height, format } = await sharp(Buffer.from(svg)).metadata();
    expect({ format, wide: width! > height! }).to.deep.equal({ format: 'svg', wide: true });
  });

  it('has a lower loss further right, and a higher accuracy too', () => {
    const centres = (score: string): number[] =>
      Array.from(rankingPlot({ ...result, score }).matchAll(/<circle cx="([\d.]+)"/g), ([, x]) => Number(x)).slice(
        0,
        40,
      );
    expect(centres('loss:1000')).to.deep.equal(centres('loss:1000').toSorted((a, b) => b - a));
    expect(centres('top1:1000')).to.deep.equal(centres('top1:1000').toSorted((a, b) => a - b));
  });

  it('leaves networks without a score out and says so, also where there is no other', () => {
    const partly = {
      ...result,
      diverged: 1,
      ranked: ranked.map((each, index) => (index === 3 ? { ...each, score: null } : each)),
    };
    expect(rankingPlot(partly)).to.include('1 without a finite score');
    const none = rankingPlot({ ...result, ranked: ranked.map((each) => ({ ...each, score: null })) });
    expect(none).to.include('No network has a finite score');
  });

  it('works where all networks score the same', () => {
    const svg = rankingPlot({
      ...result,
      ranked: ranked.map((each) => ({ ...each, score: 1, truth: 90, flops: 1e7 })),
    });
    expect(svg).to.not.match(/NaN|undefined|Infinity/);
  });
});

describe('report/rank-progress', () => {
  it('writes a line every 50 scores and for the last', () => {
    let text = '';
    let seconds = 0;
    const out = { write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
    const progress = createRankProgress({ out, interactive: false, clock: () => seconds });
    for (let scored = 1; scored <= 120; scored++) {
      progress.report({ scored, total: 120 });
      seconds += 2;
    }
    progress.end();
    expect(text).to.equal('scored 50/120  2 min 20 s left\nscored 100/120  40 s left\nscored 120/120  0 s left\n');
  });
});
