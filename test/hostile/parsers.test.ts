import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { parsePool } from '../../src/sampling/pool-file.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { smallConfig } from '../training/small-run.ts';
import { temporaryFolder } from '../training/temporary.ts';
import { attacks, withstands } from './parsers.ts';

/** `bench/soak/fuzz.ts` tries a hundred thousand of each. */
const inputs = 150;

describe('hostile input', () => {
  const folder = temporaryFolder();
  for (const attack of attacks) {
    it(`as ${attack.name} gives a value or a named error`, async function () {
      this.timeout(120_000);
      await fc.assert(
        fc.asyncProperty(attack.inputs, async (input) => {
          expect(await withstands(attack, input, join(folder(), 'own'))).to.equal(null);
        }),
        { seed: 1, numRuns: inputs },
      );
      rmSync(join(folder(), 'own'), { recursive: true, force: true });
    });
  }

  it('of a million bad entries is refused at the first, in bounded memory', () => {
    const before = process.memoryUsage.rss();
    const pool = { capacity: 10, paths: Array(1_000_000).fill({ path: 5 }) };
    expect(() => parsePool(buildSpace(smallConfig.space), pool)).to.throw(GreedynasError, /pool\.json: paths\[0\]/);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).to.be.below(512);
  });

  it('is told from what a parser should not do', async () => {
    const crash = { ...attacks[0]!, read: () => Reflect.get(JSON.parse('null'), 'x') };
    expect(await withstands(crash, '', folder())).to.include('TypeError');
  });
});
