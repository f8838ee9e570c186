import { expect } from 'chai';
import { formatGenotype } from '../../src/space/genotype.ts';
import { networkIn, readPath, recogniseNetwork } from '../../src/space/recognise.ts';
import { usageMessage } from './spaces.ts';

describe('space/recognise', () => {
  it('tells the space of a network from what it is called', () => {
    const cases: [string, string, string | null][] = [
      ['GreedyNAS-A', 'mobilenet-13-se', 'GreedyNAS-A'],
      ['Proxyless-R', 'mobilenet-7', 'ProxylessR-mobile'],
      ['e3k5 '.repeat(21), 'mobilenet-7', null],
      [`${'e3k5 '.repeat(20)} e6k7se`, 'mobilenet-13-se', null],
      ['e3k3 skip e6k5 skip skip e6k5 e3k3 skip', 'nas-bench-macro', null],
      ['22212220', 'nas-bench-macro', null],
    ];
    for (const [text, preset, name] of cases) {
      const found = recogniseNetwork(text);
      expect({ preset: found.preset, name: found.name, space: found.space.name }, text).to.deep.equal({
        preset,
        name,
        space: preset,
      });
    }
  });

  it('reads codes of digits', () => {
    const { space, path } = recogniseNetwork('22212220');
    expect(formatGenotype(space, path)).to.equal('e6k5 e6k5 e6k5 e3k3 e6k5 e6k5 e6k5 skip');
    expect(readPath(space, ' 22212220 ')).to.deep.equal(path);
  });

  it('says of each space why a text is none of its paths', () => {
    const message = usageMessage(() => recogniseNetwork('e3k3 e3k4'));
    expect(message).to.match(/"e3k3 e3k4" is a path of no space:/);
    expect(message).to.match(/\n {2}mobilenet-7: genotype: token 1 is "e3k4"/);
    expect(message).to.match(/\n {2}nas-bench-macro: genotype: token 1/);
    expect(message.split('\n')).to.have.length(4);
  });

  it('takes a space that is given, for genotypes that several have', () => {
    const found = networkIn({ preset: 'mobilenet-13-se', resolution: 64 }, 'Proxyless-R');
    expect(found.space).to.include({ activation: 'hswish', resolution: 64 });
    expect(found.name).to.equal('ProxylessR-mobile');
    expect(() => networkIn({ preset: 'mobilenet-7' }, 'GreedyNAS-A')).to.throw(/token 0 is "e3k5se"/);
  });
});
