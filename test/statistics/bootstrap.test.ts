import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { bootstrapIntervals } from '../../src/statistics/bootstrap.ts';

const normal = (seed: number, count: number): number[] => {
  const stream = createStream(seed, 'normal');
  // Twelve uniforms: variance 1, near enough to a normal number.
  return Array.from({ length: count }, () => {
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += stream.uniform();
    return sum;
  });
};
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('bootstrapIntervals', () => {
  const intervalOfMean = (values: readonly number[], seed: number, confidence?: number) =>
    bootstrapIntervals({
      count: values.length,
      figures: (sample) => [mean(sample.map((index) => values[index]!))],
      samples: 400,
      stream: createStream(seed, 'bootstrap'),
      ...(confidence === undefined ? {} : { confidence }),
    })[0]!;

  it('has the width that theory gives for a mean: 2 · 1.96 / √n', () => {
    const { low, high } = intervalOfMean(normal(1, 400), 1);
    expect(high - low).to.be.closeTo((2 * 1.96) / 20, 0.03);
    const narrow = intervalOfMean(normal(1, 400), 1, 0.5);
    expect(narrow.high - narrow.low).to.be.closeTo((2 * 0.674) / 20, 0.02);
  });

  it('holds the truth about as often as it says', () => {
    let held = 0;
    for (let seed = 0; seed < 100; seed++) {
      const { low, high } = intervalOfMean(normal(seed, 50), seed);
      if (low <= 0 && high >= 0) held += 1;
    }
    expect(held).to.be.within(88, 99);
  });

  it('is a function of the stream', () => {
    const values = normal(1, 30);
    expect(intervalOfMean(values, 1)).to.deep.equal(intervalOfMean(values, 1));
    expect(intervalOfMean(values, 2)).to.not.deep.equal(intervalOfMean(values, 1));
  });

  it('takes all figures from the same samples, so that a difference of equal things is none', () => {
    const values = normal(1, 30);
    const [, difference] = bootstrapIntervals({
      count: 30,
      figures: (sample) => {
        const one = mean(sample.map((index) => values[index]!));
        const other = mean(sample.map((index) => values[index]! + 1));
        return [one, other - one];
      },
      samples: 50,
      stream: createStream(1, 'bootstrap'),
    });
    expect(difference!.low).to.be.closeTo(1, 1e-12);
    expect(difference!.high).to.be.closeTo(1, 1e-12);
  });

  it('leaves undefined samples out', () => {
    const [interval, never] = bootstrapIntervals({
      count: 2,
      figures: ([first, second]) => [first === second ? Number.NaN : 1, Number.NaN],
      samples: 50,
      stream: createStream(1, 'bootstrap'),
    });
    expect(interval).to.deep.equal({ low: 1, high: 1 });
    expect(never!.low).to.satisfy(Number.isNaN);
  });
});
