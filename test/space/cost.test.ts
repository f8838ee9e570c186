import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { costTable, describePath, flopsRange, pathCount, pathFlops, pathParams } from '../../src/space/cost.ts';
import { parseGenotype, pathFromDigits } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Space } from '../../src/space/space.ts';
import { spaceAndPath } from './spaces.ts';

interface Architecture {
  readonly name: string;
  readonly genotype: string;
  readonly macs: number;
  readonly params: number;
}

const architectures: Architecture[] = JSON.parse(
  readFileSync(new URL('../fixtures/architectures.json', import.meta.url), 'utf8'),
);
const macroTable = new URL('../../../shared/data/nas_bench_macro.json.gz', import.meta.url);
const macro = buildSpace({ preset: 'nas-bench-macro' });

describe('FLOPs and parameters', () => {
  for (const { name, genotype, macs, params } of architectures) {
    it(`of ${name} are exact`, () => {
      const space = buildSpace({ preset: 'mobilenet-13-se' });
      const path = parseGenotype(space, genotype);
      expect(pathFlops(space, path)).to.equal(macs);
      expect(pathParams(space, path)).to.equal(params);
    });
  }

  it('of Proxyless-R mobile are the same in the space without squeeze-and-excite', () => {
    const proxyless = architectures.find(({ name }) => name === 'ProxylessR-mobile')!;
    const space = buildSpace({ preset: 'mobilenet-7' });
    const path = parseGenotype(space, proxyless.genotype);
    expect([pathFlops(space, path), pathParams(space, path)]).to.deep.equal([proxyless.macs, proxyless.params]);
  });

  // From the published table of NAS-Bench-Macro (xiusu/NAS-Bench-Macro): code, params, FLOPs.
  for (const [code, params, flops] of [
    ['00000000', 387_882, 7_713_280],
    ['00000001', 791_594, 14_115_328],
    ['00000002', 1_219_370, 20_910_592],
    ['00000011', 1_195_306, 20_517_376],
  ] as const) {
    it(`of NAS-Bench-Macro's ${code} are exact`, () => {
      const path = pathFromDigits(macro, code);
      expect([pathParams(macro, path), pathFlops(macro, path)]).to.deep.equal([params, flops]);
    });
  }

  it('of all 6,561 networks of NAS-Bench-Macro are exact', function () {
    if (!existsSync(macroTable)) {
      console.log(`      skipped: ${macroTable.pathname} is absent`);
      this.skip();
    }
    const { archs }: { archs: Record<string, [number, number, number, number, number]> } = JSON.parse(
      gunzipSync(readFileSync(macroTable)).toString(),
    );
    const table = costTable(macro);
    const wrong = Object.entries(archs).filter(([code, [, , , params, flops]]) => {
      const path = pathFromDigits(macro, code);
      return pathParams(table, path) !== params || pathFlops(table, path) !== flops;
    });
    expect(Object.keys(archs)).to.have.length(6561);
    expect(wrong).to.deep.equal([]);
  });

  it('of a block follow from its shape', () => {
    // 5 px, stride 2: 3 px come out (SAME). Expansion 3 of 8 channels, kernel 5, SE of 24 / 4 = 6.
    const space: Space = {
      name: 'by hand',
      resolution: 5,
      classes: 2,
      activation: 'relu',
      seRatio: 0.25,
      stem: [],
      layers: [
        {
          name: 'layer',
          stride: 2,
          inChannels: 8,
          outChannels: 16,
          operations: [{ kind: 'mbconv', expansion: 3, kernel: 5, se: true }, { kind: 'identity' }],
        },
        { name: 'same', stride: 1, inChannels: 16, outChannels: 16, operations: [{ kind: 'identity' }] },
      ],
      head: [],
    };
    const weights = { expand: 8 * 24, depthwise: 25 * 24, project: 24 * 16, squeeze: 2 * 24 * 6, classifier: 16 * 2 };
    expect(pathFlops(space, [0, 0])).to.equal(
      25 * weights.expand + 9 * (weights.depthwise + weights.project) + weights.squeeze + weights.classifier,
    );
    expect(pathParams(space, [0, 0])).to.equal(
      Object.values(weights).reduce((total, count) => total + count) + 2 * (24 + 24 + 16) + (24 + 6) + 2,
    );
    expect(pathFlops(space, [1, 0])).to.equal(9 * 8 * 16 + 32);
    expect(pathParams(space, [1, 0])).to.equal(8 * 16 + 2 * 16 + 34);
  });

  it('lie in the range of the space, whose ends are paths', () => {
    fc.assert(
      fc.property(spaceAndPath, ({ space, path }) => {
        const { smallest, largest } = flopsRange(space);
        const table = costTable(space);
        const end = (pick: (...values: number[]) => number) =>
          table.layers.map((layer) => layer.flops.indexOf(pick(...layer.flops)));
        expect(pathFlops(space, path)).to.be.within(smallest, largest);
        expect(pathFlops(space, end(Math.min))).to.equal(smallest);
        expect(pathFlops(space, end(Math.max))).to.equal(largest);
      }),
    );
  });

  it('are computed once for a space and are the same from its table', () => {
    expect(costTable(macro)).to.equal(costTable(macro));
    const path = pathFromDigits(macro, '22212220');
    expect(pathFlops(costTable(macro), path)).to.equal(pathFlops(macro, path));
  });

  it('of a path of another space are refused', () => {
    expect(() => pathFlops(macro, [0, 0])).to.throw(RangeError, '2 operations in a space of 8 layers');
    expect(() => pathParams(macro, [0, 0, 0, 0, 0, 0, 0, 3])).to.throw(RangeError, 'operation 7 of a path is 3');
  });
});

describe('pathCount', () => {
  it('is exact beyond 2^53', () => {
    expect(pathCount(buildSpace({ preset: 'mobilenet-7' }))).to.equal(558_545_864_083_284_007n);
    expect(pathCount(buildSpace({ preset: 'mobilenet-13-se' }))).to.equal(13n ** 21n);
    expect(pathCount(macro)).to.equal(6561n);
  });
});

describe('describePath', () => {
  it('adds up to the cost of the path', () => {
    fc.assert(
      fc.property(spaceAndPath, ({ space, path }) => {
        const rows = describePath(space, path);
        expect(rows.reduce((total, row) => total + row.flops, 0)).to.equal(pathFlops(space, path));
        expect(rows.reduce((total, row) => total + row.params, 0)).to.equal(pathParams(space, path));
        expect(rows.filter((row) => row.searchable)).to.have.length(space.layers.length);
      }),
    );
  });

  it('states each block with its output side', () => {
    const rows = describePath(macro, pathFromDigits(macro, '02100000'));
    expect(rows.map((row) => `${row.name} ${row.token} ${row.resolution}`)).to.deep.equal([
      'stem_conv conv3 32',
      'stage1_0 skip 16',
      'stage1_1 e6k5 16',
      'stage2_0 e3k3 8',
      'stage2_1 skip 8',
      'stage2_2 skip 8',
      'stage3_0 skip 4',
      'stage3_1 skip 4',
      'stage3_2 skip 4',
      'head_conv conv1 4',
      'classifier linear 1',
    ]);
    // An odd side is rounded up: 33 → 17 → 9 → 5.
    const odd = describePath(
      buildSpace({ preset: 'nas-bench-macro', resolution: 33 }),
      pathFromDigits(macro, '00000000'),
    );
    expect(odd.map((row) => row.resolution)).to.deep.equal([33, 17, 17, 9, 9, 9, 5, 5, 5, 5, 1]);
  });
});
