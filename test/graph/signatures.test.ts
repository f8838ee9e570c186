import { expect } from 'chai';
import { outputReference } from '../../src/graph/signatures.ts';

describe('outputReference', () => {
  it('names the output, and counts within a list', () => {
    expect(outputReference('Conv2D', 0)).to.equal('output:0');
    expect(outputReference('FusedBatchNormV3', 0)).to.equal('y:0');
    expect(outputReference('FusedBatchNormV3', 5)).to.equal('reserve_space_3:0');
    expect(outputReference('SoftmaxCrossEntropyWithLogits', 1)).to.equal('backprop:0');
    expect(outputReference('Case', 0)).to.equal('output:0');
    expect(outputReference('Case', 7)).to.equal('output:7');
    expect(outputReference('Unpack', 2)).to.equal('output:2');
  });

  it('refuses an op that is not in the table, and says where the table is', () => {
    expect(() => outputReference('MaxPool', 0)).to.throw(/op MaxPool .* src\/graph\/signatures\.ts/);
  });

  it('refuses an output that the op does not have', () => {
    expect(() => outputReference('Mul', 1)).to.throw('op Mul has no output 1');
    expect(() => outputReference('ResourceApplyMomentum', 0)).to.throw('has no output 0');
  });
});
