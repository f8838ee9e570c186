import { expect } from 'chai';
import { writeProgram } from '../../src/export/program.ts';
import { describeForTimm, pytorchTensors } from '../../src/export/timm.ts';
import { pathParams } from '../../src/space/cost.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { recogniseNetwork } from '../../src/space/recognise.ts';
import { smallSubnets } from './small-subnet.ts';

const colours = { mean: [0.5, 0.5, 0.5], deviation: [0.25, 0.25, 0.25] };

describe('export/timm', () => {
  it("writes GreedyNAS-B in the strings of timm's builder", () => {
    const { space, path } = recogniseNetwork('GreedyNAS-B');
    const { network } = describeForTimm(space, path);
    expect(network.arch_def).to.have.length(7);
    expect(network.arch_def.slice(0, 2)).to.deep.equal([
      ['ds_r1_k3_s1_e1_c16_nhs'],
      ['ir_r1_k5_s2_e3_c32_se0.75_nhs', 'ir_r1_k5_s1_e3_c32_se0.75_nhs', 'ir_r1_k5_s1_e3_c32_se0.75_nhs'],
    ]);
    expect(network.arch_def.at(-1)).to.deep.equal(['ir_r1_k7_s1_e6_c320_se1.5_nhs']);
    expect(network).to.deep.include({ stem_stride: 2, linear_blocks: [] });
    expect(network.kwargs).to.deep.include({ num_classes: 1000, num_features: 1280, stem_size: 32, pad_type: 'same' });
  });

  it('names convolutions without activation, which stand for a skip where the shape changes', () => {
    const { space: options, genotype } = smallSubnets.se;
    const space = buildSpace(options);
    const { network } = describeForTimm(space, parseGenotype(space, genotype));
    expect(network.arch_def[2]).to.deep.equal(['cn_r1_k1_s1_c16']);
    expect(network.linear_blocks).to.deep.equal(['2.0']);
  });

  for (const [kind, { space: options, genotype }] of Object.entries(smallSubnets)) {
    it(`gives every weight of a ${kind} network one name`, () => {
      const space = buildSpace(options);
      const path = parseGenotype(space, genotype);
      const { weights } = describeForTimm(space, path);
      const { shapes } = writeProgram(space, path, colours);
      expect(weights.map(({ from }) => from).sort()).to.deep.equal([...shapes.keys()].sort());
      expect(new Set(weights.map(({ name }) => name)).size).to.equal(weights.length);
      const values = new Map(
        [...shapes].map(([name, shape]) => [
          name,
          { shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
        ]),
      );
      const tensors = pytorchTensors(weights, values);
      const trainable = [...tensors].filter(([name]) => !name.includes('running_'));
      const params = trainable.reduce((sum, [, tensor]) => sum + tensor.values.length, 0);
      expect(params).to.equal(pathParams(space, path));
      expect(tensors.get('classifier.weight')?.shape[0]).to.equal(space.classes);
    });
  }

  it('refuses a space that timm cannot build', () => {
    const { space, path } = recogniseNetwork('22222222');
    expect(() => describeForTimm({ ...space, head: [] }, path)).to.throw(/no such stem or head/);
  });
});
