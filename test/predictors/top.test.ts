import { expect } from 'chai';
import fc from 'fast-check';
import { topPlaces } from '../../src/predictors/top.ts';

describe('topPlaces', () => {
  it('are those of a sort by value, then by place', () => {
    const values = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 });
    fc.assert(
      fc.property(values, fc.nat({ max: 45 }), (list, count) => {
        const expected = [...list.keys()].sort((a, b) => list[b]! - list[a]! || a - b).slice(0, count);
        expect(topPlaces(Float32Array.from(list), count)).to.deep.equal(expected);
      }),
    );
  });
});
