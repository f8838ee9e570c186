import { expect } from 'chai';
import fc from 'fast-check';
import { mixedShare, probabilityOfAtLeast } from '../../src/sampling/binomial.ts';

describe('probabilityOfAtLeast', () => {
  it("gives the paper's two numbers", () => {
    expect(probabilityOfAtLeast(5, 10, 0.6)).to.be.closeTo(0.83376, 5e-6);
    expect(mixedShare(0.5, 0.6)).to.be.closeTo(0.8, 1e-15);
    expect(probabilityOfAtLeast(5, 10, mixedShare(0.5, 0.6))).to.be.closeTo(0.99363, 5e-6);
  });

  it('agrees with the enumeration of all outcomes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: -1, max: 10 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (draws, wanted, share) => {
          let total = 0;
          for (let outcome = 0; outcome < 2 ** draws; outcome++) {
            const good = outcome.toString(2).replaceAll('0', '').length;
            if (good >= wanted) total += share ** good * (1 - share) ** (draws - good);
          }
          expect(probabilityOfAtLeast(wanted, draws, share)).to.be.closeTo(total, 1e-12);
        },
      ),
    );
  });

  it('is certain or impossible at the ends', () => {
    expect(probabilityOfAtLeast(0, 10, 0)).to.equal(1);
    expect(probabilityOfAtLeast(10, 10, 1)).to.equal(1);
    expect(probabilityOfAtLeast(1, 10, 0)).to.equal(0);
    expect(probabilityOfAtLeast(11, 10, 1)).to.equal(0);
  });
});
