import { expect } from 'chai';
import { filterChannelsFirst, transposed } from '../../src/export/layout.ts';

/** Values that are their own index, as digits: row, column, input, output. */
function numbered(shape: readonly [number, number, number, number]) {
  const values: number[] = [];
  for (let h = 0; h < shape[0]; h++)
    for (let w = 0; w < shape[1]; w++)
      for (let i = 0; i < shape[2]; i++)
        for (let o = 0; o < shape[3]; o++) values.push(1000 * h + 100 * w + 10 * i + o);
  return { shape, values: Float32Array.from(values) };
}

describe('export/layout', () => {
  it('puts the channels of a filter first', () => {
    const { shape, values } = filterChannelsFirst(numbered([3, 2, 4, 5]), false);
    expect(shape).to.deep.equal([5, 4, 3, 2]);
    // [out 2, in 3, row 1, column 0]
    expect(values[((2 * 4 + 3) * 3 + 1) * 2]).to.equal(1032);
    expect(values.at(-1)).to.equal(2134);
  });

  it('makes the channels of a depthwise filter its outputs', () => {
    const { shape, values } = filterChannelsFirst(numbered([3, 2, 4, 1]), true);
    expect(shape).to.deep.equal([4, 1, 3, 2]);
    expect(values[(3 * 3 + 1) * 2 + 1]).to.equal(1130);
  });

  it('turns matrices', () => {
    const { shape, values } = transposed({ shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect({ shape, values: Array.from(values) }).to.deep.equal({ shape: [3, 2], values: [1, 4, 2, 5, 3, 6] });
  });
});
