import { expect } from 'chai';
import type { Predictor } from '../../src/predictors/predictor.ts';
import { chooseWeakly } from '../../src/predictors/weak-nas.ts';
import { createStream } from '../../src/random/stream.ts';

describe('chooseWeakly', () => {
  const predictor: Predictor<string> = {
    fit() {},
    predict: (networks) => Float32Array.from(networks, (name) => name.length),
    close() {},
  };
  const candidates = Array.from({ length: 12 }, (_, length) => 'x'.repeat(length + 1));
  const choose = (seed: number, queries: number, top: number, from = candidates): string[] =>
    chooseWeakly({
      predictor,
      networks: [],
      accuracies: [],
      candidates: from,
      settings: { initial: 0, queries, top },
      stream: createStream(seed, 'test'),
    });

  it('draws M of the N best uniformly, without repetition', () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 2000; seed++) {
      const chosen = choose(seed, 2, 4).map((name) => name.length);
      expect(new Set(chosen).size).to.equal(2);
      for (const length of chosen) counts.set(length, (counts.get(length) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).to.deep.equal([9, 10, 11, 12]);
    for (const count of counts.values()) expect(count).to.be.within(880, 1120);
  });

  it('takes what there is where there are fewer', () => {
    expect(choose(1, 5, 10, candidates.slice(0, 3)).toSorted()).to.deep.equal(['x', 'xx', 'xxx']);
    expect(choose(1, 5, 10, [])).to.deep.equal([]);
  });
});
