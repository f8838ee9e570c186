import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { loadImageFolder } from '../../src/data/image-folder.ts';
import { type RetrainRequest, retrainInFolder } from '../../src/retraining/run.ts';
import { readSubnet } from '../../src/supernet/subnet.ts';
import { smallSubnets, writeSmallSubnet } from '../export/small-subnet.ts';
import { checkpointTensors } from '../supernet/checkpoint-tensors.ts';
import { rejection } from '../training/temporary.ts';
import { smallRequest, writeRetrainConfig } from './small-retraining.ts';

describe('retraining from a folder of images', function () {
  this.timeout(240_000);
  let folder: string;
  let images: string;
  let subnet: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-retrain-folder-'));
    images = join(folder, 'images');
    for (let index = 0; index < 40; index++) {
      const directory = join(images, 'train', `class-${index % 10}`);
      mkdirSync(directory, { recursive: true });
      const [width, height] = [33 + (index % 7), 36];
      const background = { r: 25 * (index % 10), g: 90, b: 200 - 3 * index };
      const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
      const jpeg = await sharp({ create: { width, height, channels: 3, background, noise } })
        .jpeg()
        .toBuffer();
      writeFileSync(join(directory, `${index}.jpg`), jpeg);
    }
    subnet = join(folder, 'small-1');
    await writeSmallSubnet(subnet, smallSubnets.macro);
    writeRetrainConfig(folder, { epochs: 2 });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const augmented = [
    'data.randAugment={layers: 2}',
    'data.colorJitter=0.3',
    'data.randomErasing=0.5',
    'data.crop={area: [0.3, 1]}',
  ];
  /** The small retraining, of the images of the folder: 30 to train on, 7 parts an epoch, 3 updates. */
  const request = (
    changes: Partial<RetrainRequest>,
    more: Parameters<typeof smallRequest>[2] = {},
    overrides: readonly string[] = augmented,
  ): RetrainRequest => {
    const common = ['data.dataset=folder', `data.folder=${images}`, 'data.padding=0'];
    const small = smallRequest(folder, { ...changes, overrides: [...common, ...overrides] }, more);
    return {
      ...small,
      surroundings: {
        ...small.surroundings,
        loadData: async ({ folder: place, validationImages, seed }) => {
          const { path, ...sizes } = place!;
          return loadImageFolder({ directory: path!, validationImages, seed, ...sizes });
        },
      },
    };
  };
  const bytesOf = (name: string) => {
    const run = join(folder, 'checkpoints', 'retrain', name);
    const tensors = (prefix: string) =>
      [...checkpointTensors(prefix)].map(([key, bytes]) => [key, bytes.toString('hex')]);
    return {
      metrics: readFileSync(join(run, 'metrics.jsonl'), 'utf8'),
      weights: tensors(join(run, 'step-00000006', 'weights')),
      best: tensors(join(run, 'subnets', 'best', 'weights')),
    };
  };

  it('trains on augmented images, scores the held-out ones, and goes on where it was stopped to the same bytes', async () => {
    const whole = await retrainInFolder(request({ subnet, name: 'whole' }));
    expect(whole).to.include({ end: 'length', step: 6 });
    expect(whole.counts).to.deep.equal({ optimised: 48, evaluated: 20 });
    const best = await readSubnet(whole.subnet!);
    expect(best.validation.images).to.equal(10);
    expect(best.origin).to.include({ dataset: 'folder', folder: images, heldOut: 10 });
    expect(best.classNames).to.include('class-3');

    const first = await retrainInFolder(request({ subnet, name: 'parts' }, { stopAfter: 2 }));
    expect(first).to.include({ end: 'signal', step: 2 });
    const second = await retrainInFolder(request({ name: 'parts', resume: true }));
    expect(second).to.include({ end: 'length', step: 6 });
    expect(bytesOf('parts')).to.deep.equal(bytesOf('whole'));
  });

  it('refuses classes that are not those of the network, and another resolution where images lie in memory', async () => {
    const other = request({ subnet, name: 'other' });
    rmSync(join(images, 'train', 'class-9'), { recursive: true });
    const error = await rejection(retrainInFolder(other));
    expect(error.code).to.equal('usage');
    expect(error.message).to.match(/has 9 classes, the network tells 10 apart/);
    const memory = await rejection(
      retrainInFolder(smallRequest(folder, { subnet, name: 'memory', overrides: ['data.resolution=16'] })),
    );
    expect(memory.code).to.equal('usage');
    expect(memory.message).to.match(/data\.resolution.*null with data\.dataset: cifar10/);
  });
});
