import { expect } from 'chai';
import type { Candidate } from '../../src/search/evaluator.ts';
import { compareTop1 } from '../../src/search/result.ts';

describe('compareTop1', () => {
  const candidate = (top1: number): Candidate => ({ path: [], flops: 1, params: 1, loss: 1, top1 });
  const random = (...values: number[]): Candidate[] => values.map(candidate);
  const images = { images: 100, seen: false };

  it('gives percentile, median, 90th percentile and highest', () => {
    const sample = random(...Array.from({ length: 11 }, (_, index) => index / 10));
    expect(compareTop1(candidate(0.95), sample, images)).to.deep.equal({
      images: 100,
      seen: false,
      paths: 11,
      best: 0.95,
      percentile: (100 * 10) / 11,
      median: 0.5,
      ninetieth: 0.9,
      highest: 1,
    });
  });

  it('counts equal paths half, the best itself among the random ones too', () => {
    expect(compareTop1(candidate(0.5), random(0.5, 0.5, 0.4, 0.6), images).percentile).to.equal(50);
  });

  it('ranks what diverged below all else, on either side', () => {
    const some = compareTop1(candidate(0.1), random(Number.NaN, 0.2, Number.NaN, 0.4), images);
    expect(some).to.include({ paths: 4, percentile: 50, highest: 0.4 });
    expect(some.median).to.be.closeTo(0.3, 1e-12);
    const lost = compareTop1(candidate(Number.NaN), random(0.2, Number.NaN), images);
    expect(lost).to.include({ best: null, percentile: 25, highest: 0.2 });
    const none = compareTop1(candidate(0.1), random(Number.NaN), images);
    expect(none).to.include({ percentile: 100, median: null, ninetieth: null, highest: null });
  });
});
