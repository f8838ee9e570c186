import { expect } from 'chai';
import { correctedImages, costOf } from '../../src/training/cost.ts';
import { noPace } from '../../src/training/ledger.ts';

const phases = { start: 3, data: 5, train: 40, rank: 20, audit: 1, save: 2 };

describe('training/cost', () => {
  it("gives the paper's corrected total: 1.23M·46 + 2.40M·46/3.33 = 89.7M", () => {
    const counts = { optimised: 1.23e6 * 46, evaluated: 2.4e6 * 46 };
    expect(correctedImages(counts) / 1e6).to.be.closeTo(89.7, 0.05);
  });

  it('corrects by the measured ratio of a forward to a training step as well', () => {
    // An optimised image takes 20 ms, an evaluated one 5 ms: four evaluated cost as much as one optimised.
    const pace = { train: { images: 1000, seconds: 20 }, rank: { images: 2000, seconds: 10 } };
    const cost = costOf({ optimised: 1200, evaluated: 3330 }, { ...phases, pace });
    expect(cost.ratio).to.deep.equal({ paper: 3.33, measured: 4 });
    expect(cost.corrected).to.deep.equal({ paper: 2200, measured: Math.round(1200 + 3330 / 4) });
    expect(cost.seconds).to.deep.equal({ ...phases, total: 71 });
  });

  it('has no measured ratio where nothing was measured, and needs none where nothing was evaluated', () => {
    const ranked = costOf({ optimised: 100, evaluated: 333 }, { ...phases, pace: noPace });
    expect(ranked.ratio.measured).to.equal(null);
    expect(ranked.corrected).to.deep.equal({ paper: 200, measured: null });
    const pace = { train: { images: 100, seconds: 1 }, rank: { images: 0, seconds: 0 } };
    const uniform = costOf({ optimised: 100, evaluated: 0 }, { ...phases, pace });
    expect(uniform.ratio.measured).to.equal(null);
    expect(uniform.corrected).to.deep.equal({ paper: 100, measured: 100 });
  });
});
