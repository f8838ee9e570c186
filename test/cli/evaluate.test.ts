import { expect } from 'chai';
import { commandLine } from './command-line.ts';

describe('cli/evaluate', () => {
  const { run } = commandLine();

  it('prints loss and accuracy', async () => {
    const { code, stdout } = await run('evaluate --subnet somewhere --split test');
    expect(code).to.equal(0);
    expect(stdout).to.equal('Path: e3k3 skip\n20 test images: loss 1.250000, top-1 50.00 %, top-5 90.00 %\n');
    const json = await run('evaluate --subnet somewhere --json');
    expect(JSON.parse(json.stdout)).to.include({ split: 'validation', loss: 1.25 });
  });
});
