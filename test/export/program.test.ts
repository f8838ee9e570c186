import { expect } from 'chai';
import { foldBatchNorm, type Program, type WeightTensor, writeProgram } from '../../src/export/program.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { compileNetwork } from '../../src/supernet/compile.ts';
import { isStatistic } from '../../src/supernet/network.ts';
import { recipe } from '../supernet/small-space.ts';
import { smallSubnets } from './small-subnet.ts';

const colours = { mean: [0.5, 0.5, 0.5], deviation: [0.25, 0.25, 0.25] };

function programOf({ space: options, genotype }: (typeof smallSubnets)['se']): Program {
  const space = buildSpace(options);
  return writeProgram(space, parseGenotype(space, genotype), colours);
}

describe('export/program', () => {
  for (const [kind, small] of Object.entries(smallSubnets)) {
    it(`has the weights of the ${kind} network that is trained, in their shapes`, () => {
      const space = buildSpace(small.space);
      const network = compileNetwork(space, recipe, parseGenotype(space, small.genotype));
      const trained = [...network.variables.values()].filter((each) => each.trainable || isStatistic(each));
      expect(new Map(trained.map(({ name, shape }) => [name, shape]))).to.deep.equal(
        new Map([...programOf(small).shapes].map(([name, shape]) => [name, [...shape]])),
      );
    });
  }

  it('ends in one logit a class', () => {
    expect(programOf(smallSubnets.se).steps.at(-1)).to.include({ kind: 'classifier', channels: 10, side: null });
  });

  it('folds γ, β, mean and variance into filter and bias', () => {
    const common = { side: 4, channels: 2 };
    const program: Program = {
      resolution: 4,
      classes: 2,
      shapes: new Map(),
      steps: [
        { kind: 'normalise', ...colours, side: 4, channels: 3 },
        { kind: 'convolution', input: 0, filter: 'f', bias: null, kernel: 1, stride: 1, depthwise: false, ...common },
        { kind: 'batch-norm', input: 1, name: 'n', ...common },
        { kind: 'add', input: 2, other: 1, ...common },
      ],
    };
    const vector = (...values: number[]): WeightTensor => ({
      shape: [values.length],
      values: Float32Array.from(values),
    });
    const weights = new Map([
      ['f', { shape: [1, 1, 1, 2], values: Float32Array.of(3, 5) }],
      ['n/gamma', vector(2, 4)],
      ['n/beta', vector(10, 20)],
      ['n/mean', vector(1, 2)],
      ['n/variance', vector(4 - 1e-5, 16 - 1e-5)],
    ]);
    const folded = foldBatchNorm({ program, weights });
    // γ / √variance is 1 in both channels: β − mean.
    expect(Array.from(folded.weights.get('f')!.values)).to.deep.equal([3, 5]);
    expect(Array.from(folded.weights.get('n/bias')!.values)).to.deep.equal([9, 18]);
    expect(folded.program.steps.map(({ kind }) => kind)).to.deep.equal(['normalise', 'convolution', 'add']);
    // Both inputs of the sum are the folded convolution now.
    expect(folded.program.steps[2]).to.include({ input: 1, other: 1 });
    expect([...folded.program.shapes.keys()]).to.deep.equal(['f', 'n/bias']);
  });

  it('leaves no batch norm and no statistic of a whole network', () => {
    const program = programOf(smallSubnets.se);
    const weights = new Map(
      [...program.shapes].map(([name, shape]) => [
        name,
        { shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1) },
      ]),
    );
    const folded = foldBatchNorm({ program, weights });
    expect(folded.program.steps.some(({ kind }) => kind === 'batch-norm')).to.equal(false);
    expect([...folded.weights.keys()].filter((name) => /gamma|beta|mean|variance/.test(name))).to.deep.equal([]);
    expect([...folded.program.shapes.keys()].sort()).to.deep.equal([...folded.weights.keys()].sort());
  });
});
