import { expect } from 'chai';
import ort from 'onnxruntime-node';
import { encodeOnnx, onnxOpset, samePadding } from '../../src/export/onnx.ts';
import { type Program, writeProgram } from '../../src/export/program.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { smallSubnets } from './small-subnet.ts';

describe('export/onnx', () => {
  it('pads as TensorFlow does for SAME', () => {
    const cases: [number, number, number, [number, number]][] = [
      [32, 3, 1, [1, 1]],
      [32, 3, 2, [0, 1]],
      [31, 3, 2, [1, 1]],
      [32, 7, 2, [2, 3]],
      [7, 1, 2, [0, 0]],
      [4, 5, 2, [1, 2]],
    ];
    for (const [side, kernel, stride, expected] of cases) {
      expect(samePadding(side, kernel, stride), `${side} ${kernel} ${stride}`).to.deep.equal(expected);
    }
  });

  function encoded(): Uint8Array {
    const { space: options, genotype } = smallSubnets.se;
    const space = buildSpace(options);
    const program: Program = writeProgram(space, parseGenotype(space, genotype), {
      mean: [0.5, 0.5, 0.5],
      deviation: [0.25, 0.25, 0.25],
    });
    const weights = new Map(
      [...program.shapes].map(([name, shape]) => [
        name,
        { shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.1) },
      ]),
    );
    return encodeOnnx({ program, weights }, { metadata: { genotype }, producerVersion: '1.2.3' });
  }

  it('names its input and output, with a batch size that is free', async () => {
    const session = await ort.InferenceSession.create(encoded());
    expect(session.inputNames).to.deep.equal(['images']);
    expect(session.outputNames).to.deep.equal(['logits']);
    expect(session.inputMetadata[0]).to.deep.include({ name: 'images', type: 'float32', shape: ['batch', 3, 32, 32] });
    expect(session.outputMetadata[0]).to.deep.include({ name: 'logits', shape: ['batch', 10] });
    await session.release();
  });

  it('is of opset 17 at least, and carries what the network is', () => {
    expect(onnxOpset).to.be.at.least(17);
    const text = Buffer.from(encoded()).toString('latin1');
    expect(text).to.include(smallSubnets.se.genotype).and.to.include('1.2.3');
  });
});
