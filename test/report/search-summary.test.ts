import { expect } from 'chai';
import { comparisonSummary, searchSummary } from '../../src/report/search-summary.ts';
import type { Comparison, SearchResult } from '../../src/search/result.ts';
import { costOf } from '../../src/training/cost.ts';
import { noPace } from '../../src/training/ledger.ts';

const comparison: Comparison = {
  images: 2500,
  seen: false,
  paths: 50,
  best: 0.612,
  percentile: 96,
  median: 0.551,
  ninetieth: 0.58,
  highest: 0.6201,
};
const summary = (changes: Partial<Comparison>, limits: SearchResult['limits'] = { flops: 1e6 }) =>
  comparisonSummary({ comparison: { ...comparison, ...changes }, limits });

const shown: Omit<SearchResult, 'candidates' | 'best' | 'front'> = {
  run: 'small',
  space: 'toy',
  method: 'evolution',
  directory: 'checkpoints/small/search/330M',
  checkpoint: 'checkpoints/small/step-00000060',
  limits: { flops: 330e6 },
  evaluated: 1051,
  seconds: 75,
  cost: null,
  objectives: ['error', 'flops'],
  comparison,
  subnets: ['checkpoints/small/subnets/330M-1'],
};

describe('report/search-summary', () => {
  it('says in one sentence what was compared on what', () => {
    expect(summary({})).to.equal(
      'On 2500 held-out images that did not choose it, the best path has a top-1 of 61.20 %: percentile 96 of 50 random paths under the same limit, evaluated in the same way, whose median is 55.10 %, 90th percentile 58.00 % and best 62.01 %.',
    );
  });

  it('knows several limits, and none', () => {
    expect(summary({}, { flops: 1, latency: 2 })).to.include('50 random paths under the same limits, evaluated');
    expect(summary({}, {})).to.include('50 random paths, evaluated');
  });

  it('states what the search stands on, where it is known', () => {
    const candidate = { path: 'skip', flops: 1e6, params: 2e6, loss: 1, top1: 0.5 };
    const result = { ...shown, candidates: [candidate], best: candidate, front: [candidate] };
    expect(searchSummary(result)).to.not.include('training of the supernet');
    const images = { optimised: 204_800, evaluated: 322_304 };
    const phases = { start: 10, data: 5, train: 400, rank: 80, audit: 0, save: 5 };
    const training = costOf(images, { ...phases, pace: noPace });
    expect(searchSummary({ ...result, cost: { training, seconds: 575 } })).to.include(
      'With the training of the supernet (8 min 20 s, 205k images optimised, 322k evaluated): 9 min 35 s in all.',
    );
  });

  it('shows the front of NSGA-II, thinned where it is long, and latencies where they are known', () => {
    const path = (index: number) => ({
      path: `path-${index}-`,
      flops: 1e6 * (index + 1),
      params: 2e6,
      latency: index + 0.5,
      loss: 1,
      top1: index / 100,
    });
    const front = Array.from({ length: 25 }, (_, index) => path(index));
    const result = {
      objectives: ['error', 'latency'],
      front,
      method: 'nsga2',
      candidates: [front[24]!],
      best: front[24]!,
    };
    const text = searchSummary({ ...shown, ...result } as SearchResult);
    expect(text).to.include('The front of error against latency has 25 paths, 10 of them:');
    expect(text)
      .to.include('path-0-')
      .and.to.include('path-24-')
      .and.to.include('24.5ms')
      .and.to.include('latency  path');
    expect(text.match(/path-\d+-/g)).to.have.length(11);
    const short = searchSummary({ ...shown, ...result, front: front.slice(0, 1) } as SearchResult);
    expect(short).to.include('against latency has 1 path:');
    expect(searchSummary({ ...shown, ...result, method: 'evolution' } as SearchResult)).to.not.include('The front');
  });

  it('says that the images chose the path, where they did', () => {
    expect(summary({ seen: true }))
      .to.include('On the 2500 images that it was chosen on, which flatters it')
      .and.to.include('search.comparisonImages');
  });

  it('says where the best does not beat the 90th percentile, equal numbers included', () => {
    for (const best of [0.5, 0.58]) expect(summary({ best })).to.include('does not beat the 90th percentile');
    expect(summary({ best: 0.5801 })).to.not.include('does not');
  });

  it('says where there is nothing to compare', () => {
    expect(comparisonSummary({ comparison: null, limits: {} })).to.include('No random paths were evaluated');
    expect(summary({ best: null })).to.include('no finite loss');
    expect(summary({ median: null, ninetieth: null, highest: null })).to.include(
      'none of 50 random paths under the same limit has a finite loss',
    );
  });

  it('lists the ten best, the cost, and what to do next', () => {
    const candidates = Array.from({ length: 12 }, (_, index) => ({
      path: `path-${index}-`,
      flops: 1e6,
      params: 2e6,
      loss: index === 9 ? null : 1.5,
      top1: index === 9 ? null : 0.5,
    }));
    const result: SearchResult = { ...shown, candidates, best: candidates[0]!, front: candidates.slice(0, 1) };
    const text = searchSummary(result);
    expect(text).to.include('path-9-').and.to.not.include('path-10-');
    expect(text).to.include('1051 evaluations (evolution) in 1 min 15 s. Written to checkpoints/small/search/330M.');
    expect(text).to.include('Next: greedynas evaluate --subnet checkpoints/small/subnets/330M-1');
    expect(searchSummary({ ...result, subnets: [] })).to.not.include('Next:');
  });
});
