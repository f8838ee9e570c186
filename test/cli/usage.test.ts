import { expect } from 'chai';
import fc from 'fast-check';
import { editDistance, nearest, unknownFlag } from '../../src/cli/usage.ts';

describe('cli/usage', () => {
  it('counts edits', () => {
    expect(editDistance('kitten', 'sitting')).to.equal(3);
    expect(editDistance('', 'abc')).to.equal(3);
    expect(editDistance('flops', 'flops')).to.equal(0);
  });

  it('is a metric', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, c)).to.be.at.most(editDistance(a, b) + editDistance(b, c));
        expect(editDistance(a, b) === 0).to.equal(a === b);
      }),
    );
  });

  it('suggests what is near, and nothing where nothing is', () => {
    const flags = ['config', 'data', 'run', 'flops', 'set', 'resume'];
    expect(nearest('flop', flags)).to.equal('flops');
    expect(nearest('conifg', flags)).to.equal('config');
    expect(nearest('res', flags)).to.equal('resume');
    expect(nearest('RESUME', flags)).to.equal('resume');
    expect(nearest('xyzzy', flags)).to.equal(null);
  });

  it('keeps its message short whatever is typed', () => {
    expect(unknownFlag('search', 'x'.repeat(10_000), ['flops']).message.length).to.be.below(300);
  });
});
