import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Child, type Ending, type SupervisorOptions, supervise } from '../../src/cli/supervisor.ts';
import { temporaryFolder } from '../training/temporary.ts';
import { greedynas, writeSmallConfig } from './simulated-surroundings.ts';

/** A training that ends as the list says, with the newest checkpoint at that time. */
interface Life extends Partial<Ending> {
  readonly step?: number;
  /** A signal that the supervisor gets while this training is at work. */
  readonly during?: NodeJS.Signals;
  /** One that it gets in the pause that follows. */
  readonly after?: NodeJS.Signals;
}

interface Supervision {
  readonly code: number;
  /** Whether each start went on with the run. */
  readonly starts: readonly boolean[];
  readonly pauses: readonly number[];
  readonly notices: string;
  /** Signals that reached the training. */
  readonly forwarded: readonly NodeJS.Signals[];
}

async function supervised(
  lives: readonly Life[],
  { restarts = 5, begunBefore = false, first = -1 } = {},
): Promise<Supervision> {
  const starts: boolean[] = [];
  const pauses: number[] = [];
  const notices: string[] = [];
  const forwarded: NodeJS.Signals[] = [];
  let step = first;
  let begun = begunBefore;
  let signalled: (signal: NodeJS.Signals) => void = () => {};
  let life: Life = {};
  const options: SupervisorOptions = {
    restarts,
    resume: false,
    begun: async () => begun,
    progress: async () => step,
    onSignals(callback) {
      signalled = callback;
      return () => {
        signalled = () => {};
      };
    },
    start(resumed): Child {
      life = lives[starts.length]!;
      starts.push(resumed);
      const { during } = life;
      const ended = new Promise<Ending>((resolve) => {
        setImmediate(() => {
          step = life.step ?? step;
          begun ||= step >= 0;
          if (during !== undefined) signalled(during);
          resolve({ code: life.code ?? null, signal: life.signal ?? null });
        });
      });
      return { kill: (signal) => void forwarded.push(signal), ended };
    },
    async sleep(seconds) {
      pauses.push(seconds);
      if (life.after === undefined) return;
      signalled(life.after);
      // The signal, not the end of the pause, must wake it.
      await new Promise(() => {});
    },
    notice: (line) => notices.push(line),
  };
  const code = await supervise(options);
  return { code, starts, pauses, forwarded, notices: notices.join('\n') };
}

const abort: Life = { signal: 'SIGABRT' };

