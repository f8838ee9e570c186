import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { createStream } from '../../src/random/stream.ts';
import { kendall } from '../../src/statistics/kendall.ts';
import { meanRanks } from '../../src/statistics/ranks.ts';
import { spearman } from '../../src/statistics/spearman.ts';

interface Case {
  readonly name: string;
  readonly one: number[];
  readonly other: number[];
  readonly spearman: number | null;
  readonly kendall: number | null;
}

const file = new URL('../fixtures/statistics/correlations.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

/** Small whole numbers, so that many tie. */
const pairs = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { minLength: 2, maxLength: 40 });

describe('spearman and kendall', () => {
  for (const { name, one, other, ...expected } of cases) {
    it(`agree with SciPy: ${name}`, () => {
      for (const [measure, value] of [
        [spearman, expected.spearman],
        [kendall, expected.kendall],
      ] as const) {
        const got = measure(one, other);
        if (value === null) expect(got).to.satisfy(Number.isNaN);
        else expect(got).to.be.closeTo(value, 1e-12);
        expect(measure(other, one), 'the other way round').to.deep.equal(got);
      }
    });
  }

  it('count pairs as the definition of τ-b does', () => {
    const byDefinition = (one: number[], other: number[]): number => {
      let agree = 0;
      let first = 0;
      let second = 0;
      for (let a = 0; a < one.length; a++) {
        for (let b = 0; b < a; b++) {
          const [x, y] = [Math.sign(one[a]! - one[b]!), Math.sign(other[a]! - other[b]!)];
          agree += x * y;
          first += x * x;
          second += y * y;
        }
      }
      return agree / Math.sqrt(first) / Math.sqrt(second);
    };
    fc.assert(
      fc.property(pairs, (each) => {
        const [one, other] = [each.map(([x]) => x), each.map(([, y]) => y)];
        const expected = byDefinition(one, other);
        if (Number.isNaN(expected)) expect(kendall(one, other)).to.satisfy(Number.isNaN);
        else expect(kendall(one, other)).to.be.closeTo(expected, 1e-12);
      }),
    );
  });

  it('depend on the order alone, and turn their sign with it', () => {
    fc.assert(
      fc.property(pairs, (each) => {
        const [one, other] = [each.map(([x]) => x), each.map(([, y]) => y)];
        for (const measure of [spearman, kendall]) {
          const value = measure(one, other);
          expect(measure(one.map(Math.exp), other)).to.deep.equal(value);
          const turned = measure(
            one,
            other.map((y) => -y),
          );
          if (Number.isNaN(value)) expect(turned).to.satisfy(Number.isNaN);
          else expect(turned).to.be.closeTo(-value, 1e-12);
        }
      }),
    );
  });

  it('take a hundred thousand pairs in well under a second: no pair is looked at by itself', () => {
    const stream = createStream(1, 'pairs');
    const one = Array.from({ length: 100_000 }, () => stream.uniform());
    const began = performance.now();
    expect(Math.abs(kendall(one, one.toReversed()))).to.be.below(0.02);
    expect(Math.abs(spearman(one, one.toReversed()))).to.be.below(0.02);
    expect(performance.now() - began).to.be.below(5000);
  });

  it('are undefined for fewer than two pairs', () => {
    for (const measure of [spearman, kendall]) {
      expect(measure([], [])).to.satisfy(Number.isNaN);
      expect(measure([1], [2])).to.satisfy(Number.isNaN);
    }
  });

  it('refuse lists of unequal lengths and what has no rank', () => {
    for (const measure of [spearman, kendall]) {
      expect(() => measure([1, 2], [1])).to.throw(RangeError, '2 values cannot be paired with 1');
      expect(() => measure([1, 2], [1, Number.NaN])).to.throw(RangeError, 'value 1 is NaN');
      expect(() => measure([Number.POSITIVE_INFINITY, 2], [1, 2])).to.throw(RangeError, 'value 0 is Infinity');
    }
  });
});

describe('meanRanks', () => {
  it('counts from 1 and gives equal values the mean of their ranks', () => {
    expect(meanRanks([30, 10, 20, 10])).to.deep.equal([4, 1.5, 3, 1.5]);
    expect(meanRanks([])).to.deep.equal([]);
  });
});
