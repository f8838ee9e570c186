import { expect } from 'chai';
import { parseConfigOf } from '../../src/config/load.ts';
import { retrainConfig } from '../../src/config/retrain-schema.ts';
import { drawOperations, operationColumns } from '../../src/data/augmentation.ts';
import { epochOpener } from '../../src/data/epoch.ts';
import { openRetrainBatches } from '../../src/retraining/batches.ts';
import { imageBatch, smallSpace } from '../supernet/small-space.ts';

describe('openRetrainBatches', () => {
  const side = smallSpace.resolution;
  const train = { ...imageBatch(26, 1), count: 26, height: side, width: side };
  const unused = () => expect.fail('images in memory need no loader');
  const network = { keepImages: unused, startLoader: unused, advance: unused };
  const open = (...overrides: string[]) => {
    const common = ['seed=7', 'training.batch=8', 'training.parts=2', 'data.padding=2'];
    const config = parseConfigOf(retrainConfig, '', { file: 'none', overrides: [...common, ...overrides] });
    return openRetrainBatches(config, { train }, network);
  };

  it('names the operations of images in memory and what is erased of them, by image and epoch alone', () => {
    const plain = open();
    const augmented = open('data.randAugment={layers: 2}', 'data.colorJitter=0.3', 'data.randomErasing=0.5');
    expect(augmented.stepsPerEpoch).to.equal(6);
    const { order, key } = epochOpener(7, 26)(1);
    const policy = {
      colorJitter: 0.3,
      randAugment: { layers: 2, magnitude: 9, deviation: 0.5, increasing: false },
    } as const;
    // The third batch of the second epoch, asked for first.
    const batch = augmented.batch(8);
    const drawn = Array.from(order.subarray(8, 12), (index) => drawOperations(key, index, policy, side));
    expect(batch.operations).to.deep.equal(operationColumns(drawn, 5));
    expect(batch.erased).to.have.length(16);
    // Pixels and labels are those without.
    const { operations, erased, ...images } = batch;
    expect(images).to.deep.equal(plain.batch(8));
    for (let number = 0; number < 8; number++) augmented.batch(number);
    expect(augmented.batch(8)).to.deep.equal(batch);
    expect(augmented.batch(2).operations).to.not.deep.equal(batch.operations);
  });

  it('has nothing of what the config does not ask for', () => {
    expect(Object.keys(open().batch(0)).sort()).to.deep.equal(['images', 'labels']);
    expect(Object.keys(open('data.randomErasing=1').batch(0)).sort()).to.deep.equal(['erased', 'images', 'labels']);
    expect(
      open('data.randomErasing=1')
        .batch(0)
        .erased!.some((value) => value > 0),
    ).to.equal(true);
    expect(open('data.colorJitter=0.2').batch(0).operations?.operations).to.have.length(12);
  });
});
