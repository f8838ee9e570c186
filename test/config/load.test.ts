import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { findContradictions } from '../../src/config/constraints.ts';
import { loadConfig, loadConfigOf, stringifyConfig } from '../../src/config/load.ts';
import { retrainConfig } from '../../src/config/retrain-schema.ts';
import { runConfigSchema } from '../../src/config/schema.ts';
import { costTable } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { configOf, linesOf } from './parsing.ts';

describe('configs of the project', () => {
  const all = readdirSync('configs', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  const isOfRetraining = (name: string): boolean => name.startsWith(join('retrain', '/'));
  const names = all.filter((name) => !isOfRetraining(name));
  it('are there', () =>
    expect(all).to.include.members(['cifar10.yaml', 'nas-bench-macro/authors.yaml', 'retrain/cifar10.yaml']));

  for (const name of names) {
    it(`${name} loads, and gives its space`, () => {
      const config = loadConfig({ file: join('configs', name) });
      expect(costTable(buildSpace(config.space)).layers).not.to.be.empty;
      expect(configOf(stringifyConfig(config))).to.deep.equal(config);
    });
  }

  for (const name of all.filter(isOfRetraining)) {
    it(`${name} loads, and is the same when it is read back`, () => {
      const file = join('configs', name);
      const config = loadConfigOf(retrainConfig, { file, overrides: [] });
      const folder = mkdtempSync(join(tmpdir(), 'greedynas-config-'));
      try {
        const resolved = join(folder, 'config.yaml');
        writeFileSync(resolved, stringifyConfig(config));
        expect(loadConfigOf(retrainConfig, { file: resolved, overrides: [] })).to.deep.equal(config);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

describe('the ImageNet configs', () => {
  const load = (space: string) => loadConfig({ file: join('configs', `greedynas-${space}-imagenet.yaml`) });

  it("are the paper's recipe in both spaces, which is what the defaults are", () => {
    const defaults = configOf('data: {dataset: folder}');
    for (const [name, preset] of [
      ['7x21', 'mobilenet-7'],
      ['13x21', 'mobilenet-13-se'],
    ] as const) {
      const { space, training, sampling, data } = load(name);
      expect(space).to.include({ preset, resolution: 224, classes: 1000, width: 1 });
      expect(training).to.deep.equal(defaults.training);
      expect(sampling).to.deep.equal({ ...defaults.sampling, flopsLimit: 330_000_000 });
      expect(data).to.deep.equal({ ...defaults.data, validationImages: 50_000 });
    }
  });

  it('differ in their space alone', () => {
    expect({ ...load('7x21'), space: null }).to.deep.equal({ ...load('13x21'), space: null });
  });
});

describe('a config', () => {
  it("without keys is the paper's recipe", () => {
    for (const text of ['', '# nothing', '{}', 'training: {}']) {
      const { training, sampling, search } = configOf(text);
      expect(training).to.deep.equal({
        steps: 144_360,
        batch: 1024,
        learningRate: 0.12,
        minLearningRate: 1e-5,
        momentum: 0.9,
        nesterov: true,
        weightDecay: 4e-5,
        zeroGamma: false,
        labelSmoothing: 0.1,
        dropout: 0,
        divergence: 'halt',
        skippedInRow: 10,
      });
      expect(sampling).to.deep.include({ paths: 10, keep: 5, pool: 1000, epsilon: 0.8, warmupSteps: 10_000 });
      expect(sampling.stop).to.deep.equal({ alpha: 0.08, every: 10_000 });
      expect(search).to.include({ population: 50, generations: 20, topK: 10, mutations: 25, crossovers: 25 });
    }
  });

  it('is resolved: what depends on data set and preset is filled in', () => {
    expect(configOf('space: {preset: nas-bench-macro}').space).to.deep.equal({
      preset: 'nas-bench-macro',
      resolution: 32,
      classes: 10,
      width: 1,
      strides: [1, 2, 2, 2],
      depths: [2, 3, 3],
    });
  });

  it('takes FLOPs as number, text or null', () => {
    const limit = (value: string) => configOf(`sampling: {flopsLimit: ${value}}`).sampling.flopsLimit;
    expect(['330M', '"0.33G"', '330000000', '330e6', 'null'].map(limit)).to.deep.equal([
      330e6,
      330e6,
      330e6,
      330e6,
      null,
    ]);
  });

  it('is written so that it loads back the same', () => {
    const positive = fc.double({ min: 1e-9, max: 1, noNaN: true });
    const anyConfig = fc.record({
      seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      space: fc.record({
        width: fc.double({ min: 0.1, max: 4, noNaN: true }),
        strides: fc.array(fc.constantFrom(1, 2), { minLength: 7, maxLength: 7 }),
      }),
      training: fc.record({
        learningRate: fc.double({ min: 1e-5, max: 10, noNaN: true }),
        weightDecay: positive,
        labelSmoothing: fc.double({ min: 0, max: 0.99, noNaN: true }).map((value) => value + 0),
        nesterov: fc.boolean(),
      }),
      sampling: fc.record({
        method: fc.constantFrom('greedy', 'uniform', 'fair'),
        flopsLimit: fc.constantFrom(null, '330M', 1e9),
        stop: fc.option(fc.record({ alpha: positive })),
      }),
      search: fc.record({ mutationProbability: positive }),
    });
    fc.assert(
      fc.property(anyConfig, (input) => {
        const config = runConfigSchema.parse(input);
        fc.pre(findContradictions(config).length === 0);
        expect(configOf(stringifyConfig(config))).to.deep.equal(config);
      }),
    );
  });
});

describe('problems of a config', () => {
  it('are reported together, a line each, with place, key, value and what is allowed', () => {
    const text = [
      'seed: 1.5',
      'space: {strides: [1, 2, 3]}',
      'training:',
      '  batch: many',
      '  stepps: 3',
      'sampling: {keep: 12}',
    ].join('\n');
    expect(linesOf(text)).to.have.members([
      'run.yaml:1: seed: 1.5, allowed: a whole number from 0 to 2147483647',
      'run.yaml:2: space.strides: [1,2,3], allowed: a list of strides, each 1 or 2',
      'run.yaml:4: training.batch: "many", allowed: a whole number of at least 1',
      'run.yaml:5: training.stepps: 3, unknown key, allowed in training: steps, batch, learningRate, minLearningRate, momentum, nesterov, weightDecay, zeroGamma, labelSmoothing, dropout, divergence, skippedInRow; did you mean training.steps?',
      'run.yaml:6: sampling.keep: 12, allowed: at most sampling.paths (10)',
    ]);
  });

  it('are at most 20 lines and a count', () => {
    const lines = linesOf(Array.from({ length: 30 }, (_, index) => `key${index}: 1`).join('\n'));
    expect(lines).to.have.length(21);
    expect(lines[20]).to.equal('… and 10 more');
  });

  for (const [text, expected] of [
    ['traning: {}', 'did you mean training?'],
    ['learningRate: 0.1', 'did you mean training.learningRate?'],
    ['sampling: {ranking: {image: 5}}', 'did you mean sampling.ranking.images?'],
    ['training: {learning_rate: 0.1}', 'did you mean training.learningRate?'],
    ['space: {preset: mobilenet}', '"mobilenet", allowed: mobilenet-7 or mobilenet-13-se or nas-bench-macro'],
    ['data: {dataset: imagenet}', '"imagenet", allowed: cifar10'],
    ['training:', 'training: null, allowed: a section with the keys steps'],
    ['training: [1]', 'training: [1], allowed: a section'],
    ['sampling: {stop: {every: 1}}', 'sampling.stop.every: 1, allowed: a whole number of at least 2'],
    [
      'search: {comparisonImages: some}',
      'search.comparisonImages: "some", allowed: a whole number of at least 0, or null for as many as search.validationImages',
    ],
    ['search: {objective: top5}', 'search.objective: "top5", allowed: top1 or loss'],
    ['sampling: {stop: 5}', 'sampling.stop: 5, allowed: null, or a section with the keys alpha, every'],
    ['sampling: {flopsLimit: 3x}', 'sampling.flopsLimit: "3x", allowed: a number of multiply-adds'],
    ['sampling: {flopsLimit: 0}', 'sampling.flopsLimit: 0, allowed: a number of multiply-adds'],
    ['sampling: {flopsLimit: []}', 'sampling.flopsLimit: [], allowed: a number of multiply-adds'],
    ['training: {learningRate: .inf}', 'training.learningRate: Infinity, allowed: a number above 0'],
    ['training: {nesterov: yes}', 'training.nesterov: "yes", allowed: true or false'],
    ['training: {batch: "64"}', 'training.batch: "64", allowed: a whole number'],
    ['search: {mutationProbability: 0}', 'search.mutationProbability: 0, allowed: a number above 0, at most 1'],
    ['seed: 2147483648', 'seed: 2147483648, allowed: a whole number from 0 to 2147483647'],
  ] as const) {
    it(`include the line of "${text}"`, () => {
      const lines = linesOf(text);
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include(expected);
    });
  }
});

describe('a config file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'greedynas-config-'));
  after(() => rmSync(folder, { recursive: true }));

  it('is read with its overrides', () => {
    const file = join(folder, 'run.yaml');
    writeFileSync(file, 'seed: 7\n');
    expect(loadConfig({ file }).seed).to.equal(7);
    expect(loadConfig({ file, overrides: ['seed=8'] }).seed).to.equal(8);
  });

  it('that is none is named', () => {
    expect(() => loadConfig({ file: join(folder, 'none.yaml') })).to.throw('none.yaml: no such file');
    expect(() => loadConfig({ file: folder })).to.throw('not a regular file');
    const large = join(folder, 'large.yaml');
    writeFileSync(large, 'x'.repeat(1_000_001));
    expect(() => loadConfig({ file: large })).to.throw('large.yaml: 1000001 bytes, allowed: at most 1000000');
    const pipe = join(folder, 'pipe.yaml');
    execFileSync('mkfifo', [pipe]);
    expect(() => loadConfig({ file: pipe })).to.throw('not a regular file');
  });
});
