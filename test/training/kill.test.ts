import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import { smallConfig, smallRun } from './small-run.ts';
import { temporaryFolder } from './temporary.ts';

const config = { ...smallConfig, checkpoints: { every: 3, keep: 2, keepEvery: null } };

/** Runs or resumes the small run in a process of its own; prints a line when training begins. */
const program = `
  const { smallRun } = await import('${new URL('small-run.ts', import.meta.url)}');
  const [root, resume, config] = JSON.parse(process.argv[1]);
  const onTrain = (calls) => calls === 0 && console.log('training');
  await smallRun(root, { config, resume, onTrain });
`;

/** Starts the run and kills it `delay` milliseconds after training began; true if it was done before. */
async function runAndKill(root: string, resume: boolean, delay: number): Promise<boolean> {
  const words = ['--import=tsx', '--input-type=module', '-e', program, JSON.stringify([root, resume, config])];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), delay));
  const [code, signal] = await ended;
  expect(code === 0 || signal === 'SIGKILL', `exit code ${code}`).to.equal(true);
  return code === 0;
}

/** What must be equal: all but the wall time in seconds.json and cost.json, the lock, and what the manifest says of seconds.json. */
function outcome(directory: string): Record<string, unknown> {
  const names = (readdirSync(directory, { recursive: true }) as string[]).filter((name) =>
    statSync(join(directory, name)).isFile(),
  );
  const compared = names.filter((name) => !/(^|\/)(seconds\.json|cost\.json|run\.json|lock\.\d+)$/.test(name)).sort();
  return Object.fromEntries(
    compared.map((name) => {
      const text = readFileSync(join(directory, name), 'utf8');
      if (!name.endsWith('manifest.json')) return [name, text];
      const { sha256, files, ...rest } = JSON.parse(text);
      const { 'seconds.json': seconds, ...others } = files;
      expect(sha256).to.match(/^[0-9a-f]{64}$/);
      expect(seconds.bytes).to.be.above(0);
      return [name, { ...rest, files: others }];
    }),
  );
}

describe('training, killed', () => {
  const folder = temporaryFolder();

  it('at random moments and resumed, is the run that was never stopped', async function () {
    this.timeout(300_000);
    await smallRun(folder(), { config, name: 'whole' });
    const stream = createStream(5, 'kills');
    let kills = 0;
    let done = false;
    for (let session = 0; session < 12 && !done; session++) {
      // A small run takes about half a second: most kills fall into it, many into a save.
      done = await runAndKill(folder(), session > 0, 10 + stream.integer(200));
      kills += done ? 0 : 1;
    }
    console.log(`      ${kills} kills`);
    if (!done) {
      await smallRun(folder(), { config, resume: true });
    }
    expect(kills).to.be.above(0);
    const whole = outcome(join(folder(), 'whole'));
    const [kept, last] = ['step-00000057', 'step-00000060'];
    expect(whole).to.include.keys('pool.json', `${kept}/manifest.json`, `${last}/manifest.json`, `${last}/state.json`);
    expect(outcome(join(folder(), 'small'))).to.deep.equal(whole);
    const rest = readdirSync(join(folder(), 'small')).filter(
      (name) => name.startsWith('.tmp') || name.startsWith('damaged'),
    );
    expect(rest).to.deep.equal([]);
  });
});
