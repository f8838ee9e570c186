import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createFlopsBinsSampler, type FlopsBins } from '../../src/sampling/flops-bins.ts';
import { flopsRange, pathFlops } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { allPaths, chiSquare, chiSquareBound, toySpace } from './toy-space.ts';

const never = (): never => expect.fail('a FLOPs-bins sampler scores nothing');

describe('createFlopsBinsSampler', () => {
  const space = toySpace(4, 4);
  const { smallest, largest } = flopsRange(space);
  const width = Math.floor((largest - smallest) / 5);
  const bins = { from: smallest + width, to: smallest + 4 * width, width };
  const make = (state?: unknown) => createFlopsBinsSampler({ space, bins, stream: createStream(3, 'sampler'), state });

  it('draws each bin equally often, and each path of a bin', () => {
    const members = [0, 1, 2].map((bin) =>
      allPaths(space)
        .filter((path) => {
          const place = pathFlops(space, path) - bins.from - bin * width;
          return place >= 0 && place < width;
        })
        .map((path) => path.join()),
    );
    const counts = new Map(members.flat().map((key) => [key, 0]));
    const sampler = make();
    for (let step = 0; step < 30_000; step++) {
      const key = sampler.next(step, never).paths[0]!.join();
      expect(counts.has(key), key).to.equal(true);
      counts.set(key, counts.get(key)! + 1);
    }
    const seen = members.map((keys) => keys.map((key) => counts.get(key)!));
    expect(chiSquare(seen.map((bin) => bin.reduce((sum, count) => sum + count, 0)))).to.be.below(chiSquareBound(2));
    for (const bin of seen) expect(chiSquare(bin)).to.be.below(chiSquareBound(bin.length - 1));
  });

  it("draws from SPOS' bins of the 7^21 space", () => {
    const large = buildSpace({ preset: 'mobilenet-7' });
    const stream = createStream(1, 'sampler');
    const spos = { from: 290_000_000, to: 360_000_000, width: 10_000_000 };
    const sampler = createFlopsBinsSampler({ space: large, bins: spos, stream });
    const counts = Array.from({ length: 7 }, () => 0);
    for (let step = 0; step < 3500; step++) {
      const flops = pathFlops(large, sampler.next(step, never).paths[0]!);
      expect(flops).to.be.within(spos.from, spos.to - 1);
      counts[Math.floor((flops - spos.from) / spos.width)]! += 1;
    }
    expect(chiSquare(counts)).to.be.below(chiSquareBound(6));
  });

  it('goes on from its state as JSON text, and refuses another', () => {
    const straight = make();
    for (let step = 0; step < 5; step++) straight.next(step, never);
    const restored = make(JSON.parse(JSON.stringify(straight.state())));
    for (let step = 5; step < 20; step++) expect(restored.next(step, never)).to.deep.equal(straight.next(step, never));
    expect(() => make({ method: 'fair' }))
      .to.throw(GreedynasError, 'method')
      .with.property('code', 'io');
  });

  it('refuses bins that are none or hold no path', () => {
    const bad: [FlopsBins, string][] = [
      [{ ...bins, width: 0 }, 'sampling.bins.width'],
      [{ ...bins, from: 1.5 }, 'sampling.bins.from'],
      [{ ...bins, to: bins.from }, 'sampling.bins.to'],
      [{ ...bins, width: 1 }, 'at most 64'],
      [{ from: largest + 1, to: largest + 10, width: 10 }, `its paths have ${smallest} to ${largest}`],
      [{ from: 1, to: smallest, width: smallest }, 'found no path'],
      [{ from: smallest + 1, to: smallest + 2, width: 1 }, 'found no path'],
    ];
    for (const [wrong, key] of bad) {
      const attempt = () => createFlopsBinsSampler({ space, bins: wrong, stream: createStream(1, 'sampler') });
      expect(attempt, key).to.throw(GreedynasError, key).with.property('code', 'usage');
    }
  });
});
