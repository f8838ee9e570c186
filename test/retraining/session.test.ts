import { join } from 'node:path';
import { expect } from 'chai';
import { operationColumns, type PlannedOperation } from '../../src/data/augmentation.ts';
import type { RetrainRecipe } from '../../src/retraining/compile.ts';
import { openRetraining, type RetrainBatch } from '../../src/retraining/session.ts';
import { expectClose } from '../graph/close.ts';
import { engine } from '../graph/engine.ts';
import { checkpointTensors } from '../supernet/checkpoint-tensors.ts';
import { imageBatch, paths, smallSpace } from '../supernet/small-space.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

const recipe: RetrainRecipe = {
  mean: [0.49, 0.48, 0.45],
  deviation: [0.25, 0.24, 0.26],
  labelSmoothing: 0.1,
  dropout: 0,
  dropPath: 0,
  zeroGamma: false,
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true },
  weightDecay: 1e-4,
  parts: 1,
  statisticsFactor: 0.1,
  average: true,
  erasing: false,
  operations: 0,
};
const path = paths[1]!;
const open = (changes: Partial<RetrainRecipe> = {}) =>
  openRetraining(smallSpace, path, { recipe: { ...recipe, ...changes }, engine });
const step = (parts: readonly RetrainBatch[], averageFactor = 0.5) => ({
  parts,
  learningRate: 0.05,
  averageFactor,
  dropSeeds: parts.map((_, index) => index),
});

