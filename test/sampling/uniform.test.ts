import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createUniformSampler, uniformPath } from '../../src/sampling/uniform.ts';
import { allPaths, chiSquare, chiSquareBound, mbconv, spaceOf, toySpace } from './toy-space.ts';

const never = (): never => {
  throw new Error('a uniform sampler scores nothing');
};

describe('uniformPath', () => {
  it('draws every path of a space with layers of different sizes equally often', () => {
    const layer = (name: string, operations: number) => ({
      name,
      stride: 1,
      inChannels: 8,
      outChannels: 8,
      operations: Array.from({ length: operations }, (_, index) => mbconv(index + 1)),
    });
    const space = spaceOf([layer('a', 2), layer('b', 5), layer('c', 3)]);
    const stream = createStream(7, 'test');
    const counts = new Map(allPaths(space).map((path) => [path.join(), 0]));
    for (let draw = 0; draw < 30_000; draw++) {
      const key = uniformPath(space, stream).join();
      counts.set(key, counts.get(key)! + 1);
    }
    expect(counts).to.have.property('size', 30);
    expect(chiSquare([...counts.values()])).to.be.below(chiSquareBound(29));
  });
});

describe('createUniformSampler', () => {
  const space = toySpace(5, 4);

  it('gives one path a step, without evaluation, and never stops', () => {
    const sampler = createUniformSampler({ space, stream: createStream(1, 'sampler') });
    const step = sampler.next(0, never);
    expect(step).to.deep.include({ epsilon: 0, evaluated: 0, fromPool: false });
    expect(step.paths).to.have.length(1);
    expect(sampler.stopped).to.equal(null);
  });

  it('goes on identically from its state as JSON text', () => {
    const straight = createUniformSampler({ space, stream: createStream(1, 'sampler') });
    const first = createUniformSampler({ space, stream: createStream(1, 'sampler') });
    for (let step = 0; step < 5; step++) expect(first.next(step, never)).to.deep.equal(straight.next(step, never));
    const state: unknown = JSON.parse(JSON.stringify(first.state()));
    const restored = createUniformSampler({ space, stream: createStream(99, 'other'), state });
    for (let step = 5; step < 10; step++) expect(restored.next(step, never)).to.deep.equal(straight.next(step, never));
    expect(restored.state()).to.deep.equal(straight.state());
  });

  it('refuses a step that does not come after the last one', () => {
    const sampler = createUniformSampler({ space, stream: createStream(1, 'sampler') });
    sampler.next(3, never);
    for (const step of [3, 0, 3.5, Number.NaN])
      expect(() => sampler.next(step, never)).to.throw(RangeError, 'above the last one (3)');
  });

  it('refuses a damaged state with an io error that names the place', () => {
    const good = createUniformSampler({ space, stream: createStream(1, 'sampler') }).state() as object;
    const stream = (good as { stream: { i: number; j: number; S: number[] } }).stream;
    const damaged: [unknown, string][] = [
      [null, 'the whole'],
      [{ ...good, method: 'greedy' }, 'method'],
      [{ ...good, lastStep: -2 }, 'lastStep'],
      [{ ...good, extra: 1 }, 'extra'],
      [{ ...good, stream: { ...stream, S: stream.S.slice(1) } }, 'stream.S'],
      [{ ...good, stream: { ...stream, S: stream.S.map(() => 1) } }, 'each of 0'],
    ];
    for (const [state, place] of damaged) {
      const attempt = () => createUniformSampler({ space, stream: createStream(1, 'sampler'), state });
      expect(attempt).to.throw(GreedynasError, place).with.property('code', 'io');
    }
  });
});
