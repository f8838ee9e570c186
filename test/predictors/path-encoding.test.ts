import { expect } from 'chai';
import { pathGraphs, pathVectors } from '../../src/predictors/path-encoding.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { mbconv, spaceOf } from '../sampling/toy-space.ts';

const layer = (name: string, count: number) => ({
  name,
  stride: 1 as const,
  inChannels: 8,
  outChannels: 8,
  operations: Array.from({ length: count }, (_, index) => mbconv(index + 1)),
});
const space = spaceOf([layer('a', 2), layer('b', 3), layer('c', 1)]);

describe('pathVectors', () => {
  it('is one-hot layer by layer, whatever was there before, and touches nothing beside', () => {
    const { width, write } = pathVectors(space);
    expect(width).to.equal(6);
    const into = new Float32Array(8).fill(7);
    write([1, 0, 0], into, 1);
    expect(Array.from(into)).to.deep.equal([7, 0, 1, 1, 0, 0, 1, 7]);
  });
});

describe('pathGraphs', () => {
  it('is a chain whose vertices know their layer and operation', () => {
    const { vertices, kinds, write } = pathGraphs(space);
    expect([vertices, kinds]).to.deep.equal([3, 6]);
    const kindOf = new Int16Array(3);
    const edges = new Uint8Array(9).fill(1);
    write([1, 2, 0], kindOf, edges);
    expect(Array.from(kindOf)).to.deep.equal([1, 4, 5]);
    expect(Array.from(edges)).to.deep.equal([0, 1, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('tells the 273 operations of the largest space apart', () => {
    const large = buildSpace({ preset: 'mobilenet-13-se' });
    const { vertices, kinds, write } = pathGraphs(large);
    const kindOf = new Int16Array(vertices);
    const last = large.layers.map(({ operations }) => operations.length - 1);
    write(last, kindOf, new Uint8Array(vertices ** 2));
    expect(kinds).to.equal(last.reduce((sum, operation) => sum + operation + 1, 0));
    expect(kinds).to.be.above(127);
    expect(kindOf.at(-1)).to.equal(kinds - 1);
  });
});
