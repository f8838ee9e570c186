import { expect } from 'chai';
import fc from 'fast-check';
import { formatGenotype, parseGenotype, pathFromDigits, pathKey, validatePath } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { pathOf, spaceAndPath, usageMessage } from './spaces.ts';

const macro = buildSpace({ preset: 'nas-bench-macro' });

describe('genotypes', () => {
  it('read back to the same path in every space', () => {
    fc.assert(
      fc.property(spaceAndPath, ({ space, path }) => {
        expect(parseGenotype(space, formatGenotype(space, path))).to.deep.equal(path);
      }),
    );
  });

  it('are one token a layer', () => {
    expect(formatGenotype(macro, [2, 2, 2, 1, 2, 2, 2, 0])).to.equal('e6k5 e6k5 e6k5 e3k3 e6k5 e6k5 e6k5 skip');
    const space = buildSpace({ preset: 'mobilenet-13-se' });
    expect(parseGenotype(space, `e6k7se ${'skip\t'.repeat(19)}\n e3k3 `)).to.deep.equal([11, ...Array(19).fill(12), 0]);
  });

  it('are refused with the index of the token, the token and what is allowed', () => {
    expect(usageMessage(() => parseGenotype(macro, 'skip skip e3k5 skip skip skip skip skip'))).to.equal(
      'genotype: token 2 is "e3k5", allowed in layer stage2_0 of space nas-bench-macro: skip, e3k3, e6k5',
    );
    expect(usageMessage(() => parseGenotype(macro, 'skip skip'))).to.equal(
      'genotype: 2 tokens, allowed: 8, one for each layer of space nas-bench-macro',
    );
    expect(usageMessage(() => parseGenotype(macro, 'skip '.repeat(9)))).to.include('9 tokens');
    expect(usageMessage(() => parseGenotype(macro, ''))).to.include('0 tokens');
    expect(usageMessage(() => parseGenotype(macro, 'x'.repeat(1_000_000)))).to.include('1000000 characters');
    expect(usageMessage(() => parseGenotype(macro, 'x'.repeat(200)))).to.have.length.below(200);
  });

  it('of any text are either a path or a usage error', () => {
    const token = fc.oneof(fc.constantFrom('e3k3', 'e6k5', 'skip'), fc.string({ unit: 'binary', maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(token, { minLength: 7, maxLength: 9 }), (tokens) => {
        const text = tokens.join(' ');
        try {
          validatePath(macro, parseGenotype(macro, text));
        } catch (error) {
          expect(error).to.include({ name: 'GreedynasError', code: 'usage' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('have a digit form where a layer has at most ten operations', () => {
    expect(pathFromDigits(macro, '22212220')).to.deep.equal([2, 2, 2, 1, 2, 2, 2, 0]);
    expect(usageMessage(() => pathFromDigits(macro, '2221222'))).to.include('7 digits, allowed: 8');
    expect(usageMessage(() => pathFromDigits(macro, '22213220'))).to.equal(
      'code: digit 4 is "3", allowed in layer stage2_2 of space nas-bench-macro: 0 to 2',
    );
    expect(usageMessage(() => pathFromDigits(macro, '2221 220'))).to.include('digit 4 is " "');
  });
});

describe('paths', () => {
  it('are valid with one known operation a layer', () => {
    expect(() => validatePath(macro, [0, 1, 2, 0, 1, 2, 0, 1])).not.to.throw();
    for (const wrong of [3, -1, 0.5, Number.NaN]) {
      expect(usageMessage(() => validatePath(macro, [0, 0, wrong, 0, 0, 0, 0, 0]))).to.equal(
        `path: operation 2 is "${wrong}", allowed in layer stage2_0 of space nas-bench-macro: a whole number from 0 to 2`,
      );
    }
    expect(usageMessage(() => validatePath(macro, [0]))).to.include('1 operations, allowed: 8');
    expect(usageMessage(() => formatGenotype(macro, [0]))).to.include('1 operations');
  });

  it('have the same key where they are the same, and only there', () => {
    const space = buildSpace({ preset: 'mobilenet-13-se' });
    fc.assert(
      fc.property(pathOf(space), pathOf(space), (one, other) => {
        expect(pathKey(one) === pathKey(other)).to.equal(one.every((operation, index) => operation === other[index]));
        expect(pathKey([...one])).to.equal(pathKey(one));
      }),
    );
    // Without a separator these two would agree.
    expect(pathKey([1, 11])).not.to.equal(pathKey([11, 1]));
  });
});
