import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { signalExitCode } from '../../src/cli/signals.ts';

const program = `
  import { watchSignals, signalExitCode } from '${new URL('../../src/cli/signals.ts', import.meta.url)}';
  const watch = watchSignals((signal) => console.log(signal));
  console.log('ready');
  const wait = setInterval(() => {
    if (watch.received !== null && !process.argv.includes('stubborn')) {
      clearInterval(wait);
      watch.stop();
      process.exitCode = signalExitCode(watch.received);
    }
  }, 50);
`;

async function start(...words: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

describe('cli/signals', () => {
  it('gives the exit codes that shells give', () => {
    expect(signalExitCode('SIGINT')).to.equal(130);
    expect(signalExitCode('SIGTERM')).to.equal(143);
  });

  it('remembers the first signal and leaves the end to the program', async () => {
    const child = await start();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).to.deep.equal([143, null]);
  });

  it('takes a copy of the signal that npm passes on for the same one', async () => {
    const child = await start();
    child.kill('SIGINT');
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).to.deep.equal([130, null]);
  });

  it('ends at once on a second signal', async () => {
    const child = await start('stubborn');
    child.kill('SIGINT');
    await once(child.stdout!, 'data');
    await new Promise((resolve) => setTimeout(resolve, 1200));
    child.kill('SIGINT');
    const [code, signal] = await once(child, 'exit');
    expect(code === 130 || signal === 'SIGINT').to.equal(true);
  });
});
