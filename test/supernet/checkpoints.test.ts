import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import type { Path } from '../../src/space/space.ts';
import { createSubnetSession, createSupernetSession } from '../../src/supernet/session.ts';
import type { Supernet } from '../../src/supernet/supernet.ts';
import { expectClose } from '../graph/close.ts';
import { imageBatch, paths, sessionOptions, smallSpace } from './small-space.ts';
import { evaluated, loadStacks, openTrained, plain } from './trained-session.ts';

const [first, second] = paths as readonly [Path, Path, Path];

describe('checkpoints of a supernet', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-supernet-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** All weights and slots, as they lie in the checkpoint's one data file. */
  const bytes = (supernet: Supernet, name: string): Buffer => {
    supernet.save(join(folder, name));
    return readFileSync(join(folder, `${name}.data-00000-of-00001`));
  };
  const trainFrom = (supernet: Supernet, step: number): number[] =>
    [0, 1, 2].map(
      (each) => supernet.trainStep(paths[(step + each) % 3]!, imageBatch(8, step + each), 0.1, step + each).loss,
    );

  it('hold weights and slots bit for bit, and training goes on from them as if it had never stopped', () => {
    const recipe = { dropout: 0.2 };
    const whole = createSupernetSession(smallSpace, sessionOptions(recipe));
    whole.initialise(21);
    trainFrom(whole, 0);
    const middle = bytes(whole, 'middle');
    const later = trainFrom(whole, 3);
    const end = bytes(whole, 'end');
    expect(end.equals(middle)).to.equal(false);

    const resumed = createSupernetSession(smallSpace, sessionOptions(recipe));
    resumed.restore(join(folder, 'middle'));
    expect(bytes(resumed, 'again').equals(middle), 'what was read').to.equal(true);
    expect(trainFrom(resumed, 3)).to.deep.equal(later);
    expect(bytes(resumed, 'resumed').equals(end), 'weights and slots at the end').to.equal(true);

    // Without the slots it would not be the same.
    resumed.initialise(21);
    expect(bytes(resumed, 'initial').equals(middle)).to.equal(false);
    loadStacks(whole);
    loadStacks(resumed);
    whole.restore(join(folder, 'end'));
    resumed.restore(join(folder, 'end'));
    expect(() => whole.evaluate(first)).to.throw('recalibrate this path before evaluating it');
    expect(evaluated(resumed, first)).to.deep.equal(evaluated(whole, first));
    whole.close();
    resumed.close();
  });

  it('of another network are refused with a clear error, and nothing changes', () => {
    const supernet = createSupernetSession(smallSpace, sessionOptions());
    supernet.initialise(1);
    const before = bytes(supernet, 'mine');
    const shifted = {
      ...smallSpace,
      layers: smallSpace.layers.map((layer) => ({ ...layer, name: `other-${layer.name}` })),
    };
    for (const [name, space, told] of [
      ['classes', { ...smallSpace, classes: 7 }, /\[(12,)?7\].*\[(12,)?6\].*restore\/classifier/s],
      ['names', shifted, /layer1\//],
    ] as const) {
      const other = createSupernetSession(space, sessionOptions());
      other.initialise(2);
      other.save(join(folder, name));
      other.close();
      expect(() => supernet.restore(join(folder, name)))
        .to.throw(GreedynasError, join(folder, name))
        .with.property('code', 'io');
      expect(() => supernet.restore(join(folder, name))).to.throw(told);
      expect(bytes(supernet, 'mine').equals(before), name).to.equal(true);
    }
    expect(() => supernet.restore(join(folder, 'nothing')))
      .to.throw(GreedynasError, join(folder, 'nothing'))
      .with.property('code', 'io');
    expect(() => supernet.save('/proc/nowhere/weights')).to.throw(GreedynasError, '/proc/nowhere/weights');
    supernet.close();
  });
});

describe('createSubnetSession', () => {
  let folder: string;
  let supernet: Supernet;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-subnet-'));
    supernet = openTrained();
    supernet.save(join(folder, 'supernet'));
  });
  after(() => {
    supernet.close();
    rmSync(folder, { recursive: true });
  });

  for (const path of paths) {
    it(`scores path ${path.join('')} as the supernet does, recalibrated and with its statistics saved`, () => {
      const expected = evaluated(supernet, path);
      const subnet = createSubnetSession(smallSpace, path, sessionOptions());
      subnet.takeFromSupernet(join(folder, 'supernet'));
      loadStacks(subnet);
      expect(() => subnet.evaluate(path)).to.throw('recalibrate this path before evaluating it');
      const found = evaluated(subnet, path);
      expectClose(found.losses, expected.losses, 'losses', 1e-5);
      expect([found.top1, found.top5]).to.deep.equal([expected.top1, expected.top5]);
      expectClose(Array.from(subnet.rank(path).losses), Array.from(supernet.rank(path).losses), 'ranking losses');

      subnet.saveWeights(join(folder, 'subnet'));
      const reloaded = createSubnetSession(smallSpace, path, sessionOptions());
      reloaded.restoreWeights(join(folder, 'subnet'));
      loadStacks(reloaded);
      expect(plain(reloaded.evaluate(path))).to.deep.equal(found);
      expect(reloaded.trainStep(path, imageBatch(4, 1), 0.1).loss).to.satisfy(Number.isFinite);
      reloaded.close();
      subnet.close();
    });
  }

  it('goes on otherwise without its slots: they are saved, restored and used', () => {
    const network = createSubnetSession(smallSpace, first, sessionOptions());
    const step = (number: number) => network.trainStep(first, imageBatch(8, number), 0.1);
    const [whole, weights] = [join(folder, 'with-slots'), join(folder, 'without')];
    const nextStep = (name: string): Buffer => {
      step(2);
      network.save(join(folder, name));
      return readFileSync(join(folder, `${name}.data-00000-of-00001`));
    };
    network.initialise(1);
    for (const number of [0, 1]) step(number);
    network.save(whole);
    network.saveWeights(weights);
    const expected = nextStep('expected');
    network.restore(whole);
    expect(nextStep('restored').equals(expected)).to.equal(true);
    network.restoreWeights(weights);
    expect(nextStep('other').equals(expected)).to.equal(false);
    network.close();
  });

  it('takes no other path', () => {
    const subnet = createSubnetSession(smallSpace, first, sessionOptions());
    subnet.initialise(1);
    expect(() => subnet.trainStep(second, imageBatch(2, 1), 0.1)).to.throw('this network is fixed to another path');
    expect(() => subnet.trainStep([0, 1], imageBatch(2, 1), 0.1)).to.throw(/2 operations/);
    subnet.close();
  });
});
