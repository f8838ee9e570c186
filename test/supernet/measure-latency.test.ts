import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { withLatency } from '../../src/space/latency.ts';
import type { Space } from '../../src/space/space.ts';
import { measureLatency, medianTimes } from '../../src/supernet/measure-latency.ts';
import { engine } from '../graph/engine.ts';
import { mbconv, spaceOf } from '../sampling/toy-space.ts';
import { smallSpace } from './small-space.ts';

describe('medianTimes', () => {
  it('takes turns in another order each round, leaves the warm-up out, and takes the median', () => {
    let now = 0;
    const order: string[] = [];
    const rounds: number[] = [];
    // Each run of `slow` takes as many seconds as there were runs of it; `quick` takes 1.
    const runs = { quick: 0, slow: 0 };
    const times = medianTimes(
      ['quick', 'slow'],
      (endpoint) => {
        order.push(endpoint);
        const key = endpoint as keyof typeof runs;
        runs[key] += 1;
        now += key === 'quick' ? 1 : runs[key];
      },
      {
        warmup: 2,
        repeats: 31,
        clock: () => now,
        stream: createStream(1, 'test'),
        onRound: (round) => rounds.push(round),
      },
    );
    // The rounds that count are the 3rd to the 33rd.
    expect([...times]).to.deep.equal([
      ['quick', { median: 1000, spread: 0 }],
      // 3 to 33 seconds: the quarters are at 10.5 and 25.5.
      ['slow', { median: 18_000, spread: 15 / 18 }],
    ]);
    const pairs = Array.from({ length: 33 }, (_, round) => order.slice(2 * round, 2 * round + 2));
    for (const pair of pairs) expect(pair).to.have.members(['quick', 'slow']);
    expect(new Set(pairs.map((pair) => pair.join())).size).to.equal(2);
    expect(rounds).to.deep.equal(Array.from({ length: 33 }, (_, index) => index + 1));
  });
});

describe('measureLatency', () => {
  const measure = (space: Space, repeats: number) =>
    measureLatency(space, {
      engine,
      batch: 1,
      repeats,
      warmup: 2,
      networks: 2,
      clock: () => performance.now() / 1000,
      stream: createStream(1, 'test'),
    });

  it('has a time for everything in a space: skips none, equal operations the same', () => {
    // Two equal layers after the small space's last.
    const last = smallSpace.layers.at(-1)!;
    const space = { ...smallSpace, layers: [...smallSpace.layers, { ...last, name: 'layer5' }] };
    const { latency, overhead, spread, checks } = measure(space, 5);
    expect(spread).to.be.within(0, 10);
    expect(() => withLatency(space, latency)).to.not.throw();
    expect(latency.layers[4]).to.deep.equal(latency.layers[3]);
    // The identity of the second layer is a true skip, that of the first a convolution.
    expect(latency.layers[1]![2]).to.equal(0);
    expect(latency.layers[3]![2]).to.equal(0);
    expect(latency.fixed).to.be.at.least(overhead);
    expect(overhead).to.be.above(0);
    expect(checks).to.have.length(2);
    for (const { path, predicted, measured } of checks) {
      const sum = path.reduce((total, operation, layer) => total + latency.layers[layer]![operation]!, latency.fixed);
      expect(predicted).to.equal(sum);
      expect(measured).to.be.above(0);
    }
  });

  it('tells the dear from the cheap', () => {
    // 7x7 of 48 channels at 32 px against 1x1 of 8: a hundred times the work.
    const operations = [mbconv(12, 7), { kind: 'identity' } as const];
    const space = {
      ...spaceOf([{ name: 'layer', stride: 1, inChannels: 16, outChannels: 24, operations }]),
      resolution: 64,
    };
    const { latency } = measure(space, 9);
    expect(latency.layers[0]![0]).to.be.above(3 * latency.layers[0]![1]!);
  });
});
