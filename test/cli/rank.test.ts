import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { commandLine } from './command-line.ts';
import type { Simulation } from './simulated-surroundings.ts';

describe('cli/rank', () => {
  const { folder, run, train } = commandLine();

  const rank = (more: string, simulation?: Simulation) =>
    run(`rank --run small --batch 10 --networks 20 ${more}`, simulation);

  it('prints a table, or the whole result as JSON, and draws a picture', async () => {
    await train();
    const plot = join(folder(), 'rank.svg');
    const { code, stdout, stderr } = await rank(`--score loss:10 --against top1:30 --plot ${plot}`);
    expect({ code, stderr: stderr.split('\n')[0] }).to.deep.equal({ code: 0, stderr: 'scored 20/20  0 s left' });
    expect(stdout)
      .to.include('20 of the 3969 distinct networks')
      .and.to.match(/^ +supernet +FLOPs alone/m);
    expect(readFileSync(plot, 'utf8'))
      .to.match(/^<svg /)
      .and.to.match(/<\/svg>\n$/);
    const again = await rank('--score loss:10 --against top1:30 --json');
    expect(again.stderr).to.equal('');
    const result = JSON.parse(again.stdout);
    expect(result).to.include({ score: 'loss:10', against: 'top1:30', networks: 20, scored: 0 });
  });

  it('needs something to rank against, and numbers where numbers belong', async () => {
    await train();
    for (const [line, message] of [
      ['', 'rank needs something to rank against'],
      ['--benchmark nas-bench-macro', 'with --table'],
      ['--against top1:30 --table x.json', 'rank needs something'],
      ['--against top1:30 --images many', '--images "many", allowed: a whole number of at least 1'],
      ['--against top1:30 --seed -1', '--seed'],
      ['--benchmark nasbench --table x.json', 'nas-bench-macro'],
    ] as const) {
      const { code, stdout, stderr } = await rank(line);
      expect({ code, stdout }, line).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr, line).to.include(message);
    }
  });
});
