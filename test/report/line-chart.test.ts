import { expect } from 'chai';
import { drawChart, logarithmicTicks } from '../../src/report/line-chart.ts';

const chart = {
  title: 'a < b',
  x: 'queries',
  y: 'regret',
  series: [
    {
      name: 'one & only',
      points: [
        [1, 5],
        [10, 2],
        [100, 1],
      ] as const,
    },
  ],
};

describe('drawChart', () => {
  it('spreads points over the frame, on a logarithmic axis by their ratio', () => {
    const points = /points="([^"]*)"/.exec(drawChart({ ...chart, logarithmic: true }))?.[1];
    expect(points).to.equal('70.0,36.0 385.0,300.0 700.0,388.0');
    expect(/points="([^"]*)"/.exec(drawChart(chart))?.[1]).to.match(/^70\.0,36\.0 127\.3,/);
  });

  it('writes text so that it is valid in XML', () => {
    const svg = drawChart(chart);
    expect(svg).to.include('a &lt; b').and.to.include('one &amp; only');
    expect(svg).to.match(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it('draws dots if told, and survives values that are all equal', () => {
    const svg = drawChart({
      ...chart,
      marks: 'points',
      series: [
        {
          name: 'dots',
          points: [
            [3, 3],
            [3, 3],
          ],
        },
      ],
    });
    expect(svg.match(/<circle/g)).to.have.length(2);
    expect(svg).not.to.include('NaN');
  });

  it('refuses what cannot be drawn', () => {
    expect(() => drawChart({ ...chart, series: [] })).to.throw(RangeError, 'no point');
    expect(() => drawChart({ ...chart, series: [{ name: '', points: [[1, Number.NaN]] }] })).to.throw('[1, NaN]');
    expect(() => drawChart({ ...chart, logarithmic: true, series: [{ name: '', points: [[0, 1]] }] })).to.throw(
      '[0, 1]',
    );
  });
});

describe('logarithmicTicks', () => {
  it('are 1, 2 and 5 times powers of ten inside the range', () => {
    expect(logarithmicTicks(3, 120)).to.deep.equal([5, 10, 20, 50, 100]);
    expect(logarithmicTicks(1, 2)).to.deep.equal([1, 2]);
  });
});
