import { expect } from 'chai';
import {
  type Candidate,
  createCachedEvaluator,
  rankCandidates,
  restoreCandidate,
  saveCandidate,
} from '../../src/search/evaluator.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { toySpace } from '../sampling/toy-space.ts';

const space = toySpace(2, 3);

describe('createCachedEvaluator', () => {
  it('evaluates each path once, and adds its costs', () => {
    const asked: string[] = [];
    const evaluator = createCachedEvaluator({
      space,
      evaluate: (path) => {
        asked.push(path.join());
        return { loss: path[0]!, top1: 0.5 };
      },
    });
    const first = evaluator.evaluate([1, 2]);
    expect(first).to.deep.equal({
      path: [1, 2],
      flops: pathFlops(space, [1, 2]),
      params: pathParams(space, [1, 2]),
      loss: 1,
      top1: 0.5,
    });
    expect(evaluator.evaluate([1, 2])).to.equal(first);
    evaluator.evaluate([0, 2]);
    expect(asked).to.deep.equal(['1,2', '0,2']);
    expect(evaluator.evaluations).to.equal(2);
    expect(evaluator.has([0, 2])).to.equal(true);
    expect(evaluator.has([2, 2])).to.equal(false);
    expect(evaluator.candidates().map(({ path }) => path)).to.deep.equal([
      [1, 2],
      [0, 2],
    ]);
  });

  it('does not evaluate what is known', () => {
    const known = [{ path: [1, 1], flops: 1, params: 1, loss: 1, top1: 1 }];
    const evaluator = createCachedEvaluator({ space, evaluate: () => expect.fail('evaluated'), known });
    expect(evaluator.evaluate([1, 1])).to.equal(known[0]);
    expect(evaluator.evaluations).to.equal(0);
  });

  it('keeps a diverged path as NaN, through JSON too', () => {
    const evaluator = createCachedEvaluator({ space, evaluate: () => ({ loss: Number.POSITIVE_INFINITY, top1: 0.1 }) });
    const candidate = evaluator.evaluate([0, 0]);
    expect(candidate.loss).to.be.NaN;
    expect(restoreCandidate(space, JSON.parse(JSON.stringify(saveCandidate(candidate))))).to.deep.equal(candidate);
  });
});

describe('rankCandidates', () => {
  const candidate = (name: number, top1: number, loss: number, flops = 1): Candidate => ({
    path: [name],
    flops,
    params: 1,
    loss,
    top1,
  });
  const order = (candidates: Candidate[], objective?: 'top1' | 'loss'): number[] =>
    rankCandidates(candidates, objective).map(({ path }) => path[0]!);

  it('ranks by accuracy, then loss, then FLOPs, then the given order', () => {
    const given = [
      candidate(0, 0.5, 2),
      candidate(1, 0.6, 3),
      candidate(2, 0.5, 1, 5),
      candidate(3, 0.5, 1, 4),
      candidate(4, 0.5, 1, 5),
    ];
    expect(order(given)).to.deep.equal([1, 3, 2, 4, 0]);
  });

  it('ranks by loss, then accuracy, if asked', () => {
    expect(order([candidate(0, 0.5, 2), candidate(1, 0.6, 3), candidate(2, 0.4, 2)], 'loss')).to.deep.equal([0, 2, 1]);
  });

  it('puts diverged candidates last for either objective', () => {
    const given = [candidate(0, 0.9, Number.NaN), candidate(1, Number.NaN, 0.1), candidate(2, 0.1, 9)];
    expect(order(given)[0]).to.equal(2);
    expect(order(given, 'loss')[0]).to.equal(2);
  });
});
