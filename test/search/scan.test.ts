import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { limitedPaths } from '../../src/search/limits.ts';
import { drawCandidates, type ScanOptions } from '../../src/search/scan.ts';
import { pathFlops } from '../../src/space/cost.ts';
import type { Path } from '../../src/space/space.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';

const space = toySpace(6, 4);
const best: Path = [3, 0, 3, 0, 3, 0];
const distance = (path: Path): number => path.filter((operation, layer) => operation !== best[layer]).length;

function scan(changes: Partial<ScanOptions> = {}): readonly Path[] {
  return drawCandidates({
    space,
    paths: limitedPaths(space, {}),
    isKnown: () => false,
    parents: [best],
    pool: [],
    count: 200,
    mutationProbability: 0.2,
    stream: createStream(1, 'scan'),
    ...changes,
  });
}

describe('drawCandidates', () => {
  it('gives as many distinct paths as asked for, half of them near the best', () => {
    const paths = scan();
    expect(paths).to.have.length(200);
    expect(new Set(paths.map((path) => path.join())).size).to.equal(200);
    // 1 + 18 + 135 of 4,096 paths are that near: chance alone gives 8 of 200.
    expect(paths.filter((path) => distance(path) <= 2).length).to.be.above(60);
    expect(paths.slice(100).filter((path) => distance(path) <= 2).length).to.be.below(20);
  });

  it('gives all paths within the limits, without what is known, where there are no more', () => {
    const limits = { flops: pathFlops(space, [0, 0, 1, 0, 1, 1]) };
    const paths = limitedPaths(space, limits);
    const within = allPaths(space).filter((path) => pathFlops(space, path) <= limits.flops);
    expect(within.length).to.be.within(50, 199);
    const known = within[7]!.join();
    const found = scan({ paths, isKnown: (path) => path.join() === known });
    const wanted = within.map((path) => path.join()).filter((key) => key !== known);
    expect(found.map((path) => path.join()).sort()).to.deep.equal(wanted.sort());
  });

  it('keeps the limits and what is new, pool and offspring included', () => {
    const limits = { flops: pathFlops(space, [1, 1, 2, 1, 2, 1]) };
    const paths = limitedPaths(space, limits);
    const found = scan({
      paths,
      pool: [best, [3, 3, 3, 3, 3, 3], [0, 0, 1, 0, 0, 0]],
      isKnown: (path) => path[5] === 2,
    });
    expect(found).to.have.length(200);
    for (const path of found) {
      expect(pathFlops(space, path)).to.be.at.most(limits.flops);
      expect(path[5]).to.not.equal(2);
    }
    expect(found[0]).to.deep.equal([0, 0, 1, 0, 0, 0]);
  });

  it('has the best of a pool that is larger than the scan', () => {
    const pool = allPaths(space).slice(0, 300);
    expect(scan({ pool, count: 20 })).to.deep.equal(pool.slice(0, 20));
  });
});
