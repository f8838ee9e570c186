import { expect } from 'chai';
import { configOf, linesOf } from './parsing.ts';

describe('contradictions', () => {
  for (const [text, expected] of [
    ['sampling: {paths: 4}', 'sampling.keep: 5 (default), allowed: at most sampling.paths (4)'],
    ['training: {steps: 10000}', 'sampling.warmupSteps: 10000 (default), allowed: below training.steps (10000)'],
    [
      'training: {learningRate: 1e-6}',
      'training.minLearningRate: 0.00001 (default), allowed: at most training.learningRate (0.000001)',
    ],
    ['training: {momentum: 0}', 'training.nesterov: true (default), allowed: true only with training.momentum above 0'],
    [
      'training: {batch: 45001}',
      'training.batch: 45001, allowed: at most 45000, the training images of cifar10 without data.validationImages (5000)',
    ],
    ['search: {calibrationImages: 49920}', 'search.calibrationImages: 49920, allowed: at most 45000'],
    ['data: {validationImages: 50000}', 'data.validationImages: 50000, allowed: below the 50000 training images'],
    [
      'sampling: {ranking: {batch: 300}}',
      'sampling.ranking.batch: 300, allowed: a divisor of sampling.ranking.images (1000)',
    ],
    [
      'sampling: {ranking: {images: 6000}}',
      'sampling.ranking.images: 6000, allowed: at most data.validationImages (5000)',
    ],
    [
      'search: {calibrationBatch: 1000}',
      'search.calibrationBatch: 1000, allowed: a divisor of search.calibrationImages (20480)',
    ],
    [
      'search: {validationImages: 5001}',
      'search.validationImages: 5001, allowed: at most data.validationImages (5000)',
    ],
    [
      'search: {validationBatch: 5001}',
      'search.validationBatch: 5001, allowed: at most search.validationImages (5000)',
    ],
    [
      'search: {validationImages: 4000, comparisonImages: 1001}',
      'search.comparisonImages: 1001, allowed: at most 1000: data.validationImages (5000) less search.validationImages (4000)',
    ],
    [
      '{sampling: {ranking: {images: 2000}}, search: {validationImages: 500, comparisonImages: 4000}}',
      'search.comparisonImages: 4000, allowed: at most 3000: data.validationImages (5000) less sampling.ranking.images (2000)',
    ],
    ['search: {topK: 51}', 'search.topK: 51, allowed: at most search.population (50)'],
    ['search: {subnets: 51}', 'search.subnets: 51, allowed: at most search.population (50)'],
    [
      'search: {objectives: [error, latency]}',
      'search.objectives: ["error","latency"], allowed: without latency unless search.latencyTable is given',
    ],
    [
      'search: {objectives: [error, loss]}',
      'allowed: one of error and loss, and one or more of flops, params and latency',
    ],
    [
      'search: {mutations: 26}',
      'search.population: 50 (default), allowed: at least search.mutations (26) + search.crossovers (25)',
    ],
    ['space: {classes: 100}', 'space.classes: 100, allowed: 10, as data.dataset (cifar10) has it'],
    ['space: {resolution: 224}', 'space.resolution: 224, allowed: 32, as data.dataset (cifar10) has it'],
    ['space: {preset: nas-bench-macro, depths: [1, 2]}', 'space.depths: [1,2], allowed: 3 whole numbers from 1 to 64'],
    ['space: {preset: nas-bench-macro, strides: [1, 2]}', 'space.strides: [1,2], allowed: 4 strides of 1 or 2'],
    [
      'sampling: {flopsLimit: 1M}',
      'sampling.flopsLimit: "1M", allowed: at least 1025024, the FLOPs of the smallest path',
    ],
    [
      'sampling: {racing: {}, ranking: {batch: 1000}}',
      'sampling.ranking.batch: 1000, allowed: below sampling.ranking.images (1000) for sampling.racing: parts are whole batches',
    ],
    [
      'sampling: {racing: {first: 300}}',
      'sampling.racing.first: 300, allowed: a multiple of sampling.ranking.batch (250) below sampling.ranking.images (1000), or null',
    ],
    ['sampling: {racing: {first: 1000}}', 'sampling.racing.first: 1000, allowed: a multiple of'],
    [
      'sampling: {racing: {}, keep: 10}',
      'sampling.keep: 10, allowed: below sampling.paths (10) for sampling.racing: else there is nothing to decide',
    ],
    [
      'sampling: {method: flops-bins}',
      'sampling.bins: null (default), allowed: a section with the keys from, to, width, as sampling.method is flops-bins; paths of space.preset (mobilenet-7) here have 1025024 to',
    ],
    [
      'sampling: {method: flops-bins, bins: {from: 10M, to: 10M, width: 1M}}',
      'sampling.bins.to: "10M", allowed: above sampling.bins.from (10000000)',
    ],
    [
      'sampling: {method: flops-bins, bins: {from: 290M, to: 360M, width: 10M}}',
      'allowed: bins that hold paths: paths of space.preset (mobilenet-7) here have 1025024 to',
    ],
    [
      '{sampling: {ranking: {refresh: 100, images: 1000}}, search: {validationImages: 1999}}',
      'sampling.ranking.refresh: 100, allowed: null while search.validationImages (1999), which the stacks of images are taken from, is below twice sampling.ranking.images (1000)',
    ],
    [
      'search: {method: weaknas, predictor: {queries: 101}}',
      'search.predictor.queries: 101, allowed: at most search.predictor.top (100)',
    ],
    [
      'search: {method: neural-predictor, generations: 4, predictor: {examples: 200}}',
      'search.predictor.examples: 200, allowed: below search.population x search.generations (200)',
    ],
  ] as const) {
    it(`name both keys and values: ${text}`, () => {
      const lines = linesOf(text);
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include(expected);
    });
  }

  it('does not ask of one search method what only another needs', () => {
    for (const text of [
      'search: {method: nsga2, topK: 51, mutations: 60}',
      'search: {method: random, crossovers: 60}',
      'search: {objectives: [latency, loss], latencyTable: phone.yaml}',
      'search: {predictor: {queries: 101, examples: 5000}}',
      'search: {method: neural-predictor, predictor: {queries: 101, examples: 999}}',
    ]) {
      expect(() => configOf(text), text).to.not.throw();
    }
  });

  it('lets the images of search and comparison add up to all that are held out', () => {
    for (const text of [
      'search: {validationImages: 4000, comparisonImages: 1000}',
      'search: {comparisonImages: 0}',
      'search: {comparisonImages: null}',
      '{sampling: {method: uniform, ranking: {images: 2000}}, search: {validationImages: 500, comparisonImages: 4500}}',
    ]) {
      expect(configOf(text).search.comparisonImages, text).to.not.equal(undefined);
    }
  });

  it('of bins do not matter where they are not used, and bins that hold paths are taken as FLOPs', () => {
    expect(configOf('sampling: {bins: {from: 290M, to: 360M, width: 10M}}').sampling.bins?.from).to.equal(290e6);
    const { bins } = configOf('sampling: {method: flops-bins, bins: {from: 4M, to: 0.006G, width: 500000}}').sampling;
    expect(bins).to.deep.equal({ from: 4e6, to: 6e6, width: 5e5 });
    expect(linesOf('sampling: {method: flops-bins, bins: {from: 4M, to: 6M}}')[0]).to.include('sampling.bins.width');
    expect(linesOf('sampling: {bins: 3}')[0]).to.include('null, or a section with the keys from, to, width');
  });

  it('of racing do not matter where it is off; an empty section is racing with its defaults', () => {
    expect(configOf('sampling: {ranking: {batch: 1000}}').sampling.racing).to.equal(null);
    const racing = configOf('sampling: {racing: {}}').sampling.racing;
    expect(racing).to.deep.equal({ confidence: 0.95, first: null, audit: false });
    expect(configOf('sampling: {racing: {first: 500, confidence: 0.8}}').sampling.racing?.first).to.equal(500);
    for (const confidence of [0, 1, -1]) {
      expect(linesOf(`sampling: {racing: {confidence: ${confidence}}}`)[0]).to.include('a number above 0, below 1');
    }
  });

  it('of greedy sampling do not matter to uniform sampling', () => {
    expect(configOf('{training: {steps: 100}, sampling: {method: uniform}}').training.steps).to.equal(100);
  });

  it('are left out where a key of them is already reported', () => {
    expect(linesOf('sampling: {paths: 0, keep: 12}')).to.deep.equal([
      'run.yaml:1: sampling.paths: 0, allowed: a whole number of at least 1',
    ]);
  });
});
