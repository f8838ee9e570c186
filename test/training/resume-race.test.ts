/** Processes that resume the same run at the same moment: one wins, and the run comes out as if it had been alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { smallRun } from './small-run.ts';
import { temporaryFolder } from './temporary.ts';

/** Waits for a line, resumes, and prints how that went. In its first step it waits for a file, holding the run. */
const program = `
  const { existsSync } = await import('node:fs');
  const { smallRun } = await import('${new URL('small-run.ts', import.meta.url)}');
  const [root] = process.argv.slice(1);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const onTrain = () => {
    while (!existsSync(root + '/go-on')) Atomics.wait(clock, 0, 0, 10);
  };
  process.stdin.once('data', async () => {
    const result = await smallRun(root, { resume: true, onTrain }).then(({ result }) => result.end, (error) => error);
    console.log(JSON.stringify(typeof result === 'string' ? { end: result } : { code: result.exitCode, message: result.message }));
    process.exit();
  });
  console.log('ready');
`;

interface Outcome {
  readonly pid: number;
  readonly end?: string;
  readonly code?: number;
  readonly message?: string;
}

async function race(root: string, count: number): Promise<Outcome[]> {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', program, root], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  let ended = 0;
  const answers = children.map(async (child): Promise<Outcome> => {
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    await once(child, 'close');
    ended += 1;
    // All but the winner have given up.
    if (ended === count - 1) writeFileSync(join(root, 'go-on'), '');
    return { pid: child.pid!, ...JSON.parse(text) };
  });
  for (const child of children) child.stdin.write('go\n');
  return Promise.all(answers);
}

describe('two processes that resume a run', () => {
  const folder = temporaryFolder();

  it('at the same moment: one wins, the others exit with 5 and name the winner, and nothing is lost', async function () {
    this.timeout(180_000);
    await smallRun(folder(), { name: 'whole' });
    await smallRun(folder(), { stopIn: 20 });
    // The lock of a process that died: all of them may take it over.
    const stale = { pid: 2 ** 22 + 1, host: hostname(), born: '' };
    writeFileSync(join(folder(), 'small', 'lock.1'), JSON.stringify(stale));
    const outcomes = await race(folder(), 3);
    const winners = outcomes.filter(({ end }) => end === 'length');
    expect(winners.length, JSON.stringify(outcomes)).to.equal(1);
    for (const { code, message } of outcomes.filter(({ end }) => end === undefined)) {
      expect(code, message).to.equal(5);
      expect(message).to.match(new RegExp(`process ${winners[0]!.pid} on ${hostname()}`));
    }
    for (const file of ['metrics.jsonl', 'pool.json', 'step-00000060/state.json']) {
      const read = (run: string) => readFileSync(join(folder(), run, file), 'utf8');
      expect(read('small')).to.equal(read('whole'));
    }
  });
});
