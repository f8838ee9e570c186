import { expect } from 'chai';
import { attribute, elementCount, mergeShapes, shapeProto, shapeText, tensorProto } from '../../src/graph/types.ts';

describe('shapes', () => {
  it('count their elements where all sizes are known', () => {
    expect(elementCount([2, 3, 4])).to.equal(24);
    expect(elementCount([])).to.equal(1);
    expect(elementCount([0, 5])).to.equal(0);
    expect(elementCount([2, -1])).to.equal(-1);
    expect(elementCount(null)).to.equal(-1);
  });

  it('merge to what both agree with, and to nothing where the ranks differ', () => {
    expect(mergeShapes([-1, 4, 8], [-1, 4, 6])).to.deep.equal([-1, 4, -1]);
    expect(mergeShapes([2, 3], [2, 3])).to.deep.equal([2, 3]);
    expect(mergeShapes([], [])).to.deep.equal([]);
    expect(mergeShapes([2], [2, 1])).to.equal(null);
    expect(mergeShapes(null, [2])).to.equal(null);
  });

  it('read as text, and go on the wire with unknown rank apart from rank 0', () => {
    expect(shapeText([-1, 3])).to.equal('[?, 3]');
    expect(shapeText([])).to.equal('[]');
    expect(shapeText(null)).to.equal('[?]');
    expect(shapeProto(null)).to.deep.equal({ unknownRank: true });
    expect(shapeProto([])).to.deep.equal({ dim: [] });
    expect(shapeProto([-1, 2])).to.deep.equal({ dim: [{ size: -1 }, { size: 2 }] });
  });
});

describe('tensorProto', () => {
  it('packs values row-major, little-endian', () => {
    expect([...tensorProto('float32', [2], [1, -2]).tensorContent!]).to.deep.equal([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    expect([...tensorProto('int32', [2], [1, -1]).tensorContent!]).to.deep.equal([1, 0, 0, 0, 255, 255, 255, 255]);
    expect([...tensorProto('int64', [], [-2]).tensorContent!]).to.deep.equal([254, ...Array(7).fill(255)]);
    expect([...tensorProto('uint8', [3], [0, 7, 255]).tensorContent!]).to.deep.equal([0, 7, 255]);
    expect([...tensorProto('bool', [2], [1, 0]).tensorContent!]).to.deep.equal([1, 0]);
    expect(tensorProto('string', [2], ['a', 'ü']).stringVal!.map((each) => Buffer.from(each).toString())).to.deep.equal(
      ['a', 'ü'],
    );
  });

  it('refuses a number of values that does not fit the shape', () => {
    expect(() => tensorProto('float32', [2, 2], [1, 2, 3])).to.throw(
      RangeError,
      'constant of shape [2, 2] needs 4 values, got 3',
    );
    expect(() => tensorProto('float32', [], [])).to.throw(RangeError, 'needs 1 values, got 0');
  });

  it('refuses types that have no numbers', () => {
    expect(() => tensorProto('resource', [], [1])).to.throw(TypeError, 'type resource has no numbers');
  });
});

describe('attribute', () => {
  it('has the numbers of TensorFlow types', () => {
    expect(attribute.types(['float32', 'int32', 'uint8', 'string', 'int64', 'bool'])).to.deep.equal({
      list: { type: [1, 3, 4, 7, 9, 10] },
    });
    expect(attribute.types(['bfloat16', 'resource', 'variant'])).to.deep.equal({ list: { type: [14, 20, 21] } });
  });
});