describe('cli/supervisor', () => {
  const folder = temporaryFolder();

  it('is not noticed where the training is done', async () => {
    const result = await supervised([{ code: 0, step: 60 }]);
    expect(result).to.deep.equal({ code: 0, starts: [false], pauses: [], forwarded: [], notices: '' });
  });

  for (const ending of [abort, { signal: 'SIGSEGV' }, { signal: 'SIGKILL' }, { code: 1 }] as const) {
    it(`goes on after ${JSON.stringify(ending)}, after a pause`, async () => {
      const { code, starts, pauses, notices } = await supervised([{ ...ending, step: 10 }, { code: 0 }]);
      expect(code).to.equal(0);
      expect(starts).to.deep.equal([false, true]);
      expect(pauses).to.deep.equal([1]);
      expect(notices).to.match(/died after the checkpoint of step 10 \((SIG\w+|exit code 1)\): restart 1 of 5 in 1 s/);
    });
  }

  for (const code of [2, 3, 4, 5, 130, 143]) {
    it(`keeps exit code ${code}, which a restart would not change`, async () => {
      const result = await supervised([{ code, step: 10 }]);
      expect(result).to.include({ code, notices: '' });
      expect(result.starts).to.have.length(1);
    });
  }

  it('begins anew where it died before the run began', async () => {
    expect((await supervised([abort, { code: 0, step: 60 }])).starts).to.deep.equal([false, false]);
  });

  it('never goes on with a run of that name that was there before and nobody asked to go on with', async () => {
    const result = await supervised([abort, { code: 2 }], { begunBefore: true, first: 60 });
    expect(result.starts).to.deep.equal([false, false]);
    expect(result.code).to.equal(2);
  });

  it('ends when the restarts are used up, with the code that a shell gives', async () => {
    const lives = [1, 2, 3, 4].map((step) => ({ ...abort, step }));
    const { code, starts, notices } = await supervised(lives, { restarts: 2 });
    expect(code).to.equal(134);
    expect(starts).to.have.length(3);
    expect(notices).to.include('died after the checkpoint of step 3 (SIGABRT), and its 2 restarts are used up');
  });

  it('recognises a crash loop: three deaths without a newer checkpoint', async () => {
    const lives = [{ ...abort, step: 10 }, abort, abort, abort];
    const { code, starts, pauses, notices } = await supervised(lives, { restarts: 100 });
    expect(code).to.equal(134);
    expect(starts).to.have.length(3);
    expect(pauses).to.deep.equal([1, 2]);
    expect(notices).to.match(/died 3 times in a row after the checkpoint of step 10 \(SIGABRT\): this is a crash loop/);
  });

  it('waits longer the less it gets on, at first little again after a checkpoint', async () => {
    const lives = [{ ...abort, step: 1 }, abort, { ...abort, step: 2 }, abort, { code: 0 }];
    expect((await supervised(lives)).pauses).to.deep.equal([1, 2, 1, 2]);
  });

  it('passes a signal on, and does not restart what ends by it', async () => {
    const saved = await supervised([{ code: 143, during: 'SIGTERM' }]);
    expect(saved).to.deep.include({ code: 143, forwarded: ['SIGTERM'], notices: '' });
    // Even if it dies of another cause meanwhile.
    const died = await supervised([{ ...abort, during: 'SIGINT' }]);
    expect(died).to.deep.include({ code: 134, forwarded: ['SIGINT'] });
    expect(died.starts).to.have.length(1);
  });

  it('ends at a signal in the pause', async () => {
    const { code, starts } = await supervised([{ ...abort, step: 3, after: 'SIGTERM' }]);
    expect(code).to.equal(143);
    expect(starts).to.have.length(1);
  });

  describe('as train-supernet --restarts', () => {
    /** Trains with the simulated engine in a real process that aborts in these of its steps. */
    const startReal = (abortIn: number | null, words: readonly string[]): Child => {
      const program = `
        const { greedynas } = await import('${new URL('simulated-surroundings.ts', import.meta.url)}');
        const [folder, words, abortIn] = JSON.parse(process.argv[1]);
        const onTrain = (calls) => calls === abortIn && process.abort();
        const { code, stderr } = await greedynas(folder, words, { onTrain });
        process.stderr.write(code === 0 ? '' : stderr);
        process.exitCode = code;
      `;
      const input = JSON.stringify([folder(), words, abortIn]);
      const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', program, input], {
        // An abort prints a stack of Node's own.
        stdio: ['ignore', 'ignore', 'ignore'],
      });
      return {
        kill: (signal) => void child.kill(signal),
        ended: new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal }))),
      };
    };

    it('a native abort costs no data: the run ends as one that never died', async () => {
      const config = writeSmallConfig(folder());
      const lines: string[][] = [];
      const aborts = [15, 25, null];
      const words = ['train-supernet', '--config', config, '--run', 'died', '--set', 'logging.every=5'];
      const { code, stderr } = await greedynas(folder(), [...words, '--restarts', '3'], {
        startSelf(line) {
          lines.push([...line]);
          return startReal(aborts[lines.length - 1] ?? null, line);
        },
      });
      expect(code, stderr).to.equal(0);
      expect(lines).to.deep.equal([
        ['train-supernet', `--config=${config}`, '--data=data', '--run=died', '--set=logging.every=5'],
        ['train-supernet', `--config=${config}`, '--data=data', '--run=died', '--set=logging.every=5', '--resume'],
        ['train-supernet', `--config=${config}`, '--data=data', '--run=died', '--set=logging.every=5', '--resume'],
      ]);
      expect(stderr).to.include('died after the checkpoint of step 10 (SIGABRT): restart 1 of 3');
      expect(stderr).to.include('died after the checkpoint of step 30 (SIGABRT): restart 2 of 3');
      await greedynas(folder(), ['train-supernet', '--config', config, '--run', 'whole', '--set', 'logging.every=5']);
      const read = (run: string, file: string) => readFileSync(join(folder(), 'checkpoints', run, file), 'utf8');
      for (const file of ['metrics.jsonl', 'pool.json', 'step-00000060/state.json']) {
        expect(read('died', file)).to.equal(read('whole', file));
      }
      expect(readdirSync(join(folder(), 'checkpoints', 'died')).filter((name) => name.startsWith('lock'))).to.be.empty;
    });

    it('refuses what is no count', async () => {
      for (const value of ['x', '-1', '1.5']) {
        const { code, stderr } = await greedynas(folder(), ['train-supernet', `--restarts=${value}`]);
        expect(code).to.equal(2);
        expect(stderr).to.include('--restarts').and.to.include('a whole number from 0');
      }
    });
  });
});
