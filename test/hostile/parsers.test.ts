import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
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

  it('is told from what a parser should not do', async () => {
    const crash = { ...attacks[0]!, read: () => Reflect.get(JSON.parse('null'), 'x') };
    expect(await withstands(crash, '', folder())).to.include('TypeError');
  });
});
