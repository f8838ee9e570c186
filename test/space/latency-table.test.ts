/** Tables of the four formats. Those of other projects are tested on the originals where they are at hand. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { pathLatency } from '../../src/space/cost.ts';
import { withLatency } from '../../src/space/latency.ts';
import { formatOwnTable } from '../../src/space/latency-own.ts';
import { parseLatencyTable, readLatencyTable } from '../../src/space/latency-table.ts';
import { buildSpace, expandTable, spacePresets } from '../../src/space/presets.ts';
import type { Operation, Space } from '../../src/space/space.ts';
import { mbconv, spaceOf } from '../sampling/toy-space.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

const identity = { kind: 'identity' } as const;

const originals = fileURLToPath(new URL('../../../shared/data/latency/', import.meta.url));

/** The text of an original, or a skipped test. */
function original(context: Mocha.Context, name: string): string {
  const file = join(originals, name);
  if (!existsSync(file)) context.skip();
  return readFileSync(file, 'utf8');
}

/** A space of stages [channels, layers, stride of the first]; identity where it is a true skip, and last. */
function mobile(
  stages: readonly (readonly [number, number, number])[],
  options: { operations: readonly Operation[]; stem: number; stemBlock: number | null; head: number },
): Space {
  const space = expandTable({
    ...spacePresets['mobilenet-7'],
    name: 'mobile',
    stemChannels: options.stem,
    stemBlockChannels: options.stemBlock,
    stages: stages.map(([channels, layers], index) => ({ name: `stage${index}`, channels, layers })),
    operations: options.operations,
    headChannels: options.head,
    strides: [2, ...stages.map(([, , stride]) => stride)],
  });
  const layers = space.layers.map((layer) => {
    const skips = layer.stride === 1 && layer.inChannels === layer.outChannels;
    return skips ? { ...layer, operations: [...layer.operations, identity] } : layer;
  });
  return { ...space, layers };
}

const six = [3, 6].flatMap((expansion) => [3, 5, 7].map((kernel) => mbconv(expansion, kernel)));

