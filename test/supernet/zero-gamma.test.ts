import { expect } from 'chai';
import type { Path } from '../../src/space/space.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import type { Supernet } from '../../src/supernet/supernet.ts';
import { openNetwork } from './open-network.ts';
import { imageBatch, paths, recipe, sessionOptions, smallSpace } from './small-space.ts';
import { evaluated, loadStacks } from './trained-session.ts';

/** Projections of blocks that add their input; those of layer1 and layer3 have a stride. */
const residual = ['first', 'layer2/e1k3', 'layer2/e2k3se', 'layer4/e2k5', 'layer4/e3k3se'].map(
  (block) => `${block}/project/gamma`,
);

describe('zeroGamma', () => {
  for (const zeroGamma of [true, false]) {
    it(`${zeroGamma ? 'starts the last scale of every residual block at 0, the others' : 'left out starts all scales'} at 1`, () => {
      const network = openNetwork(smallSpace, { ...recipe, zeroGamma });
      network.initialise(5);
      const values = network.read();
      network.close();
      const scales = Object.keys(values).filter((name) => name.endsWith('/gamma'));
      expect(scales).to.include.members(residual);
      expect(scales.length).to.be.above(2 * residual.length);
      for (const name of scales) {
        const expected = zeroGamma && residual.includes(name) ? 0 : 1;
        expect(Array.from(values[name]!), name).to.deep.equal(Array.from(values[name]!, () => expected));
      }
    });
  }

  describe('at the start', () => {
    const open = (zeroGamma: boolean): Supernet => {
      const supernet = createSupernetSession(smallSpace, sessionOptions({ zeroGamma }));
      supernet.initialise(5);
      loadStacks(supernet);
      return supernet;
    };
    const skipping: Path = [0, 2, 0, 2];
    /** Other operations in the layers that keep their shape. */
    const expanding: readonly Path[] = [
      [0, 0, 0, 2],
      [0, 2, 0, 1],
      [0, 1, 0, 0],
    ];
    const ranked = (supernet: Supernet, path: Path): number[] => Array.from(supernet.rank(path).losses);

    it('makes a residual block the identity: the loss of every image is that of the skip, bit for bit', () => {
      const supernet = open(true);
      const expected = ranked(supernet, skipping);
      const recalibrated = evaluated(supernet, skipping);
      for (const path of expanding) {
        expect(ranked(supernet, path), path.join('')).to.deep.equal(expected);
        expect(evaluated(supernet, path), path.join('')).to.deep.equal(recalibrated);
      }
      // Layers that change the shape have no shortcut: their operations differ.
      for (const path of [
        [1, 2, 0, 2],
        [0, 2, 1, 2],
      ])
        expect(ranked(supernet, path), path.join('')).to.not.deep.equal(expected);
      supernet.close();
    });

    it('left out lets every operation count', () => {
      const supernet = open(false);
      const expected = ranked(supernet, skipping);
      for (const path of expanding) {
        for (const [image, loss] of ranked(supernet, path).entries()) {
          expect(Math.abs(loss - expected[image]!), `${path.join('')}, image ${image}`).to.be.above(1e-4);
        }
      }
      supernet.close();
    });
  });

  it('does not keep a block from learning: the scale moves in the first step, the rest of the block in the second', () => {
    const network = openNetwork(smallSpace, { ...recipe, weightDecay: 0, zeroGamma: true });
    network.initialise(5);
    const [path] = paths;
    const names = ['layer2/e2k3se/project/gamma', 'layer2/e2k3se/project/weights'] as const;
    const values = (): string[] => {
      const read = network.read();
      return names.map((name) => Array.from(read[name]!).join());
    };
    const [scale, weights] = values();
    network.train(path!, imageBatch(6, 1), 0.1);
    const [scaleAfterOne, weightsAfterOne] = values();
    expect(scaleAfterOne).to.not.equal(scale);
    expect(weightsAfterOne).to.equal(weights);
    network.train(path!, imageBatch(6, 2), 0.1);
    expect(values()[1]).to.not.equal(weights);
    network.close();
  });
});
