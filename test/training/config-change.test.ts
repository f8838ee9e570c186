import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { checkResumable, configChanges } from '../../src/training/config-change.ts';
import { smallConfig } from './small-run.ts';

function refusal(after: unknown): GreedynasError {
  try {
    checkResumable('small', smallConfig, after);
  } catch (error) {
    if (error instanceof GreedynasError) {
      return error;
    }
    throw error;
  }
  throw new Error('the change was not refused');
}

describe('training/config-change', () => {
  it('finds every key that differs, also missing ones and lists', () => {
    const before = { a: 1, b: { c: [1, 2], d: null }, e: 0 };
    const after = { a: 1, b: { c: [1, 3], d: null }, f: { g: true } };
    expect(configChanges(before, after)).to.deep.equal([
      { key: 'b.c', before: [1, 2], after: [1, 3] },
      { key: 'e', before: 0, after: undefined },
      { key: 'f.g', before: undefined, after: true },
    ]);
  });

  it('lets the same config pass without a word', () => {
    expect(checkResumable('small', smallConfig, structuredClone(smallConfig))).to.deep.equal([]);
  });

  it('lets logging, checkpoints and search change', () => {
    const after = {
      ...smallConfig,
      logging: { every: 1 },
      checkpoints: { every: 3, keep: 9, keepEvery: 30 },
      search: { ...smallConfig.search, generations: 99 },
    };
    expect(checkResumable('small', smallConfig, after)).to.deep.equal([]);
  });

  it('lets engine.threads change, with a warning', () => {
    const after = { ...smallConfig, engine: { ...smallConfig.engine, threads: 4 } };
    const warnings = checkResumable('small', smallConfig, after);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('engine.threads: 1 in the run, 4 now').and.to.include('last bits');
  });

  it('lets the length change, with a warning', () => {
    const after = { ...smallConfig, training: { ...smallConfig.training, steps: 90 } };
    const warnings = checkResumable('small', smallConfig, after);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('training.steps: 60 in the run, 90 now').and.to.include('learning rate');
  });

  it('lets what happens at a loss that is not finite change', () => {
    const after = { ...smallConfig, training: { ...smallConfig.training, divergence: 'skip', skippedInRow: 3 } };
    expect(checkResumable('small', smallConfig, after)).to.deep.equal([]);
  });

  it('lets nothing else change', () => {
    const keys = configChanges({}, smallConfig).map(({ key }) => key);
    const free =
      /^(logging|checkpoints|search)\.|^engine\.threads$|^data\.folder$|^training\.(steps|divergence|skippedInRow)$/;
    for (const key of keys.filter((each) => !free.test(each))) {
      const after = structuredClone(smallConfig);
      const parts = key.split('.');
      let section: object = after;
      for (const part of parts.slice(0, -1)) section = Reflect.get(section, part);
      Reflect.set(section, parts.at(-1)!, 'other');
      expect(refusal(after).message, key).to.include(`${key}: `).and.to.include('"other" now');
    }
  });

  it('refuses every key that decides what the run computes, and names all that changed', () => {
    const keys = configChanges({}, smallConfig).map(({ key }) => key);
    const allowed = /^(logging|checkpoints|search)\.|^engine\.threads$/;
    expect(keys.filter((key) => !allowed.test(key))).to.include.members([
      'seed',
      'space.width',
      'sampling.stop',
      'data.flip',
    ]);
    const error = refusal({
      ...smallConfig,
      seed: 1,
      sampling: { ...smallConfig.sampling, stop: { alpha: 0.1, every: 5 } },
    });
    expect(error.message).to.include('seed: 42 in the run, 1 now');
    expect(error.message).to.include('sampling.stop: null in the run, (not set) now');
    expect(error.message).to.include('sampling.stop.alpha: (not set) in the run, 0.1 now');
  });
});
