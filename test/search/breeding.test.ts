import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { breed, crossOver, mutate } from '../../src/search/breeding.ts';
import { toySpace } from '../sampling/toy-space.ts';

const stream = createStream(8, 'test');
const zeros = Array.from({ length: 20 }, () => 0);

describe('mutate', () => {
  it('draws each layer anew with the given probability, from all its operations', () => {
    const space = toySpace(20, 4);
    const counts = [0, 0, 0, 0];
    for (let round = 0; round < 2000; round++)
      for (const operation of mutate(space, zeros, 0.1, stream)) counts[operation]! += 1;
    // 40,000 genes; each other operation 0.1 / 4 of them; five standard deviations are 156.
    for (const count of counts.slice(1)) expect(count).to.be.closeTo(1000, 156);
    expect(mutate(space, zeros, 0, stream)).to.deep.equal(zeros);
  });
});

describe('crossOver', () => {
  it('takes each gene from either parent, equally often', () => {
    const ones = zeros.map(() => 1);
    let sum = 0;
    for (let round = 0; round < 2000; round++) for (const operation of crossOver(zeros, ones, stream)) sum += operation;
    // 40,000 genes; five standard deviations are 500.
    expect(sum).to.be.closeTo(20_000, 500);
    expect(crossOver([1, 2], [1, 3], stream)[0]).to.equal(1);
  });
});

describe('breed', () => {
  it('stops at the wanted number of new children, or after 10 tries for each', () => {
    const children = new Map<string, readonly number[]>();
    let tries = 0;
    breed(
      children,
      3,
      () => [tries++ % 4],
      ([first]) => first !== 0,
    );
    expect([...children.values()]).to.deep.equal([[1], [2], [3]]);
    tries = 0;
    breed(
      children,
      5,
      () => [tries++ % 4],
      () => true,
    );
    expect(tries).to.equal(50);
    expect(children.size).to.equal(4);
  });
});
