import { expect } from 'chai';
import fc from 'fast-check';
import { operationToken } from '../../src/space/genotype.ts';
import { buildSpace, expandTable, scaledChannels, spacePresetNames, spacePresets } from '../../src/space/presets.ts';
import type { Space } from '../../src/space/space.ts';
import { usageMessage } from './spaces.ts';

function shapes(space: Space): string[] {
  return space.layers.map((layer) => `${layer.inChannels}-${layer.outChannels}/${layer.stride}`);
}

describe('search space presets', () => {
  it('write out the 21 layers of the paper', () => {
    const space = buildSpace({ preset: 'mobilenet-7' });
    expect(shapes(space).join(' ')).to.equal(
      '16-32/2 32-32/1 32-32/1 32-32/1 32-40/2 40-40/1 40-40/1 40-40/1 40-80/2 80-80/1 80-80/1 80-80/1 ' +
        '80-96/1 96-96/1 96-96/1 96-96/1 96-192/2 192-192/1 192-192/1 192-192/1 192-320/1',
    );
    expect(space.stem.map((block) => [block.kind, block.stride, block.inChannels, block.outChannels])).to.deep.equal([
      ['conv', 2, 3, 32],
      ['mbconv', 1, 32, 16],
    ]);
    expect(space.head.map((block) => [block.kind, block.inChannels, block.outChannels])).to.deep.equal([
      ['conv', 320, 1280],
    ]);
    expect(space).to.include({ resolution: 224, classes: 1000, activation: 'relu' });
  });

  it('order operations by expansion, kernel, squeeze-and-excite, identity last; NAS-Bench-Macro has it first', () => {
    const tokens = (preset: string) => buildSpace({ preset }).layers[0]!.operations.map(operationToken).join(' ');
    expect(tokens('mobilenet-7')).to.equal('e3k3 e3k5 e3k7 e6k3 e6k5 e6k7 skip');
    expect(tokens('mobilenet-13-se')).to.equal(
      'e3k3 e3k3se e3k5 e3k5se e3k7 e3k7se e6k3 e6k3se e6k5 e6k5se e6k7 e6k7se skip',
    );
    expect(tokens('nas-bench-macro')).to.equal('skip e3k3 e6k5');
    expect(buildSpace({ preset: 'mobilenet-13-se' })).to.include({ activation: 'hswish', seRatio: 0.25 });
  });

  it("write out NAS-Bench-Macro's 8 layers", () => {
    const space = buildSpace({ preset: 'nas-bench-macro' });
    expect(shapes(space).join(' ')).to.equal(
      '32-64/2 64-64/1 64-128/2 128-128/1 128-128/1 128-256/2 256-256/1 256-256/1',
    );
    expect(space.stem).to.have.length(1);
    expect(space).to.include({ resolution: 32, classes: 10 });
  });

  it('give every block its own name', () => {
    for (const preset of spacePresetNames) {
      const space = buildSpace({ preset });
      const names = [...space.stem, ...space.layers, ...space.head].map((block) => block.name);
      expect(new Set(names).size).to.equal(names.length);
    }
  });

  it('take depths: the first layers of each stage stay as they are', () => {
    const space = buildSpace({ preset: 'mobilenet-7', depths: [2, 1, 1, 1, 2, 1] });
    expect(shapes(space).join(' ')).to.equal('16-32/2 32-32/1 32-40/2 40-80/2 80-96/1 96-192/2 192-192/1 192-320/1');
    expect(space.layers.map((layer) => layer.name).join(' ')).to.equal(
      'stage1_0 stage1_1 stage2_0 stage3_0 stage3b_0 stage4_0 stage4_1 stage5_0',
    );
    const published = buildSpace({ preset: 'nas-bench-macro' });
    expect(buildSpace({ preset: 'nas-bench-macro', depths: [2, 3, 3] })).to.deep.equal(published);
  });

  it('refuse depths that do not fit the stages', () => {
    const preset = 'nas-bench-macro';
    for (const depths of [
      [2, 3],
      [2, 3, 0],
      [2, 3, 1.5],
      [2, 3, 65],
      [2, 3, 3, 3],
    ]) {
      expect(usageMessage(() => buildSpace({ preset, depths }))).to.equal(
        `space.depths: [${depths.join(', ')}], allowed: 3 whole numbers from 1 to 64: the layers of stage1, stage2, stage3`,
      );
    }
  });

  it('take strides, resolution and classes', () => {
    const strides = [1, 2, 1, 2, 1, 2, 1];
    const space = buildSpace({ preset: 'mobilenet-7', resolution: 32, classes: 10, strides });
    expect(space).to.include({ resolution: 32, classes: 10 });
    expect(space.stem[0]).to.include({ stride: 1 });
    expect(space.layers.filter((layer) => layer.stride === 2).map((layer) => layer.name)).to.deep.equal([
      'stage1_0',
      'stage3_0',
      'stage4_0',
    ]);
  });

  it('narrow all but the head, widen everything', () => {
    const half = buildSpace({ preset: 'mobilenet-7', width: 0.5 });
    expect(half.stem.map((block) => block.outChannels)).to.deep.equal([16, 8]);
    // 20 is nearer to 24 than to 16 by the rule: floor((20 + 4) / 8) * 8.
    expect(half.layers.filter((_, index) => index % 4 === 0).map((layer) => layer.outChannels)).to.deep.equal([
      16, 24, 40, 48, 96, 160,
    ]);
    expect(half.head[0]).to.include({ inChannels: 160, outChannels: 1280 });
    expect(buildSpace({ preset: 'mobilenet-7', width: 1.4 }).head[0]).to.include({ outChannels: 1792 });
  });

  it('chain: each block takes what the one before gives', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...spacePresetNames),
        fc.double({ min: 0.05, max: 4, noNaN: true }),
        (preset, width) => {
          const space = buildSpace({ preset, width });
          let channels = 3;
          for (const block of [...space.stem, ...space.layers, ...space.head]) {
            expect(block.inChannels).to.equal(channels);
            channels = block.outChannels;
          }
        },
      ),
    );
  });

  it('scale channels to multiples of 8, never below nine tenths, and not at all at width 1', () => {
    for (const table of Object.values(spacePresets)) {
      for (const stage of table.stages) expect(scaledChannels(stage.channels, 1)).to.equal(stage.channels);
    }
    // 12 * 1 = 12: floor(16 / 8) * 8 = 16. 19 * 1: floor(23 / 8) * 8 = 16 < 17.1, so 24.
    expect([scaledChannels(12, 1), scaledChannels(19, 1), scaledChannels(1, 0.1)]).to.deep.equal([16, 24, 8]);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.double({ min: 0.01, max: 8, noNaN: true }),
        (channels, width) => {
          const scaled = scaledChannels(channels, width);
          expect(scaled % 8).to.equal(0);
          expect(scaled).to.be.at.least(8);
          expect(scaled).to.be.at.least(0.9 * channels * width);
          expect(scaled).to.be.at.most(Math.max(8, channels * width + 8));
        },
      ),
    );
  });

  it('are not special: any table becomes a space', () => {
    const space = expandTable({
      ...spacePresets['nas-bench-macro'],
      name: 'own',
      stages: [{ name: 'only', channels: 24, layers: 2 }],
      operations: [{ kind: 'mbconv', expansion: 4, kernel: 3, se: true }],
      strides: [2, 1],
    });
    expect(shapes(space)).to.deep.equal(['32-24/1', '24-24/1']);
    expect(space.layers.map((layer) => `${layer.name} ${layer.operations.map(operationToken)}`)).to.deep.equal([
      'only_0 e4k3se',
      'only_1 e4k3se',
    ]);
  });

  it('refuse what no space can be, naming option, value and what is allowed', () => {
    expect(usageMessage(() => buildSpace({ preset: 'mobilenet-8' }))).to.equal(
      'space.preset: "mobilenet-8", allowed: mobilenet-7, mobilenet-13-se, nas-bench-macro',
    );
    expect(usageMessage(() => buildSpace({ preset: 'toString' }))).to.include('"toString"');
    const preset = 'nas-bench-macro';
    expect(usageMessage(() => buildSpace({ preset, strides: [1, 2, 2] }))).to.equal(
      "space.strides: [1, 2, 2], allowed: 4 strides of 1 or 2: the stem convolution's, then the first layer's of stage1, stage2, stage3",
    );
    expect(usageMessage(() => buildSpace({ preset, strides: [1, 2, 2, 3] }))).to.include('[1, 2, 2, 3]');
    expect(usageMessage(() => buildSpace({ preset, resolution: 0 }))).to.include('space.resolution: 0');
    expect(usageMessage(() => buildSpace({ preset, classes: 1.5 }))).to.include('space.classes: 1.5');
    for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(usageMessage(() => buildSpace({ preset, width }))).to.include(`space.width: ${width}`);
    }
  });
});
