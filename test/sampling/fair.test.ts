import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createFairSampler, fairPaths } from '../../src/sampling/fair.ts';
import { chiSquare, chiSquareBound, mbconv, spaceOf, toySpace } from './toy-space.ts';

const space = toySpace(5, 4);
const never = (): never => expect.fail('a fair sampler scores nothing');

describe('createFairSampler', () => {
  it('trains every operation of every layer exactly once in each step', () => {
    const sampler = createFairSampler({ space, stream: createStream(1, 'sampler') });
    for (let step = 0; step < 50; step++) {
      const { paths, ...rest } = sampler.next(step, never);
      expect(rest).to.deep.equal({ epsilon: 0, evaluated: 0, fromPool: false });
      expect(paths).to.have.length(4);
      for (const layer of space.layers.keys())
        expect(paths.map((path) => path[layer]).sort()).to.deep.equal([0, 1, 2, 3]);
    }
  });

  it('combines layers independently: each pair of operations of two layers equally often', () => {
    const stream = createStream(2, 'test');
    const counts = Array.from({ length: 16 }, () => 0);
    // One path of each step: within a step the paths depend on one another.
    for (let step = 0; step < 16_000; step++) {
      const [path] = fairPaths(space, stream);
      counts[path![1]! * 4 + path![3]!]! += 1;
    }
    expect(chiSquare(counts)).to.be.below(chiSquareBound(15));
  });

  it('goes on from its state as JSON text, and refuses another', () => {
    const straight = createFairSampler({ space, stream: createStream(1, 'sampler') });
    for (let step = 0; step < 5; step++) straight.next(step, never);
    const state: unknown = JSON.parse(JSON.stringify(straight.state()));
    const restored = createFairSampler({ space, stream: createStream(9, 'other'), state });
    for (let step = 5; step < 10; step++) expect(restored.next(step, never)).to.deep.equal(straight.next(step, never));
    expect(() => restored.next(9, never)).to.throw(RangeError);
    const attempt = () =>
      createFairSampler({ space, stream: createStream(1, 'sampler'), state: { method: 'uniform' } });
    expect(attempt).to.throw(GreedynasError, 'method').with.property('code', 'io');
  });

  it('refuses a space whose layers differ, naming them', () => {
    const layer = { stride: 1, inChannels: 8, outChannels: 8 };
    const uneven = spaceOf([
      { ...layer, name: 'a', operations: [mbconv(1), mbconv(2)] },
      { ...layer, name: 'b', operations: [mbconv(1)] },
    ]);
    const attempt = () => createFairSampler({ space: uneven, stream: createStream(1, 'sampler') });
    expect(attempt).to.throw(GreedynasError, 'layer a has 2 and layer b has 1').with.property('code', 'usage');
  });
});
