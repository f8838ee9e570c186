import { expect } from 'chai';
import { encodeSafetensors } from '../../src/export/safetensors.ts';

/** The format read as its specification says. */
function decode(file: Uint8Array) {
  const bytes = Buffer.from(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const data = bytes.subarray(8 + length);
  return { header, data, length };
}

describe('export/safetensors', () => {
  const tensors = new Map([
    ['b', { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ['a.weight', { shape: [1], values: Float32Array.of(-0.5) }],
    ['empty', { shape: [0], values: new Float32Array(0) }],
  ]);

  it('has a header of JSON, aligned to 8 bytes, and the values where it says', () => {
    const { header, data, length } = decode(encodeSafetensors(tensors, { format: 'pt' }));
    expect(length % 8).to.equal(0);
    expect(header.__metadata__).to.deep.equal({ format: 'pt' });
    for (const [name, { shape, values }] of tensors) {
      const [start, end] = header[name].data_offsets;
      expect(header[name], name).to.deep.include({ dtype: 'F32', shape });
      const read = Array.from({ length: (end - start) / 4 }, (_, index) => data.readFloatLE(start + 4 * index));
      expect(read).to.deep.equal(Array.from(values));
    }
    expect(data.length).to.equal(28);
  });

  it('takes views into larger arrays', () => {
    const values = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const { data } = decode(encodeSafetensors(new Map([['x', { shape: [2], values }]]), {}));
    expect([data.readFloatLE(0), data.readFloatLE(4), data.length]).to.deep.equal([1, 2, 8]);
  });
});