describe('retraining/session', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const tensors = (network: ReturnType<typeof open>, what: 'current' | 'average') => {
    const prefix = join(folder(), what);
    network.saveWeights(what, prefix);
    return checkpointTensors(prefix);
  };
  const floats = (bytes: Buffer) => new Float32Array(new Uint8Array(bytes).buffer);

  it('moves running statistics by the factor, and averages towards the new weights', () => {
    const network = open();
    network.initialise(3);
    const start = tensors(network, 'current');
    expect(tensors(network, 'average')).to.deep.equal(start);
    network.trainStep(step([imageBatch(8, 1)], 0.25));
    const now = tensors(network, 'current');
    const average = tensors(network, 'average');
    for (const name of ['stem/weights', 'stem/gamma', 'stem/mean', 'head/variance', 'classifier/bias']) {
      const [before, after] = [floats(start.get(name)!), floats(now.get(name)!)];
      expect(before, name).to.not.deep.equal(after);
      expectClose(
        floats(average.get(name)!),
        before.map((value, index) => 0.75 * value + 0.25 * after[index]!),
        name,
        1e-6,
      );
    }
    // Running mean: 0.9 · 0 + 0.1 · that of the batch; a second look at the same batch with frozen weights would add as much.
    const mean = floats(now.get('stem/mean')!);
    expect(Math.max(...mean.map(Math.abs))).to.be.above(0.01);
    network.close();
  });

  it('averages the gradients of parts: two halves with the same images are one', () => {
    const batch = imageBatch(8, 1);
    const one = open({ average: false });
    const two = open({ parts: 2, average: false });
    for (const network of [one, two]) network.initialise(3);
    for (const number of [0, 1]) {
      const whole = one.trainStep(step([batch]));
      const halves = two.trainStep(step([batch, batch]));
      expectClose([halves.loss], [whole.loss], `loss of update ${number}`, 1e-5);
      expect(halves.correct).to.equal(2 * whole.correct);
    }
    const [expected, found] = [tensors(one, 'current'), tensors(two, 'current')];
    for (const name of ['stem/weights', 'classifier/weights', 'head/gamma']) {
      expectClose(floats(found.get(name)!), floats(expected.get(name)!), name, 1e-5);
    }
    expect(() => two.trainStep(step([batch]))).to.throw(/1 parts, the graph is made for 2/);
    one.close();
    two.close();
  });

  it('scores with running statistics, so that batches do not matter, and with either set of weights', () => {
    const network = open();
    network.initialise(3);
    for (const seed of [1, 2, 3]) network.trainStep(step([imageBatch(8, seed)], 0.1));
    const images = imageBatch(9, 102);
    const one = network.evaluate('average', [images]);
    const size = images.images.length / 9;
    const parts = [0, 4, 8].map((start) => ({
      images: images.images.slice(start * size, (start + 4) * size),
      labels: images.labels.slice(start, start + 4),
    }));
    const split = network.evaluate('average', parts);
    expectClose(split.losses, one.losses, 'losses', 1e-5);
    expect({ top1: split.top1, top5: split.top5 }).to.deep.equal({ top1: one.top1, top5: one.top5 });
    expect(network.evaluate('current', [images]).loss).to.not.be.closeTo(one.loss, 1e-4);
    network.close();
  });

  it('goes on from a checkpoint as if nothing had been, slots and averages included', () => {
    const rmsprop = { kind: 'rmsprop-tf', momentum: 0.9, rho: 0.9, epsilon: 1e-3 } as const;
    const network = open({ optimizer: rmsprop, dropout: 0.2, dropPath: 0.5 });
    network.initialise(3);
    network.trainStep(step([imageBatch(8, 1)]));
    const prefix = join(folder(), 'all');
    network.save(prefix);
    const trainOn = () => {
      network.trainStep(step([imageBatch(8, 2)]));
      return [tensors(network, 'current'), tensors(network, 'average')];
    };
    const expected = trainOn();
    trainOn();
    network.restore(prefix);
    expect(trainOn()).to.deep.equal(expected);
    network.close();
  });

  it('drops by the seed', () => {
    const network = open({ dropPath: 0.9 });
    network.initialise(3);
    const loss = (seed: number): number => {
      network.initialise(3);
      return network.trainStep({ ...step([imageBatch(8, 1)]), dropSeeds: [seed] }).loss;
    };
    expect(loss(1)).to.equal(loss(1));
    expect(loss(1)).to.not.equal(loss(2));
    network.close();
  });

  it('does to fed training images what their operations name, one after the other, and nothing to those it scores', () => {
    const [plain, operating] = [open(), open({ operations: 2 })];
    for (const network of [plain, operating]) network.initialise(3);
    const batch = imageBatch(6, 1);
    const size = batch.images.length / 6;
    // Inverted; black, then inverted; as it is; inverted twice; …
    const planned = Array.from({ length: 6 }, (_, row): PlannedOperation[] => [
      row % 4 === 0 || row % 4 === 3 ? { operation: 'invert', values: [] } : { operation: 'none', values: [] },
      row % 4 === 1 ? { operation: 'brightness', values: [0] } : { operation: 'none', values: [] },
    ]);
    planned[3]![1] = { operation: 'invert', values: [] };
    const expected = batch.images.map((value, place) => {
      const row = Math.floor(place / size);
      return row % 4 === 0 ? 255 - value : row % 4 === 1 ? 0 : value;
    });
    const operations = operationColumns(planned, 2);
    const own = operating.trainStep(step([{ ...batch, operations }]));
    expect(own).to.deep.equal(plain.trainStep(step([{ ...batch, images: expected }])));
    expect(tensors(operating, 'current')).to.deep.equal(tensors(plain, 'current'));
    expect(operating.evaluate('current', [batch])).to.deep.equal(plain.evaluate('current', [batch]));
    expect(() => operating.trainStep(step([batch]))).to.throw(/without operations/);
    plain.close();
    operating.close();
  });

  it('refuses a checkpoint of another network', async () => {
    const network = open();
    network.initialise(3);
    const prefix = join(folder(), 'mine');
    network.saveWeights('current', prefix);
    const other = openRetraining(smallSpace, paths[0]!, { recipe, engine });
    const error = await rejection(Promise.resolve().then(() => other.initialiseFrom(1, prefix)));
    expect(error.code).to.equal('io');
    expect(error.message).to.match(/does not hold the weights of this network/);
    network.close();
    other.close();
  });
});
