import { expect } from 'chai';
import { describeMeasurement, measurementSummary } from '../../src/report/latency-summary.ts';
import { toySpace } from '../sampling/toy-space.ts';

describe('report/latency-summary', () => {
  const space = toySpace(2, 2);
  const measured = {
    latency: {
      fixed: 2,
      layers: [
        [0.5, 1],
        [0, 3.25],
      ],
    },
    overhead: 0.125,
    spread: 0.05,
    checks: [
      { path: [0, 0], predicted: 2.5, measured: 2 },
      { path: [1, 1], predicted: 6.25, measured: 6.25 / 0.85 },
    ],
  };
  const description = describeMeasurement(space, measured, { device: 'abacus', batch: 1 }, 'here.yaml');

  it('has the range of the paths, and the error of each sum', () => {
    expect(description.paths).to.deep.equal({ smallest: 2.5, largest: 6.25 });
    expect(description.checks.map(({ error }) => Number(error.toFixed(6)))).to.deep.equal([0.25, -0.15]);
  });

  it('says what was measured, on what, and how far off the sums are', () => {
    const text = measurementSummary(description);
    for (const part of [
      'toy at 8 px: device abacus, batch 1',
      'layer0  e1k3 500us  e2k3 1ms',
      'Fixed: 2ms, of it 125us for a call that computes nothing',
      'Paths: 2.5ms to 6.25ms',
      'Sums against 2 whole networks: 20.0 % off on average',
      '+25.0 %',
      '-15.0 %',
      'Next: greedynas search --latency-table here.yaml',
    ]) {
      expect(text).to.include(part);
    }
    expect(text).to.not.include('busy');
    const noisy = measurementSummary({ ...description, spread: 0.37 });
    expect(noisy).to.include('Single runs differ by 37 %: the machine was busy');
    const bare = measurementSummary(describeMeasurement(space, { ...measured, checks: [] }, {}, null));
    expect(bare).to.not.include('Next').and.to.not.include('whole networks');
  });
});
