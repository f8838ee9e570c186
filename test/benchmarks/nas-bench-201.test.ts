import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { rankValues } from '../../src/benchmarks/benchmark.ts';
import { formatEdgeCell, readNasBench201 } from '../../src/benchmarks/nas-bench-201.ts';
import { GreedynasError } from '../../src/errors.ts';
import { temporaryFolder } from '../training/temporary.ts';
import { header201, line201, realTable } from './tables.ts';

describe('NAS-Bench-201', () => {
  const folder = temporaryFolder();
  const write = (lines: readonly string[]): string => {
    const path = join(folder(), 'nasbench201.csv');
    writeFileSync(path, `${[header201, ...lines].join('\n')}\n`);
    return path;
  };

  it("has the benchmark's own text for a cell", () => {
    expect(formatEdgeCell(Number.parseInt('421013', 5))).to.equal(
      '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|skip_connect~1|nor_conv_3x3~2|',
    );
  });

  it('searches by validation and reports test accuracy of the data set asked for', () => {
    const file = write([
      line201(0, '421211', [81.9, 85.8, 52.7, 52.9]),
      line201(1, '334131', [90.7, 93.6, 69.8, 70.2]),
    ]);
    const cifar10 = readNasBench201(file, 'cifar10');
    expect([...cifar10.searched.values]).to.deep.equal([81.9, 90.7]);
    expect([...cifar10.reported.values]).to.deep.equal([85.8, 93.6]);
    const cifar100 = readNasBench201(file, 'cifar100');
    expect([...cifar100.searched.values]).to.deep.equal([52.7, 69.8]);
    expect([...cifar100.reported.values]).to.deep.equal([52.9, 70.2]);
    expect(cifar10.row(cifar10.genotype(1))).to.equal(1);
    expect(cifar10.row(0)).to.equal(-1);
    expect(cifar10.neighbours(cifar10.genotype(0))).to.have.length(24);
  });

  it('is a vector of 30, and a graph whose vertices are the edges of the cell', () => {
    const { vector, graph } = readNasBench201(write([line201(0, '421013', [1, 2, 3, 4])]), 'cifar10');
    const into = new Float32Array(30);
    vector.write(0, into, 0);
    expect([...into.keys()].filter((place) => into[place] === 1)).to.deep.equal([4, 7, 11, 15, 21, 28]);
    const kinds = new Int16Array(8);
    const edges = new Uint8Array(64);
    graph.write(0, kinds, edges);
    expect([...kinds]).to.deep.equal([5, 4, 2, 1, 0, 1, 3, 6]);
    const from = (vertex: number) =>
      [...edges.subarray(vertex * 8, vertex * 8 + 8).keys()].filter((to) => edges[vertex * 8 + to]);
    // Cell edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3 are vertices 1 … 6.
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(from)).to.deep.equal([[1, 2, 4], [3, 5], [6], [6], [7], [7], [7], []]);
  });

  it('names file, line and value of what is wrong', () => {
    const good = line201(0, '421211', [81.9, 85.8, 52.7, 52.9]);
    const cases: [string[], RegExp][] = [
      [[good.replace('421211', '42121')], /line 2: ops must be six digits 0 … 4, got "42121"/],
      [[good.replace('421211', '421212')], /arch must be .*skip_connect~1\|nor_conv_1x1~2\|/],
      [[good, good], /line 3: the cell 421211 has come before/],
      [[good.replace('81.9', '')], /column c10_valid must be a number/],
      [[], /has no rows/],
    ];
    for (const [lines, message] of cases) {
      expect(() => readNasBench201(write(lines), 'cifar10'), String(message)).to.throw(GreedynasError, message);
    }
  });

  it('has the known figures of the real table', function () {
    const file = realTable('nasbench201.csv.gz');
    if (file === null) this.skip();
    for (const [dataSet, validation, test] of [
      ['cifar10', 91.607, 94.373],
      ['cifar100', 73.493, 73.513],
    ] as const) {
      const benchmark = readNasBench201(file, dataSet);
      expect(benchmark.rows).to.equal(15_625);
      expect(rankValues(benchmark.searched).best).to.equal(validation);
      expect(rankValues(benchmark.reported).best).to.equal(test);
    }
  });
});
