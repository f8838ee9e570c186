import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createPool } from '../../src/sampling/pool.ts';
import { formatPool, parsePool } from '../../src/sampling/pool-file.ts';
import { pathFlops } from '../../src/space/cost.ts';
import { toySpace } from './toy-space.ts';

const space = toySpace(2, 3);

describe('pool.json', () => {
  const pool = createPool({ capacity: 5, flops: (path) => pathFlops(space, path) });
  pool.offer([2, 0], 1.5);
  pool.offer([1, 1], 0.5);
  pool.offer([2, 0], 2.5);

  it('holds genotypes, best first', () => {
    expect(formatPool(space, pool)).to.deep.equal({
      capacity: 5,
      paths: [
        { path: 'e2k3 e2k3', loss: 0.5, flops: pathFlops(space, [1, 1]), evaluations: 1 },
        { path: 'e3k3 e1k3', loss: 2, flops: pathFlops(space, [2, 0]), evaluations: 2 },
      ],
    });
  });

  it('reads back to the same entries', () => {
    expect(parsePool(space, JSON.parse(JSON.stringify(formatPool(space, pool))))).to.deep.equal(pool.entries());
  });

  it('names the file and the entry that cannot be read', () => {
    const good = formatPool(space, pool);
    const bad: [unknown, string][] = [
      [[], 'the whole'],
      [{ ...good, paths: [good.paths[0], { ...good.paths[1], path: 'e9k9 skip' }] }, 'paths[1]: genotype'],
      [{ ...good, paths: [{ ...good.paths[0], loss: '1' }] }, 'paths[0].loss'],
      [{ ...good, version: 2 }, 'version'],
    ];
    for (const [value, place] of bad) {
      const attempt = () => parsePool(space, value, 'runs/a/pool.json');
      expect(attempt).to.throw(GreedynasError, place).with.property('code', 'io');
      expect(attempt).to.throw('runs/a/pool.json');
    }
  });
});
