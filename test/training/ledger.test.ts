import { expect } from 'chai';
import { correctedImages, createLedger } from '../../src/training/ledger.ts';

describe('training/ledger', () => {
  it("gives the paper's corrected total: 1.23M·46 + 2.40M·46/3.33 = 89.7M", () => {
    const counts = { optimised: 1.23e6 * 46, evaluated: 2.4e6 * 46 };
    expect(correctedImages(counts) / 1e6).to.be.closeTo(89.7, 0.05);
  });

  it('counts images and goes on from what was counted before', () => {
    const ledger = createLedger({ clock: () => 0, ratio: 2, counts: { optimised: 10, evaluated: 4 } });
    ledger.addOptimised(5);
    ledger.addEvaluated(6);
    expect(ledger.counts).to.deep.equal({ optimised: 15, evaluated: 10 });
    expect(ledger.corrected).to.equal(20);
  });

  it('adds wall time to the phase, also when the work throws', async () => {
    let now = 0;
    const ledger = createLedger({ clock: () => now, seconds: { train: 1, rank: 2, save: 3 } });
    expect(
      ledger.time('train', () => {
        now += 4;
        return 'done';
      }),
    ).to.equal('done');
    expect(() =>
      ledger.time('rank', () => {
        now += 8;
        throw new Error('no');
      }),
    ).to.throw('no');
    await ledger.timeAsync('save', async () => {
      now += 16;
    });
    expect(ledger.seconds).to.deep.equal({ train: 5, rank: 10, save: 19 });
  });
});
