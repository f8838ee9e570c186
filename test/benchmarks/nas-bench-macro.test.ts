import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { parseMacroTable, readMacroTable } from '../../src/benchmarks/nas-bench-macro.ts';
import { kendall } from '../../src/statistics/kendall.ts';
import { spearman } from '../../src/statistics/spearman.ts';
import { madeUpTable } from './made-up-macro.ts';

const real = fileURLToPath(new URL('../../../shared/data/nas_bench_macro.json.gz', import.meta.url));

describe('benchmarks/nas-bench-macro', () => {
  const published = madeUpTable();

  it('reads the published form: every path, and the distinct networks', () => {
    const table = parseMacroTable(JSON.stringify(published), 'table.json');
    expect(table.networks).to.have.length(3969);
    const { code, accuracies, accuracy } = table.entry([2, 2, 1, 0, 2, 0, 0, 1]);
    expect(code).to.equal('22120010');
    expect(accuracies).to.deep.equal(published['22102001']!.test_acc);
    expect(accuracy).to.be.closeTo(published['22102001']!.mean_acc, 1e-9);
    const best = Math.max(...Object.values(published).map(({ mean_acc }) => mean_acc));
    expect(table.best.accuracy).to.be.closeTo(best, 1e-9);
    expect(() => table.entry([3, 0, 0, 0, 0, 0, 0, 0])).to.throw(RangeError, 'no path of NAS-Bench-Macro');
  });

  it('reads rows of columns as well', () => {
    const rows = {
      columns: ['test_acc_run0', 'test_acc_run1', 'test_acc_run2', 'params', 'flops'],
      archs: Object.fromEntries(
        Object.entries(published).map(([code, { test_acc, params, flops }]) => [code, [...test_acc, params, flops]]),
      ),
    };
    const [one, other] = [rows, published].map((value) => parseMacroTable(JSON.stringify(value), 'table.json'));
    expect(one!.networks).to.deep.equal(other!.networks);
  });

  it('reads a file, gzipped or not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'greedynas-macro-'));
    const text = JSON.stringify(published);
    writeFileSync(join(folder, 'plain.json'), text);
    writeFileSync(join(folder, 'zipped.json.gz'), gzipSync(text));
    writeFileSync(join(folder, 'torn.json.gz'), gzipSync(text).subarray(0, 5000));
    const plain = await readMacroTable(join(folder, 'plain.json'));
    expect((await readMacroTable(join(folder, 'zipped.json.gz'))).networks).to.deep.equal(plain.networks);
    for (const [file, problem] of [
      ['torn.json.gz', 'cannot be unzipped'],
      ['none.json', 'cannot read the table'],
    ] as const) {
      const error = await readMacroTable(join(folder, file)).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'io' });
      expect((error as Error).message)
        .to.include(file)
        .and.to.include(problem);
    }
    rmSync(folder, { recursive: true });
  });

  describe('refuses, naming file and record', () => {
    const first = Object.keys(published)[0]!;
    const changed = (change: (table: typeof published) => void): string => {
      const table = structuredClone(published);
      change(table);
      return JSON.stringify(table);
    };
    const cases: [string, string, string][] = [
      ['what is not JSON', '{"00000000":', 'is not JSON'],
      ['JSON of another kind', '[1, 2]', 'wrong at'],
      ['a table with a record missing', changed((table) => delete table[first]), 'has 6560 records'],
      [
        'a code that is no path',
        changed((table) => {
          table['30000000'] = table[first]!;
          delete table[first];
        }),
        'record "30000000": code: digit 0 is "3"',
      ],
      [
        'FLOPs of another network',
        changed((table) => {
          table['00000001']!.flops += 1;
        }),
        'record "00000001": flops is 14115329, this network has 14115328',
      ],
      [
        'accuracies out of range',
        changed((table) => {
          table['00000001']!.test_acc[2] = 101;
        }),
        'wrong at "00000001.test_acc.2"',
      ],
      [
        'two accuracies of one network',
        changed((table) => {
          table['00000001']!.test_acc[0] += 0.5;
        }),
        'are the same network with different accuracies',
      ],
    ];
    for (const [what, text, problem] of cases) {
      it(what, () => {
        expect(() => parseMacroTable(text, 'table.json'))
          .to.throw(problem)
          .with.property('code', 'io');
        expect(() => parseMacroTable(text, 'table.json')).to.throw('table.json: ');
      });
    }
  });

  it('has the known figures of the real table', async function () {
    if (!existsSync(real)) {
      console.log('      skipped: ../shared/data/nas_bench_macro.json.gz is not there');
      this.skip();
    }
    const { networks, best, entry } = await readMacroTable(real);
    expect(networks).to.have.length(3969);
    expect(best.code).to.equal('22212220');
    expect(best.accuracy).to.be.closeTo(93.127, 5e-4);
    expect(entry([0, 0, 0, 0, 0, 0, 0, 0]).accuracies).to.deep.equal([45.32, 45.33, 45.44]);
    const accuracy = networks.map((network) => network.accuracy);
    const flops = networks.map((network) => network.flops);
    expect(spearman(flops, accuracy)).to.be.closeTo(0.738, 5e-4);
    expect(kendall(flops, accuracy)).to.be.closeTo(0.546, 5e-4);
    const [one, other] = [0, 1].map((run) => networks.map(({ accuracies }) => accuracies[run]!));
    expect(spearman(one!, other!)).to.be.closeTo(0.979, 5e-4);
    expect(kendall(one!, other!)).to.be.closeTo(0.88, 5e-4);
    const published = parsePublished();
    expect(parseMacroTable(JSON.stringify(published), 'published').networks).to.deep.equal(networks);
  });
});

/** The real table in the form in which its authors publish it. */
function parsePublished(): object {
  const { archs } = JSON.parse(gunzipSync(readFileSync(real)).toString()) as { archs: Record<string, number[]> };
  return Object.fromEntries(
    Object.entries(archs).map(([code, [a, b, c, params, flops]]) => [
      code,
      { test_acc: [a, b, c], mean_acc: (a! + b! + c!) / 3, std: 0.1, params, flops },
    ]),
  );
}
