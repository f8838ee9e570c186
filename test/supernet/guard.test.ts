import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import type { Supernet } from '../../src/supernet/supernet.ts';
import { checkpointTensors } from './checkpoint-tensors.ts';
import { imageBatch, paths, sessionOptions, smallSpace } from './small-space.ts';

describe('steps that are not finite', () => {
  let folder = '';
  let supernet: Supernet;
  const open = (guard: boolean, seed = 11, accumulate = false) => {
    supernet = createSupernetSession(smallSpace, sessionOptions({ guard, accumulate }));
    supernet.initialise(seed);
  };
  const saved = (name: string) => {
    supernet.save(join(folder, name));
    return checkpointTensors(join(folder, name));
  };
  const train = (step: number, rate: number) => supernet.trainStep(paths[step % 3]!, imageBatch(8, step), rate);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
  });
  afterEach(() => {
    supernet.close();
    rmSync(folder, { recursive: true });
  });

  it('with the guard leave every weight and slot as it is, to the bit, and are told', () => {
    open(true);
    expect(train(0, 0.05).withheld).to.equal(0);
    // Finite, but so far off that the next loss is not.
    expect(train(0, 1e30).withheld).to.equal(0);
    const before = saved('before');
    const result = train(0, 0.05);
    expect(Number.isFinite(result.loss)).to.equal(false);
    expect(result.withheld).to.be.above(20);
    expect(saved('after')).to.deep.equal(before);
    // It is told step by step.
    expect(train(0, 0.05).withheld).to.equal(result.withheld);
    supernet.initialise(12);
    expect(train(1, 0.05).withheld).to.equal(0);
  });

  it('withhold the whole update of several paths where one of their losses is not finite', () => {
    open(true, 11, true);
    const add = (path: number) => supernet.accumulate(paths[path]!, imageBatch(8, path)).loss;
    const good = add(0);
    expect(Number.isFinite(good)).to.equal(true);
    expect(supernet.update(1e30)).to.equal(0);
    const before = saved('before');
    const losses = [0, 1, 2].map(add);
    expect(losses.every(Number.isFinite)).to.equal(false);
    expect(supernet.update(0.05)).to.be.above(40);
    expect(saved('after')).to.deep.equal(before);
    // The sums of the withheld update are gone.
    supernet.initialise(11);
    expect([add(0), supernet.update(0.05)]).to.deep.equal([good, 0]);
  });

  it('do not change the others: with and without the guard, good steps have the same bits', () => {
    const outcome = (guard: boolean) => {
      open(guard);
      const losses = [0, 1, 2, 3].map((step) => train(step, 0.05).loss);
      const weights = saved(`weights-${guard}`);
      supernet.close();
      return { losses, weights };
    };
    const plain = outcome(false);
    expect(outcome(true)).to.deep.equal(plain);
    open(false);
  });

  it('without the guard reach the weights, which then cannot be saved: the variable is named, no file is made', () => {
    open(false);
    train(0, 1e30);
    train(0, 1e30);
    const prefix = join(folder, 'diverged');
    expect(() => supernet.save(prefix))
      .to.throw(GreedynasError, /the weights diverged: \S+ is not finite/)
      .with.property('code', 'diverged');
    expect(existsSync(`${prefix}.index`)).to.equal(false);
  });
});
