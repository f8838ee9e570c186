import { expect } from 'chai';
import fc from 'fast-check';
import { createStream } from '../../src/random/stream.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { canonicalPath, distinctCount, sampleDistinct } from '../../src/space/distinct.ts';
import { pathKey } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { chiSquare } from '../data/chi-square.ts';
import { spaceAndPath } from './spaces.ts';

const macro = buildSpace({ preset: 'nas-bench-macro' });
const digits = (path: Path): string => path.join('');
const canonical = (code: string): string => digits(canonicalPath(macro, Array.from(code, Number)));

function everyPath(): Path[] {
  return Array.from({ length: 3 ** 8 }, (_, number) => number.toString(3).padStart(8, '0').split('').map(Number));
}

describe('canonicalPath', () => {
  it('moves skips to the end of their stage, but not past its first layer, which is none', () => {
    expect(canonical('00101020')).to.equal('00110020');
    expect(canonical('01000101')).to.equal('01000110');
    expect(canonical('22212220')).to.equal('22212220');
    expect(canonical('00000000')).to.equal('00000000');
  });

  it('keeps the order of what is no skip', () => {
    expect(canonical('11201212')).to.equal('11210212');
    expect(canonical('11021102')).to.equal('11021120');
  });

  it('does not change what a path costs, and is its own canonical path', () => {
    fc.assert(
      fc.property(spaceAndPath, ({ space, path }) => {
        const found = canonicalPath(space, path);
        expect(pathFlops(space, found)).to.equal(pathFlops(space, path));
        expect(pathParams(space, found)).to.equal(pathParams(space, path));
        expect(canonicalPath(space, found)).to.deep.equal(found);
      }),
    );
  });

  it('moves nothing across a change of channels, even without a stride', () => {
    const space = buildSpace({ preset: 'mobilenet-7' });
    // stage3b begins with a convolution of 80 to 96 channels: its identity is none.
    const path = space.layers.map(() => 0);
    path[12] = 6;
    expect(canonicalPath(space, path)).to.deep.equal(path);
    path[13] = 6;
    const moved = [...path];
    moved[13] = 0;
    moved[15] = 6;
    expect(canonicalPath(space, path)).to.deep.equal(moved);
  });
});

describe('distinctCount', () => {
  it('is 3,969 in NAS-Bench-Macro, as many as there are canonical paths', () => {
    expect(distinctCount(macro)).to.equal(3969n);
    expect(new Set(everyPath().map((path) => digits(canonicalPath(macro, path)))).size).to.equal(3969);
  });

  it('is exact where a number is not', () => {
    // Five stages of four: 7 first operations, then 0 to 3 of 6 kinds; and one layer alone.
    expect(distinctCount(buildSpace({ preset: 'mobilenet-7' }))).to.equal((7n * 259n) ** 5n * 7n);
  });
});

describe('sampleDistinct', () => {
  it('gives every network once when all are asked for', () => {
    const all = sampleDistinct(macro, 3969, createStream(1, 'networks'));
    expect(new Set(all.map(digits)).size).to.equal(3969);
    for (const path of all) expect(canonicalPath(macro, path)).to.deep.equal(path);
  });

  it('gives the beginning of a larger sample for a smaller count, and another one by another stream', () => {
    const few = sampleDistinct(macro, 50, createStream(1, 'networks'));
    expect(sampleDistinct(macro, 600, createStream(1, 'networks')).slice(0, 50)).to.deep.equal(few);
    expect(sampleDistinct(macro, 50, createStream(2, 'networks'))).to.not.deep.equal(few);
  });

  it('draws every network equally often', () => {
    const small = buildSpace({ preset: 'nas-bench-macro', depths: [2, 1, 2] });
    const counts = new Map<string, number>();
    const stream = createStream(1, 'networks');
    for (let round = 0; round < 4000; round++) {
      for (const path of sampleDistinct(small, 5, stream)) {
        counts.set(pathKey(path), (counts.get(pathKey(path)) ?? 0) + 1);
      }
    }
    const total = Number(distinctCount(small));
    expect(counts.size).to.equal(total);
    // 9 · 3 · 7 − 1 degrees of freedom: 99.9 % of samples stay below this (mean plus 3.3 standard deviations).
    const freedom = total - 1;
    expect(chiSquare([...counts.values()])).to.be.below(freedom + 3.3 * Math.sqrt(2 * freedom));
  });

  it('works where networks are too many to number', () => {
    const space = buildSpace({ preset: 'mobilenet-13-se' });
    const paths = sampleDistinct(space, 300, createStream(1, 'networks'));
    expect(new Set(paths.map(pathKey)).size).to.equal(300);
    for (const path of paths) expect(canonicalPath(space, path)).to.deep.equal(path);
    // The first layer of a stage has every operation equally often.
    const first = paths.map((path) => path[0]!);
    expect(new Set(first).size).to.equal(13);
  });

  it('refuses more networks than there are', () => {
    expect(() => sampleDistinct(macro, 3970, createStream(1, 'networks'))).to.throw(RangeError, '0 to 3969');
    expect(() => sampleDistinct(macro, 0.5, createStream(1, 'networks'))).to.throw(RangeError);
  });
});
