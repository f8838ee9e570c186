import { expect } from 'chai';
import { trainingSummary } from '../../src/report/training-summary.ts';
import { costOf } from '../../src/training/cost.ts';
import { noPace } from '../../src/training/ledger.ts';
import type { SupernetRunResult } from '../../src/training/supernet-run.ts';

const phases = { start: 10, data: 5, train: 400, rank: 80, audit: 0, save: 5 };
const pace = { train: { images: 1000, seconds: 20 }, rank: { images: 2000, seconds: 10 } };

const result: SupernetRunResult = {
  end: 'stop-rule',
  step: 2160,
  checkpoint: 'checkpoints/mine/step-00002160',
  cost: costOf({ optimised: 200_000, evaluated: 333_000 }, { ...phases, pace }),
  racing: null,
  best: { path: 'e3k3 skip', loss: 1.234567, flops: 12_300_000 },
  poolSize: 1000,
  pi: 0.07,
};

describe('report/training-summary', () => {
  it('says why the training ended, by rule or by length', () => {
    expect(trainingSummary('mine', result)).to.include(
      'Stopped at step 2160: the candidate pool is steady (7.00 % of it new since the snapshot).',
    );
    expect(trainingSummary('mine', { ...result, end: 'length', pi: null })).to.include(
      'Trained to its full length, 2160 steps.',
    );
    expect(trainingSummary('mine', { ...result, end: 'signal', pi: null }))
      .to.include('Stopped by a signal after step 2160; everything is saved.')
      .and.to.include('greedynas train-supernet --run mine --resume');
  });

  it("corrects the cost by the measured ratio and by the paper's, and shows wall time by phase", () => {
    const text = trainingSummary('mine', result);
    // 200k + 333k / 4 and 200k + 333k / 3.33.
    expect(text).to.include(
      "Cost: 200k images optimised, 333k evaluated; as optimised images 283k at the 4.00 measured here, 300k at the paper's 3.33 evaluated for one.",
    );
    expect(text).to.include(
      'Time: 8 min 20 s in all, 6 min 40 s training, 1 min 20 s ranking, 5 s data, 10 s starting, 5 s saving.',
    );
    const unmeasured = costOf({ optimised: 200_000, evaluated: 333_000 }, { ...phases, pace: noPace });
    expect(trainingSummary('mine', { ...result, cost: unmeasured })).to.include(
      "as optimised images 300k at the paper's 3.33 evaluated for one.",
    );
    const uniform = costOf({ optimised: 200_000, evaluated: 0 }, { ...phases, pace: noPace });
    expect(trainingSummary('mine', { ...result, cost: uniform })).to.include(
      'Cost: 200k images optimised, 0 evaluated.\n',
    );
  });

  it('says what racing spared, and what an audit found', () => {
    expect(trainingSummary('mine', result)).to.not.include('Racing');
    const racing = { rounds: 400, spared: 333_000, audited: 0, agreed: 0 };
    expect(trainingSummary('mine', { ...result, racing })).to.include(
      'Racing: 400 rounds with 50.00 % of their images, 333k spared.\n',
    );
    expect(trainingSummary('mine', { ...result, racing: { ...racing, audited: 400, agreed: 390 } })).to.include(
      'The full ranking chose the same paths in 97.50 % of 400 rounds.',
    );
  });
});
