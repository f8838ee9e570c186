import { expect } from 'chai';
import fc from 'fast-check';
import { roundTicks } from '../../src/report/axis.ts';

describe('report/axis', () => {
  it('puts round numbers within the bounds', () => {
    const { values, format } = roundTicks(45.3, 93.1, 6);
    expect(values.map(format)).to.deep.equal(['50', '60', '70', '80', '90']);
    const small = roundTicks(0.912, 0.9345, 5);
    expect(small.values.map(small.format)).to.deep.equal(['0.915', '0.920', '0.925', '0.930']);
    const around = roundTicks(-1, 1, 4);
    expect(around.values.map(around.format)).to.deep.equal(['-1.0', '-0.5', '0.0', '0.5', '1.0']);
  });

  it('gives a few, increasing, different texts, whatever the bounds', () => {
    const bound = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(bound, fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (low, length) => {
        fc.pre(length > Math.abs(low) * 1e-8);
        const { values } = roundTicks(low, low + length, 6);
        expect(values.length).to.be.within(2, 10);
        for (const [index, value] of values.entries()) {
          expect(value).to.be.within(low - length * 1e-6, low + length * (1 + 1e-6));
          if (index > 0) expect(value).to.be.above(values[index - 1]!);
        }
      }),
    );
  });

  it('has something for bounds that are equal or nearly so, and refuses what are none', () => {
    expect(roundTicks(5, 5, 4).values).to.deep.equal([5]);
    expect(roundTicks(1e9, 1e9 + 1e-6, 4).values).to.deep.equal([1e9]);
    expect(() => roundTicks(2, 1, 4)).to.throw(RangeError);
    expect(() => roundTicks(Number.NaN, 1, 4)).to.throw(RangeError);
  });
});
