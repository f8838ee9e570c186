import { expect } from 'chai';
import { configOf, linesOf } from './parsing.ts';

describe('--set', () => {
  it('lays values over the file, the last one winning', () => {
    const config = configOf('training: {steps: 20000, batch: 8}', [
      'training.steps=15000',
      'training.steps=16000',
      'sampling.flopsLimit=330M',
      'sampling.stop=null',
      'space.strides=[1, 2, 1, 2, 1, 2, 1]',
      'data.flip=false',
    ]);
    expect(config.training).to.include({ steps: 16_000, batch: 8 });
    expect(config.sampling).to.include({ flopsLimit: 330e6, stop: null });
    expect(config.space.strides).to.deep.equal([1, 2, 1, 2, 1, 2, 1]);
    expect(config.data.flip).to.equal(false);
  });

  it('reaches into a section that the file switches off', () => {
    expect(configOf('sampling: {stop: null}', ['sampling.stop.alpha=0.1']).sampling.stop).to.deep.equal({
      alpha: 0.1,
      every: 10_000,
    });
  });

  for (const [override, expected] of [
    ['training.step=3', '--set training.step=3: unknown key, allowed in training: steps, batch'],
    ['training.step=3', 'did you mean training.steps?'],
    ['a.b=3', '--set a.b=3: unknown key, allowed: seed, space, data'],
    ['training.steps.x=3', 'training.steps has no keys below it'],
    ['__proto__.x=3', '--set __proto__.x=3: unknown key'],
    ['training.constructor=3', 'unknown key, allowed in training'],
    ['seed', 'no value, allowed: key=value'],
    ['=3', 'no value, allowed: key=value'],
    ['seed=', 'an empty value'],
    ['seed=[1', 'the value is no YAML'],
    ['seed=&a [*a]', 'the value is no YAML'],
    ['seed=x', '--set seed=x: seed: "x", allowed: a whole number from 0'],
    ['training={__proto__: 1}', 'the value is no YAML: __proto__'],
    ['training=5', '--set training=5: training: 5, allowed: a section'],
    ['sampling.keep=11', '--set sampling.keep=11: sampling.keep: 11, allowed: at most sampling.paths (10)'],
  ] as const) {
    it(`refuses ${override}`, () => {
      const lines = linesOf('', [override]);
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include(expected);
    });
  }
});
