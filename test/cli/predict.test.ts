import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeSmall201 } from '../benchmarks/tables.ts';
import { commandLine } from './command-line.ts';

describe('cli/predict', () => {
  const { folder, run } = commandLine();

  it('measures methods on a table, writes its files, and goes on where it stopped', async () => {
    const out = join(folder(), 'sweep');
    const line = `predict --benchmark nasbench201-cifar10 --method random,local-search --budget 20,10 --data ${writeSmall201(folder())} --out ${out} --workers 1`;
    const first = await run(`${line} --seeds 2`);
    expect(first.code, first.stderr).to.equal(0);
    expect(first.stdout)
      .to.include('nasbench201-cifar10: 729 networks')
      .and.to.match(/^local-search +20 +2 /m);
    for (const file of ['settings.json', 'summary.json', 'summary.csv', 'curve.csv', 'curve.svg']) {
      expect(existsSync(join(out, file)), file).to.equal(true);
    }
    const second = await run(`${line} --seeds 3 --json`);
    expect(second.stderr.trim().split('\n')).to.have.length(2);
    const summary = JSON.parse(second.stdout);
    expect(summary.budgets[0]).to.include({ method: 'random', queries: 10, trials: 3 });
  });

  it('refuses what it cannot do, in one line', async () => {
    const cases: [string, RegExp][] = [
      ['predict --benchmark nasbench301 --method random', /benchmark.*nasbench301/],
      ['predict --benchmark macro --method randon', /--method randon: allowed are random, evolution/],
      ['predict --benchmark macro --method random --budget ten', /--budget ten: allowed are whole numbers from 1/],
      ['predict --benchmark macro --method random --seeds 0', /--seeds 0: allowed/],
      ['predict --benchmark macro --method random --assess', /--assess: random has no predictor/],
      ['predict --benchmark macro --method weaknas --assess --until-optimum', /--assess does not search/],
      ['predict --benchmark macro --method weaknas --scan some', /--scan some: allowed/],
      ['predict --benchmark macro --method weaknas --units 0', /--units 0: allowed/],
      ['predict --benchmark macro --method weaknas --top many', /--top many: allowed/],
    ];
    for (const [line, message] of cases) {
      const { code, stdout, stderr } = await run(line);
      expect(code, line).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr.trim()).to.match(message);
      expect(stderr.trim().split('\n')).to.have.length(1);
    }
    const missing = await run(`predict --benchmark macro --method random --data ${folder()}`);
    expect(missing.code).to.equal(4);
    expect(missing.stderr).to.include('nas-bench-macro_cifar10.json');
  });
});
