import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { type CandidatePool, createPool } from '../../src/sampling/pool.ts';
import { createStopRule, readStopRuleState, shareOfNewPaths } from '../../src/sampling/stop-rule.ts';
import { toySpace } from './toy-space.ts';

/** A pool of the paths [index, 0]. */
function poolOf(indices: readonly number[]): CandidatePool {
  const pool = createPool({ capacity: 1000, flops: () => 1 });
  for (const index of indices) pool.offer([index, 0], index);
  return pool;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe('shareOfNewPaths', () => {
  it('is 1 − |P_t ∩ P| / |P|', () => {
    expect(shareOfNewPaths([], poolOf([1, 2]))).to.equal(1);
    expect(shareOfNewPaths([[1, 0]], poolOf([1, 2, 3, 4]))).to.equal(0.75);
    expect(
      shareOfNewPaths(
        [
          [1, 0],
          [9, 0],
        ],
        poolOf([1]),
      ),
    ).to.equal(0);
    expect(shareOfNewPaths([[1, 0]], poolOf([]))).to.equal(1);
  });
});

describe('createStopRule', () => {
  it('compares first at 19,999 with the reference defaults after 10,000 steps of warm-up, and every 10,000 from there', () => {
    const rule = createStopRule({ alpha: 0.08, every: 10_000 });
    const pool = poolOf(range(0, 10));
    const steps: number[] = [];
    for (let step = 10_000; step < 45_000; step++) if (rule.observe(step, pool) !== null) steps.push(step);
    expect(steps).to.deep.equal([19_999, 29_999, 39_999]);
  });

  it('fires at π = α and not above, and stays with the first time', () => {
    const rule = createStopRule({ alpha: 0.08, every: 10 });
    rule.observe(0, poolOf(range(0, 100)));
    expect(rule.observe(9, poolOf(range(9, 109)))).to.equal(0.09);
    expect(rule.stopped).to.equal(null);
    rule.observe(10, poolOf(range(0, 100)));
    for (let step = 11; step < 19; step++) expect(rule.observe(step, poolOf(range(0, 100)))).to.equal(null);
    expect(rule.stopped).to.equal(null);
    expect(rule.observe(19, poolOf(range(8, 108)))).to.equal(0.08);
    expect(rule.stopped).to.deep.equal({ step: 19, pi: 0.08 });
    rule.observe(20, poolOf([1]));
    expect(rule.observe(29, poolOf([1]))).to.equal(0);
    expect(rule.stopped).to.deep.equal({ step: 19, pi: 0.08 });
    expect(rule.checks.map((check) => check.pi)).to.deep.equal([0.09, 0.08, 0]);
  });

  it('compares with the pool as it was, not as it is', () => {
    const rule = createStopRule({ alpha: 0, every: 2 });
    const pool = poolOf([1]);
    rule.observe(0, pool);
    pool.offer([2, 0], 0);
    expect(rule.observe(1, pool)).to.equal(0.5);
  });

  it('does not compare before the first snapshot, nor stop on an empty pool', () => {
    const rule = createStopRule({ alpha: 0.5, every: 10 });
    for (let step = 5; step < 10; step++) expect(rule.observe(step, poolOf([1]))).to.equal(null);
    rule.observe(10, poolOf([]));
    expect(rule.observe(19, poolOf([]))).to.equal(1);
    expect(rule.stopped).to.equal(null);
  });

  it('goes on from its state as JSON text', () => {
    const rule = createStopRule({ alpha: 0.1, every: 5 });
    rule.observe(0, poolOf([1, 2]));
    rule.observe(4, poolOf([2, 3]));
    rule.observe(5, poolOf([2, 3]));
    const saved = readStopRuleState(toySpace(2, 4), JSON.parse(JSON.stringify(rule.state())));
    const restored = createStopRule({ alpha: 0.1, every: 5 }, saved);
    expect(restored.state()).to.deep.equal(rule.state());
    expect(restored.observe(9, poolOf([2, 3]))).to.equal(0);
    expect(restored.stopped).to.deep.equal({ step: 9, pi: 0 });
    expect(rule.stopped, 'the restored rule is a copy').to.equal(null);
  });

  it('refuses options out of range, and a damaged state', () => {
    expect(() => createStopRule({ alpha: 1.1, every: 10 }))
      .to.throw(GreedynasError, 'stop.alpha')
      .with.property('code', 'usage');
    expect(() => createStopRule({ alpha: Number.NaN, every: 10 })).to.throw(GreedynasError, 'stop.alpha');
    for (const every of [1, 0, 2.5])
      expect(() => createStopRule({ alpha: 0.1, every })).to.throw(GreedynasError, 'stop.every');
    const state = { snapshot: null, checks: [], stopped: null };
    const bad: [unknown, string][] = [
      [{ ...state, snapshot: [[0, 9]] }, 'snapshot[0]'],
      [{ ...state, checks: [{ step: 1, pi: 2 }] }, 'checks[0].pi'],
      [{ ...state, stopped: { step: 1 } }, 'stopped.pi'],
    ];
    for (const [value, place] of bad) {
      expect(() => readStopRuleState(toySpace(2, 4), value))
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
  });
});
