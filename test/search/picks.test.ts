import { expect } from 'chai';
import { frontIds, pickedIds } from '../../src/search/picks.ts';
import type { FoundPath, SearchResult } from '../../src/search/result.ts';

const found = (top1: number | null, flops: number, more: Partial<FoundPath> = {}): FoundPath => ({
  path: 'skip',
  flops,
  params: flops / 100,
  loss: top1 === null ? null : 1 - top1,
  top1,
  ...more,
});
const objectives: SearchResult['objectives'] = ['error', 'flops'];
// Best first, as search.json has them. On the front: 1, 2, 4, 5.
const candidates = [found(0.9, 400e6), found(0.88, 300e6), found(0.85, 350e6), found(0.8, 200e6), found(0.5, 100e6)];
const result = { candidates: [...candidates, found(null, 50e6)], objectives };

describe('search/picks', () => {
  it('knows the front by ids, the cheapest first and without what diverged', () => {
    expect(frontIds(result)).to.deep.equal([5, 4, 2, 1]);
  });

  it('takes best, ids, limits and the knee, each once', () => {
    // Below the line: id 4 by 1 - 1/3 - 0.25 = 0.417, id 2 by 1 - 2/3 - 0.05 = 0.283.
    expect(pickedIds(result, 'knee')).to.deep.equal([4]);
    expect(pickedIds(result, 'best, 3,1')).to.deep.equal([1, 3]);
    expect(pickedIds(result, 'flops<300M')).to.deep.equal([4]);
    expect(pickedIds(result, 'flops<=0.3G')).to.deep.equal([2]);
    expect(pickedIds(result, 'params<3.6M')).to.deep.equal([2]);
    const timed = { candidates: [found(0.9, 1, { latency: 80 }), found(0.8, 2, { latency: 60 })], objectives };
    expect(pickedIds(timed, 'latency<80ms')).to.deep.equal([2]);
  });

  for (const [word, message] of [
    ['worst', /--pick "worst", allowed: best, knee, flops<300M.* an id from 1 to 6/],
    ['', /--pick "", allowed/],
    ['0', /--pick "0", allowed/],
    ['7', /--pick "7", allowed/],
    ['6', /--pick 6: that candidate has diverged/],
    ['flops<many', /FLOPs: "many", allowed/],
    ['flops<100M', /no candidate .* within that \(the least is 100000000\)/],
    ['latency<80ms', /this search knows no latency/],
  ] as const) {
    it(`refuses ${JSON.stringify(word)}`, () => {
      expect(() => pickedIds(result, word)).to.throw(message);
    });
  }

  it('finds no knee where none lies below the line between the ends', () => {
    const bulging = { candidates: [found(0.9, 300), found(0.6, 200), found(0.5, 100)], objectives };
    expect(() => pickedIds(bulging, 'knee')).to.throw(/no knee: none of its 3 paths/);
    expect(() => pickedIds({ ...result, candidates: candidates.slice(0, 1) }, 'knee')).to.throw(/none of its 1 paths/);
  });

  it('picks nothing where all have diverged', () => {
    expect(() => pickedIds({ candidates: [found(null, 1)], objectives }, 'best')).to.throw(/every candidate/);
  });
});
