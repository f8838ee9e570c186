import { expect } from 'chai';
import fc from 'fast-check';
import { formatFlops, parseFlops } from '../../src/space/flops.ts';
import { usageMessage } from './spaces.ts';

describe('FLOPs as text', () => {
  it('is read with and without unit', () => {
    for (const text of ['330M', '0.33G', '330000000', ' 330m ', '330000K', '0.00033T', '330.0M']) {
      expect(parseFlops(text), text).to.equal(330_000_000);
    }
  });

  it('is refused where it is no amount above zero', () => {
    const wrong = [
      '',
      '0',
      '0M',
      '0.0000001K',
      '-1M',
      '1e9',
      '1 M',
      '1MM',
      'M',
      'NaN',
      'Infinity',
      '0x10',
      '1,5M',
      '.5G',
      '9'.repeat(20),
      '9'.repeat(99),
    ];
    for (const text of wrong)
      expect(
        usageMessage(() => parseFlops(text)),
        text,
      ).to.include('such as 330M');
    expect(usageMessage(() => parseFlops('x'.repeat(100_000)))).to.have.length.below(200);
  });

  it('of any text is a whole number or a usage error', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.stringMatching(/^[0-9.]{1,8}[KMGTkx]?$/));
    fc.assert(
      fc.property(text, (written) => {
        try {
          expect(parseFlops(written)).to.satisfy((flops: number) => Number.isSafeInteger(flops) && flops > 0);
        } catch (error) {
          expect(error).to.include({ code: 'usage' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is written with four digits', () => {
    const written = [330e6, 323_520_704, 7_713_280, 854, 999_949, 999_950, 1e9, 0];
    expect(written.map(formatFlops)).to.deep.equal(['330M', '323.5M', '7.713M', '854', '999.9K', '1M', '1G', '0']);
  });

  it('reads back within 0.05 %', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (flops) => {
        const read = parseFlops(formatFlops(flops));
        expect(Math.abs(read - flops)).to.be.at.most(0.0005 * flops + 0.5);
      }),
    );
  });
});
