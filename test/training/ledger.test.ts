import { expect } from 'chai';
import { createLedger } from '../../src/training/ledger.ts';

describe('training/ledger', () => {
  it('counts images and goes on from what was counted before', () => {
    const ledger = createLedger({ clock: () => 0, counts: { optimised: 10, evaluated: 4 } });
    expect(
      ledger.optimise(
        () => 'trained',
        () => 5,
      ),
    ).to.equal('trained');
    ledger.evaluate(
      () => 6,
      (images) => images,
    );
    expect(ledger.counts).to.deep.equal({ optimised: 15, evaluated: 10 });
  });

  it('adds wall time to the phase, also when the work throws', async () => {
    let now = 0;
    const before = { start: 0.5, data: 0, train: 1, rank: 2, audit: 0, save: 3 };
    const pace = { train: { images: 8, seconds: 1 }, rank: { images: 20, seconds: 2 } };
    const ledger = createLedger({ clock: () => now, seconds: { ...before, pace } });
    expect(
      ledger.time('train', () => {
        now += 4;
        return 'done';
      }),
    ).to.equal('done');
    expect(() =>
      ledger.evaluate(
        () => {
          now += 8;
          throw new Error('no');
        },
        () => 20,
      ),
    ).to.throw('no');
    await ledger.timeAsync('save', async () => {
      now += 16;
    });
    expect(ledger.seconds).to.deep.equal({ ...before, train: 5, rank: 10, save: 19, pace });
    expect(ledger.counts.evaluated).to.equal(0);
  });

  it('measures the pace of training and of ranking without the first call of each', () => {
    let now = 0;
    const ledger = createLedger({ clock: () => now });
    const spend = (seconds: number) => () => {
      now += seconds;
    };
    ledger.optimise(spend(100), () => 8);
    ledger.optimise(spend(2), () => 8);
    ledger.evaluate(spend(50), () => 20);
    ledger.optimise(spend(3), () => 16);
    ledger.evaluate(spend(1), () => 10);
    expect(ledger.seconds.pace).to.deep.equal({
      train: { images: 24, seconds: 5 },
      rank: { images: 10, seconds: 1 },
    });
    expect(ledger.seconds).to.include({ train: 105, rank: 51 });
    expect(ledger.counts).to.deep.equal({ optimised: 32, evaluated: 30 });
  });
});
