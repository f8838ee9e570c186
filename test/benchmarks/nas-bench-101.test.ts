import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { rankValues } from '../../src/benchmarks/benchmark.ts';
import { createNasBench101 } from '../../src/benchmarks/nas-bench-101.ts';
import { readNasBench101Csv, readNasBench101Validation } from '../../src/benchmarks/nas-bench-101-csv.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { temporaryFolder } from '../training/temporary.ts';
import { realTable } from './tables.ts';

const header = 'n,adj,ops,params,test_acc';
const lines = ['4,100101,02,100,93.5', '2,1,,50,83.25', '7,100110100001001010101,02001,8555530,92.0606'];

describe('NAS-Bench-101', () => {
  const folder = temporaryFolder();
  const write = (text: string, name = 'table.csv'): string => {
    const path = join(folder(), name);
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
    return path;
  };
  const open = (rows: readonly string[]) =>
    createNasBench101(readNasBench101Csv(write([header, ...rows, ''].join('\n'))));

  it('is read from CSV, gzipped or not, with any line ends', () => {
    const text = [header, ...lines].join('\r\n');
    for (const name of ['table.csv', 'table.csv.gz']) {
      const benchmark = createNasBench101(readNasBench101Csv(write(text, name)));
      expect(benchmark.rows).to.equal(3);
      expect([...benchmark.searched.values]).to.deep.equal([93.5, 83.25, 92.0606]);
      expect(benchmark.reported.values).to.equal(benchmark.searched.values);
      expect(benchmark.describe(0)).to.equal('0:input>1 1:conv3x3>2 2:maxpool3x3>3');
      expect(benchmark.describe(1)).to.equal('0:input>1');
    }
  });

  it('finds a row by its genotype and by any that differs in vertices without use', () => {
    const benchmark = open(lines);
    for (let row = 0; row < 3; row++) expect(benchmark.row(benchmark.genotype(row))).to.equal(row);
    // Vertices 3 … 5 of row 0's genotype are used by nothing: their operations are free.
    expect(benchmark.row(benchmark.genotype(0) + 2 * 3 ** 4 * 2 ** 21)).to.equal(0);
    expect(benchmark.row(0)).to.equal(-1);
  });

  it('is encoded as WeakNAS does: column after column, each with the kind of its vertex', () => {
    const { vector } = open(lines);
    const into = new Float32Array(47).fill(9);
    vector.write(0, into, 1);
    expect(vector.width).to.equal(45);
    const expected = [1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    expect([...into]).to.deep.equal([9, ...expected, ...new Array(45 - expected.length).fill(0), 9]);
  });

  it('is a graph with input and output as kinds of their own, padded to 7 vertices', () => {
    const { graph } = open(lines);
    const kinds = new Int16Array(7);
    const edges = new Uint8Array(49).fill(1);
    graph.write(0, kinds, edges);
    expect([...kinds]).to.deep.equal([3, 0, 2, 4, -1, -1, -1]);
    const found = [...edges.keys()].filter((place) => edges[place] === 1);
    expect(found).to.deep.equal([1, 7 + 2, 14 + 3]);
  });

  it('names file, line, column and value of what is wrong', () => {
    const cases: [string[], RegExp][] = [
      [['4,100101,02,100'], /table\.csv, line 2: needs 5 columns, got 4/],
      [['8,100101,02,100,93.5'], /line 2: n must be 2 … 7, got 8/],
      [['4,10010,02,100,93.5'], /adj must have 6 digits for 4 vertices, got "10010"/],
      [['4,100121,02,100,93.5'], /adj must be zeros and ones, got "100121"/],
      [['4,100101,0,100,93.5'], /ops must have 2 digits for 4 vertices, got "0"/],
      [['4,100101,03,100,93.5'], /ops must be digits 0, 1, 2, got "03"/],
      [['4,100101,02,100,high'], /column test_acc must be a number, got "high"/],
      [['4,100101,02,100,'], /column test_acc must be a number, got ""/],
      [[], /the table has no rows/],
      [['4,000101,02,100,93.5'], /row 0 is no cell of NAS-Bench-101/],
      [[lines[0]!, lines[1]!, lines[0]!], /rows 0 and 2 hold the same cell/],
    ];
    for (const [rows, message] of cases) {
      expect(() => open(rows), rows.join())
        .to.throw(GreedynasError, message)
        .with.property('code', 'io');
    }
    expect(() => readNasBench101Csv(write('a,b\n1,2\n'))).to.throw(
      'the first line must be "n,adj,ops,params,test_acc", got "a,b"',
    );
    expect(() => readNasBench101Csv(write(''))).to.throw('is empty');
    expect(() => readNasBench101Csv(join(folder(), 'none.csv'))).to.throw(GreedynasError, /cannot read .*none\.csv/);
    writeFileSync(join(folder(), 'torn.csv.gz'), gzipSync('n,adj\n').subarray(0, 12));
    expect(() => readNasBench101Csv(join(folder(), 'torn.csv.gz'))).to.throw('is no whole gzip file');
  });

  it('has validation accuracies for the rows that a second file names', () => {
    const table = readNasBench101Csv(write([header, ...lines, ''].join('\n')));
    const head = 'row,val_acc_4ep,val_acc_12ep,val_acc_36ep,val_acc_108ep,train_s_108ep';
    const second = write(`${head}\n2,36,42,90,93.049,1769.0\n0,1,2,3,88.5,1\n`, 'validation.csv');
    const benchmark = createNasBench101(readNasBench101Validation(second, table));
    expect([...benchmark.searched.values]).to.deep.equal([93.049, 88.5]);
    expect([...benchmark.reported.values]).to.deep.equal([92.0606, 93.5]);
    expect(() => readNasBench101Validation(write(`${head}\n3,1,2,3,4,5\n`, 'v.csv'), table)).to.throw(
      /row must be 0 … 2/,
    );
  });

  describe('the whole table', () => {
    const file = realTable('nasbench101.csv.gz');

    it('loads within 400 MB, every cell once', function () {
      if (file === null) this.skip();
      const benchmark = createNasBench101(readNasBench101Csv(file));
      expect(process.memoryUsage().arrayBuffers / 2 ** 20).to.be.below(400);
      expect(benchmark.rows).to.equal(423_624);
      const { best, rank } = rankValues(benchmark.reported);
      expect(best).to.equal(94.3176);
      expect(rank(best)).to.equal(1);
      expect(benchmark.reported.values.reduce((sum, value) => sum + value) / benchmark.rows).to.be.closeTo(
        89.68,
        0.005,
      );
      // The table holds every cell of the space: whatever a mutation gives is in it, or no cell.
      const stream = createStream(1, 'test');
      let found = 0;
      for (let round = 0; round < 2000; round++) {
        const row = stream.integer(benchmark.rows);
        expect(benchmark.row(benchmark.genotype(row))).to.equal(row);
        if (benchmark.row(benchmark.mutate(benchmark.genotype(row), stream)) >= 0) found += 1;
      }
      expect(found / 2000).to.be.within(0.5, 0.8);
    });
  });
});