describe('readLatencyTable', () => {
  const folder = temporaryFolder();
  const parse = (value: unknown, space: Space, device: string | null = null) =>
    parseLatencyTable(typeof value === 'string' ? value : JSON.stringify(value), 'table', space, device);
  const refuse = (value: unknown, space: Space, message: RegExp | string, device: string | null = null) =>
    expect(() => parse(value, space, device))
      .to.throw(GreedynasError, message)
      .with.property('code', 'usage');

  it('names a file that is not there, and one in no format', async () => {
    const space = spaceOf([{ name: 'a', stride: 1, inChannels: 8, outChannels: 8, operations: [mbconv(3), identity] }]);
    const error = await rejection(readLatencyTable(join(folder(), 'missing.yaml'), space, null));
    expect(error.code).to.equal('io');
    expect(error.message).to.include('missing.yaml');
    const file = join(folder(), 'table.yaml');
    writeFileSync(file, 'just: text\n');
    expect((await rejection(readLatencyTable(file, space, null))).message).to.match(/table\.yaml: is no latency table/);
    for (const text of ['{"a":', 'a: [', 'a: &x 1\nb: *x', ''])
      refuse(text, space, /neither JSON nor YAML|is no latency/);
    for (const value of [3, null, [], {}, [1, 2], { pixel_latency: 3 }]) refuse(value, space, 'is no latency table');
  });

  describe('of ProxylessNAS', () => {
    const space = mobile(
      [
        [24, 2, 2],
        [40, 2, 2],
        [80, 2, 2],
        [96, 2, 1],
        [192, 2, 2],
        [320, 1, 1],
      ],
      { operations: six, stem: 32, stemBlock: 16, head: 1280 },
    );

    it('maps layers, stem, head and classifier', function () {
      const { latency, notes } = parse(original(this, 'proxyless_pixel_trim.yaml'), space);
      expect(notes).to.deep.equal([]);
      // Conv 3-32, expansion 1 32-16, Conv_1 320-1280, Logits; means read off the file.
      expect(latency.fixed).to.be.closeTo(
        4.397037934668071 + 4.035709677419355 + 6.28499578503688 + 0.9348261327713382,
        1e-12,
      );
      expect(latency.layers[0]).to.deep.equal([
        5.608820512820512, 6.978000000000001, 8.544238709677419, 11.297755952380951, 13.576893081761007,
        16.887745222929933,
      ]);
      // The second of a stage is a residual block, and its identity takes nothing.
      expect(latency.layers[5]!.slice(0, 2)).to.deep.equal([1.7122791762013732, 1.9960465116279071]);
      expect(latency.layers[5]!.at(-1)).to.equal(0);
      const path = space.layers.map((_, index) => (index === 1 ? 6 : 0));
      const sum = path.reduce((total, operation, layer) => total + latency.layers[layer]![operation]!, latency.fixed);
      expect(pathLatency(withLatency(space, latency), path)).to.be.closeTo(sum, 2e-5);
    });

    it('names the keys that it lacks: of other shapes, of squeeze-and-excite, of an identity that is a convolution', function () {
      const text = original(this, 'proxyless_pixel_trim.yaml');
      refuse(
        text,
        buildSpace({ preset: 'mobilenet-7' }),
        /^table: lacks \d+ of the keys that space mobilenet-7 at 224 px needs:\n {2}expanded_conv-input:112x112x16-output:56x56x32-expand:3-kernel:3-stride:2-idskip:0 \(stage1_0 e3k3\)[\s\S]*and \d+ more\n.*space --measure/,
      );
      const withSe = space.layers.map((layer) => ({
        ...layer,
        operations: [{ ...mbconv(3), se: true } as Operation],
      }));
      refuse(text, { ...space, layers: withSe.slice(0, 1), head: [] }, '-idskip:0-se:1 (stage0_0 e3k3se)');
      const strided = [{ ...space.layers[0]!, operations: [identity] }, ...space.layers.slice(1)];
      refuse(text, { ...space, layers: strided }, 'skip-input:112x112x16-output:56x56x24-stride:2 (stage0_0 skip)');
      // Which a user may add.
      const added = `${text}\nskip-input:112x112x16-output:56x56x24-stride:2: 0.75\n`;
      expect(parse(added, { ...space, layers: strided }).latency.layers[0]).to.deep.equal([0.75]);
    });

    it('refuses a value that is no time', () => {
      const toy = spaceOf([{ name: 'a', stride: 1, inChannels: 8, outChannels: 8, operations: [identity] }]);
      const keys = { 'Conv-input:8x8x3-output:8x8x8': { mean: 'fast' }, 'Logits-input:8x8x8-output:10': { mean: 1 } };
      refuse(keys, toy, 'Conv-input:8x8x3-output:8x8x8: "fast", allowed: milliseconds from 0');
      refuse({ ...keys, 'Conv-input:8x8x3-output:8x8x8': { mean: -1 } }, toy, '-1, allowed');
      const { latency } = parse({ ...keys, 'Conv-input:8x8x3-output:8x8x8': 2 }, toy);
      expect(latency).to.deep.equal({ fixed: 3, layers: [[0]] });
      refuse(keys, toy, /latencyDevice is "pixel"/, 'pixel');
    });
  });

  const fbnetStages = [
    [16, 1, 1],
    [24, 4, 2],
    [32, 4, 2],
    [64, 4, 2],
    [112, 4, 1],
    [184, 4, 2],
    [352, 1, 1],
  ] as const;
  const fbnetOperations = [3, 5].flatMap((kernel) => [1, 3, 6].map((expansion) => mbconv(expansion, kernel)));
  const fbnet = mobile(fbnetStages, { operations: fbnetOperations, stem: 16, stemBlock: null, head: 1984 });

  describe('of HW-NAS-Bench', () => {
    it('maps FBNet on the device that is chosen', function () {
      const text = original(this, 'hwnas_fbnet_lut.json');
      const table = JSON.parse(text);
      const edge = table.edgegpu_latency;
      const { latency } = parse(text, fbnet, 'edgegpu');
      expect(latency.layers[0]![0]).to.equal(0.7372536659240723);
      expect(latency.layers[1]).to.deep.equal(
        [3, 5].flatMap((kernel) =>
          [1, 3, 6].map(
            (expansion) => edge[`ConvBlock_H112_W112_Cin16_Cout24_exp${expansion}_kernel${kernel}_stride2_group1`],
          ),
        ),
      );
      expect(latency.layers[2]!.at(-1)).to.equal(edge.Skip_H56_W56_Cin24_Cout24_stride1);
      expect(latency.fixed).to.be.closeTo(
        edge.ConvNorm_H224_W224_Cin3_Cout16_kernel3_stride2_group1 +
          edge.ConvNorm_H7_W7_Cin352_Cout1984_kernel1_stride1_group1 +
          edge.AvgP_H7_W7_Cin1984_Cout1984_kernel7_stride1 +
          0.6891121864318848,
        1e-12,
      );
      expect(parse(text, fbnet, 'pixel3').latency.layers[0]![0]).to.equal(2.3581);
      refuse(text, fbnet, 'no device is chosen; search.latencyDevice (--latency-device), allowed: edgegpu, raspi4,');
      refuse(text, fbnet, 'has no device "edge"', 'edge');
      refuse(text, buildSpace({ preset: 'nas-bench-macro' }), /lacks \d+ of the keys.*\n {2}ConvNorm_H32/, 'fpga');
    });
  });

  describe('of FBNet on a Raspberry Pi 4', () => {
    it('maps the rows by their place, equal layers by their mean, and says what is missing', function () {
      const text = original(this, 'fbnet_pi4_lut.json');
      const rows = JSON.parse(text);
      const { latency, notes } = parse(text, fbnet);
      expect(notes).to.have.length(1);
      expect(notes[0]).to.match(/^table: has no stem, head and classifier/);
      expect(latency.fixed).to.equal(0);
      // Microseconds; expansion 1, 3, 6 are the 1st, 3rd, 4th of each kernel's four, the skip is the ninth.
      expect(latency.layers[0]).to.deep.equal([0, 2, 3, 4, 6, 7, 8].map((place) => rows[2][place] / 1000));
      const mean = (place: number): number => (rows[4][place] + rows[5][place] + rows[6][place]) / 3000;
      for (const layer of [2, 3, 4]) {
        expect(latency.layers[layer]![1]).to.be.closeTo(mean(2), 1e-9);
        expect(latency.layers[layer]!.at(-1)).to.be.closeTo(mean(8), 1e-9);
      }
      refuse(text, buildSpace({ preset: 'mobilenet-7' }), /lacks .*\n {2}ConvBlock_H112_W112_Cin16_Cout32_exp3/);
    });
  });

  describe('of greedynas', () => {
    const space = buildSpace({ preset: 'nas-bench-macro' });
    const latency = { fixed: 1.5, layers: space.layers.map((_, layer) => [0.1, 1 + layer, 2 + layer / 7]) };
    const text = formatOwnTable(space, latency, { device: 'a test', repeats: 3 });

    it('reads back what was written', () => {
      expect(parse(text, space)).to.deep.equal({ latency, notes: [] });
      expect(text).to.include('input: 32x32x32').and.to.include('output: 16x16x64').and.to.include('device: a test');
    });

    it('is refused for another space, and where it is damaged or incomplete', () => {
      refuse(text, buildSpace({ preset: 'mobilenet-7' }), 'layers: has 8, space mobilenet-7 has 21');
      refuse(text, buildSpace({ preset: 'nas-bench-macro', width: 0.5 }), /layers\.0\.input: "32x32x32".*has 32x32x16/);
      refuse(text.replace('e3k3: 1\n', 'e3k5: 1\n'), space, 'layers.0.operations (stage1_0): lacks e3k3');
      refuse(text.replace('fixed: 1.5', 'fixed: quick'), space, 'fixed: milliseconds from 0');
      refuse(text.replace('fixed: 1.5', 'fixed: -2'), space, 'fixed: milliseconds from 0');
      refuse(text.replace('name: stage1_1', 'name: other'), space, 'layers.1.name: "other"');
      refuse(text.replace('fixed: 1.5', 'fixed: 1.5\nextra: 1'), space, /extra/);
    });
  });
});
