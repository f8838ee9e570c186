import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { chooseByData, chooseRetrainByData } from '../../src/cli/choose-config.ts';
import { readSubnet, writeSubnet } from '../../src/supernet/subnet.ts';
import { smallSubnets, writeSmallSubnet } from '../export/small-subnet.ts';
import { rejection } from '../training/temporary.ts';

describe('chooseByData', () => {
  let root: string;
  const notices: string[] = [];
  const choose = (directory: string, config: string | null = null, resume = false) =>
    chooseByData({ directory, config, resume, notice: (line) => void notices.push(line) });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-choose-'));
    for (const [set, side] of [
      ['small', 64],
      ['large', 200],
    ] as const) {
      for (const name of ['a', 'b']) {
        await mkdir(join(root, set, 'train', name), { recursive: true });
        const create = { width: side, height: side + 9, channels: 3, background: '#808080' } as const;
        await writeFile(join(root, set, 'train', name, '0.jpg'), await sharp({ create }).jpeg().toBuffer());
      }
    }
    await mkdir(join(root, 'sets', 'cifar10'), { recursive: true });
    await mkdir(join(root, 'empty'));
    await mkdir(join(root, 'texts', 'train', 'a'), { recursive: true });
    await writeFile(join(root, 'texts', 'train', 'a', 'readme.txt'), 'no image');
    await writeFile(join(root, 'images.tar'), '');
  });
  after(() => rm(root, { recursive: true, force: true }));
  beforeEach(() => {
    notices.length = 0;
  });

  it('takes small images for those of Tiny ImageNet, large ones for those of ImageNet, and says so', async () => {
    const small = await choose(join(root, 'small'));
    expect(small.config).to.match(/configs\/tiny-imagenet\.yaml$/);
    expect(small.overrides).to.include('space.classes=2').and.include('data.dataset=folder');
    expect(notices.join()).to.include('2 classes').and.include('about 64 pixels');
    expect((await choose(join(root, 'large'))).config).to.match(/configs\/greedynas-7x21-imagenet\.yaml$/);
  });

  it('leaves the default folder, one with CIFAR-10, and what a config names to them', async () => {
    expect(await choose('data')).to.deep.equal({ config: null, overrides: [] });
    expect(await choose(join(root, 'sets'))).to.deep.equal({ config: null, overrides: [] });
    expect(await choose(join(root, 'empty'), 'my.yaml')).to.deep.equal({ config: 'my.yaml', overrides: [] });
    expect((await choose(join(root, 'small'), 'my.yaml')).config).to.equal('my.yaml');
  });

  it('on resume leaves the config to the run', async () => {
    const resumed = await choose(join(root, 'small'), null, true);
    expect(resumed.config).to.equal(null);
    expect(resumed.overrides).to.deep.equal([`data.folder=${JSON.stringify(join(root, 'small'))}`]);
    expect(await choose(join(root, 'empty'), null, true)).to.deep.equal({ config: null, overrides: [] });
  });

  it('refuses a place without images instead of training on CIFAR-10', async () => {
    for (const [name, problem] of [
      ['nowhere', /nothing is there/],
      ['empty', /there are no images by class in it/],
      ['texts', /there are no images by class in it/],
      ['images.tar', /a file; .* run "greedynas prepare /],
    ] as const) {
      const error = await rejection(choose(join(root, name)));
      expect(error.code).to.equal('usage');
      expect(error.message)
        .to.match(problem)
        .and.to.include(`--data ${join(root, name)}`);
    }
  });
});

describe('chooseRetrainByData', () => {
  let root: string;
  const choose = (changes: Partial<Parameters<typeof chooseRetrainByData>[0]>) =>
    chooseRetrainByData({
      directory: 'data',
      config: null,
      resume: false,
      subnet: null,
      notice: () => {},
      ...changes,
    });
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'greedynas-choose-'));
    for (const [set, side] of [
      ['small', 64],
      ['large', 200],
    ] as const) {
      await mkdir(join(root, set, 'a'), { recursive: true });
      const create = { width: side, height: side, channels: 3, background: '#808080' } as const;
      await writeFile(join(root, set, 'a', '0.png'), await sharp({ create }).png().toBuffer());
    }
    await writeSmallSubnet(join(root, 'subnet'), smallSubnets.macro);
    await mkdir(join(root, 'empty'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('picks the recipe by the size of the images, and by whether the network has squeeze-and-excite', async () => {
    for (const [set, subnet, expected] of [
      ['small', 'GreedyNAS-B', 'tiny-imagenet.yaml'],
      ['large', 'GreedyNAS-B', 'se-imagenet.yaml'],
      ['large', 'Proxyless-R', 'imagenet.yaml'],
    ] as const) {
      const { config, overrides } = await choose({ directory: join(root, set), subnet });
      expect(config).to.match(new RegExp(`configs/retrain/${expected}$`));
      expect(overrides).to.deep.equal(['data.dataset=folder', `data.folder=${JSON.stringify(join(root, set))}`]);
    }
  });

  it('leaves a subnet of CIFAR-10 to the default, a config to itself, and the rest of a resumed run too', async () => {
    const nothing = { config: null, overrides: [] };
    expect(await choose({ subnet: join(root, 'subnet') })).to.deep.equal(nothing);
    expect(
      (await choose({ directory: join(root, 'large'), subnet: 'GreedyNAS-B', config: 'my.yaml' })).config,
    ).to.equal('my.yaml');
    const resumed = await choose({ directory: join(root, 'large'), resume: true });
    expect(resumed).to.deep.equal({ config: null, overrides: [`data.folder=${JSON.stringify(join(root, 'large'))}`] });
  });

  it('takes the images and the division of the run that the subnet comes from', async () => {
    const folder = join(root, 'of-folder');
    const { flops: _, params: __, ...description } = await readSubnet(join(root, 'subnet'));
    const origin = {
      ...description.origin,
      dataset: 'folder',
      folder: join(root, 'small'),
      heldOut: 77,
      seed: 5,
    };
    await writeSubnet(folder, { ...description, origin }, (prefix) => writeFileSync(`${prefix}.index`, ''));
    const { config, overrides } = await choose({ subnet: folder });
    expect(config).to.match(/retrain\/tiny-imagenet\.yaml$/);
    expect(overrides).to.include('data.validationImages=77').and.include('seed=5');
  });

  it('refuses a place without images', async () => {
    const error = await rejection(choose({ directory: join(root, 'empty'), subnet: 'GreedyNAS-B' }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('there are no images by class in it');
  });
});
