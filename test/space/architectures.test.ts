import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { findArchitecture, namedArchitectures } from '../../src/space/architectures.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { formatGenotype, parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';

interface Published {
  readonly name: string;
  readonly genotype: string;
  readonly macs: number;
  readonly params: number;
}

const published: Published[] = JSON.parse(
  readFileSync(new URL('../fixtures/architectures.json', import.meta.url), 'utf8'),
);

describe('space/architectures', () => {
  it('has every published network, with its FLOPs and parameters to the unit', () => {
    expect(namedArchitectures.map(({ name }) => name)).to.deep.equal(published.map(({ name }) => name));
    for (const { name, genotype, macs, params } of published) {
      const found = findArchitecture(name)!;
      const space = buildSpace({ preset: found.preset });
      const path = parseGenotype(space, name);
      expect(formatGenotype(space, path), name).to.equal(genotype);
      expect({ macs: pathFlops(space, path), params: pathParams(space, path) }, name).to.deep.equal({ macs, params });
    }
  });

  it('finds them however they are written', () => {
    for (const text of ['greedynas-b', 'GreedyNAS_B', ' GreedyNAS B ']) {
      expect(findArchitecture(text)?.name, text).to.equal('GreedyNAS-B');
    }
    for (const text of ['Proxyless-R', 'proxylessr-mobile']) {
      expect(findArchitecture(text)?.name, text).to.equal('ProxylessR-mobile');
    }
  });

  it('finds nothing for other texts', () => {
    for (const text of ['', 'GreedyNAS', 'GreedyNAS-D', 'e3k3 skip', 'x'.repeat(1_000_000)]) {
      expect(findArchitecture(text)).to.equal(null);
    }
  });
});
