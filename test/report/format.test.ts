import { expect } from 'chai';
import { formatCount, formatDuration, formatPercent } from '../../src/report/format.ts';

describe('report/format', () => {
  it('durations', () => {
    const cases: [number, string][] = [
      [0, '0 s'],
      [59.4, '59 s'],
      [59.6, '1 min 00 s'],
      [725, '12 min 05 s'],
      [3599.7, '1 h 00 min'],
      [11_239, '3 h 07 min'],
      [86_400, '1 d 00 h'],
      [187_200, '2 d 04 h'],
      [Number.NaN, '?'],
      [Number.POSITIVE_INFINITY, '?'],
      [-1, '?'],
    ];
    for (const [seconds, text] of cases) {
      expect(formatDuration(seconds), String(seconds)).to.equal(text);
    }
  });

  it('counts', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [950, '950'],
      [12.345, '12.3'],
      [999, '999'],
      [1000, '1.00k'],
      [12_345, '12.3k'],
      [999_499, '999k'],
      [999_500, '1.00M'],
      [89_700_000, '89.7M'],
      [4.5e9, '4.50G'],
      [-12_345, '-12.3k'],
    ];
    for (const [value, text] of cases) {
      expect(formatCount(value), String(value)).to.equal(text);
    }
  });

  it('shares', () => {
    expect(formatPercent(0.931)).to.equal('93.10 %');
  });
});
