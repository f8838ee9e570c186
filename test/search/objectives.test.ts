import { expect } from 'chai';
import { areObjectives } from '../../src/config/search-choices.ts';
import type { Candidate } from '../../src/search/evaluator.ts';
import { paretoFront } from '../../src/search/objectives.ts';

const candidate = (name: number, top1: number, flops: number, latency: number): Candidate => ({
  path: [name],
  top1,
  loss: 1 - top1,
  flops,
  params: 1,
  latency,
});
const names = (candidates: readonly Candidate[]): number[] => candidates.map(({ path }) => path[0]!);

describe('search.objectives', () => {
  it('are one quality and at least one cost, each once', () => {
    expect(areObjectives(['error', 'flops'])).to.equal(true);
    expect(areObjectives(['latency', 'loss', 'params'])).to.equal(true);
    for (const bad of [
      [],
      ['error'],
      ['flops'],
      ['error', 'loss'],
      ['error', 'loss', 'flops'],
      ['error', 'flops', 'flops'],
    ])
      expect(areObjectives(bad as Parameters<typeof areObjectives>[0]), bad.join()).to.equal(false);
  });
});

describe('paretoFront', () => {
  const given = [
    candidate(0, 0.9, 9, 1),
    candidate(1, 0.5, 5, 5),
    candidate(2, 0.4, 6, 4),
    candidate(3, 0.2, 1, 9),
    candidate(4, Number.NaN, 0, 0),
  ];

  it('has what nothing beats, the cheapest first, and nothing that diverged', () => {
    expect(names(paretoFront(['error', 'flops'], given))).to.deep.equal([3, 1, 0]);
    expect(names(paretoFront(['error', 'latency'], given))).to.deep.equal([0]);
    expect(names(paretoFront(['error', 'flops', 'latency'], given))).to.deep.equal([3, 1, 2, 0]);
    expect(paretoFront(['loss', 'flops'], given.slice(4))).to.deep.equal([]);
  });
});
