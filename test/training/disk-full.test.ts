/** Runs on a disk that is too small, read-only, or not there. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createSupernetSession } from '../../src/supernet/session.ts';
import { findCheckpoint, listSteps } from '../../src/training/checkpoint.ts';
import { greedynas, writeSmallConfig } from '../cli/simulated-surroundings.ts';
import { mountSmallDisk, type SmallDisk } from '../storage/small-disk.ts';
import { sessionOptions, smallSpace } from '../supernet/small-space.ts';
import { smallConfig, smallRun } from './small-run.ts';
import { rejection } from './temporary.ts';

const kilobyte = 1024;
/** Of the weights that the simulated supernet saves here. */
const weightBytes = 200 * kilobyte;
const config = { ...smallConfig, checkpoints: { ...smallConfig.checkpoints, every: 10, keep: 10 } };

describe('a disk', () => {
  let disk: SmallDisk;
  const root = () => join(disk.path, 'checkpoints');
  const run = () => join(root(), 'small');
  const temporaries = () => readdirSync(run()).filter((name) => name.startsWith('.tmp') || name.startsWith('lock'));

  beforeEach(function () {
    const mounted = mountSmallDisk(1024 * kilobyte);
    if (mounted === null) {
      console.log('      skipped: this user may not mount a small disk');
      this.skip();
    } else {
      disk = mounted;
    }
  });
  afterEach(() => disk?.unmount());

  /** The files of the run that is never stopped, on a disk with room. */
  async function whole(): Promise<string> {
    const place = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
    await smallRun(place, { config, weightBytes });
    return join(place, 'small');
  }

  async function expectRest(): Promise<void> {
    const { result } = await smallRun(root(), {
      config: { ...config, checkpoints: { ...config.checkpoints, keep: 2 } },
      weightBytes,
      resume: true,
    });
    expect(result.end).to.equal('length');
    expect(temporaries()).to.deep.equal([]);
    const expected = await whole();
    for (const file of ['metrics.jsonl', 'pool.json', 'step-00000060/state.json']) {
      expect(readFileSync(join(run(), file), 'utf8')).to.equal(readFileSync(join(expected, file), 'utf8'));
    }
    rmSync(join(expected, '..'), { recursive: true });
  }

  for (const told of [true, false]) {
    it(`that is full ends the run with 4 and the bytes needed, ${told ? 'before it writes' : 'also in the middle of a file'}; nothing saved is lost`, async () => {
      const error = await rejection(smallRun(root(), { config, weightBytes, ...(told ? {} : { savedBytes: 1 }) }));
      expect(error.exitCode).to.equal(4);
      expect(error.message).to.not.include('\n');
      expect(error.message).to.match(/is full: a checkpoint needs \d+ bytes, \d+ are free/);
      if (told) expect(Number(/needs (\d+) bytes/.exec(error.message)?.[1])).to.be.at.least(weightBytes);
      const steps = await listSteps(run());
      expect(steps).to.deep.equal([40, 30, 20, 10]);
      const { checkpoint, skipped } = await findCheckpoint(run());
      expect([checkpoint?.step, skipped]).to.deep.equal([40, []]);
      expect(temporaries()).to.deep.equal([]);
      // Room is made; what was computed after the checkpoint is computed again.
      rmSync(join(run(), 'step-00000010'), { recursive: true });
      await expectRest();
    });
  }

  it('that fills up before the log is written ends the run with 4, and the rest is as if nothing was', async () => {
    const filler = join(disk.path, 'filler');
    const error = await rejection(
      smallRun(root(), {
        config,
        onTrain: (calls) => {
          // Before the first line, which then needs a new page.
          if (calls === 3) writeUntilFull(filler);
        },
      }),
    );
    expect(error.exitCode).to.equal(4);
    expect(error.message).to.include('metrics.jsonl: the disk is full');
    rmSync(filler);
    await expectRest();
  });

  it('says before it trains that there is no room for a checkpoint', async () => {
    writeFileSync(join(disk.path, 'filler'), Buffer.alloc(900 * kilobyte));
    let steps = 0;
    const error = await rejection(smallRun(root(), { config, weightBytes, onTrain: () => (steps += 1) }));
    expect(error.message).to.include('a checkpoint needs').and.to.include('bytes');
    expect(steps).to.equal(0);
  });

  it('that is full under TensorFlow itself is an error, no abort, and no rest stays', async () => {
    const session = createSupernetSession(smallSpace, sessionOptions());
    try {
      session.initialise(1);
      writeUntilFull(join(disk.path, 'filler'));
      expect(() => session.save(join(disk.path, 'weights'))).to.throw(/cannot be written|No space left/);
      rmSync(join(disk.path, 'filler'));
      session.save(join(disk.path, 'weights'));
      expect(session.savedBytes).to.be.at.most(statSync(join(disk.path, 'weights.data-00000-of-00001')).size);
      expect(session.savedBytes).to.be.above(1000);
      session.restore(join(disk.path, 'weights'));
    } finally {
      session.close();
    }
  });

  it('that is read-only: one line, for a new run and for one to go on with', async () => {
    const command = ['train-supernet', '--config', writeSmallConfig(disk.path), '--run', 'small'];
    expect((await greedynas(disk.path, command, { signal: { name: 'SIGTERM', inStep: 20 } })).code).to.equal(143);
    disk.makeReadOnly();
    for (const words of [
      [...command, '--resume'],
      ['train-supernet', '--run', 'other', '--config', command[2]!],
      ['search', '--flops', '1G'],
    ]) {
      const { code, stderr } = await greedynas(disk.path, words);
      expect(code, stderr).to.equal(4);
      expect(stderr.trim()).to.match(/^greedynas: .*read-only.*$/);
    }
  });
});

describe('a place', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const command = () => ['train-supernet', '--config', writeSmallConfig(folder), '--run', 'small'];

  it('that is a file where the folder of all runs should be: one line', async () => {
    writeFileSync(join(folder, 'checkpoints'), '');
    const { code, stderr } = await greedynas(folder, command());
    expect(code).to.equal(4);
    expect(stderr.trim()).to.match(/^greedynas: .*checkpoints.*$/);
  });

  it('that is a file where the run should be: one line, and the file stays', async () => {
    const { code } = await greedynas(folder, command());
    expect(code).to.equal(0);
    writeFileSync(join(folder, 'checkpoints', 'taken'), 'mine');
    const { code: second, stderr } = await greedynas(folder, [...command().slice(0, 4), 'taken']);
    expect(second).to.equal(4);
    expect(stderr.trim()).to.match(/^greedynas: .*taken.*$/);
    expect(readFileSync(join(folder, 'checkpoints', 'taken'), 'utf8')).to.equal('mine');
  });

  it('that vanishes while a run is at work: one line', async () => {
    const { code, stderr } = await greedynas(folder, command(), {
      onTrain: (calls) => {
        if (calls === 25) rmSync(join(folder, 'checkpoints'), { recursive: true });
      },
    });
    expect(code).to.equal(4);
    expect(stderr.trim().split('\n').at(-1)).to.match(/^greedynas: .*no such file or folder/);
    expect(existsSync(join(folder, 'checkpoints'))).to.equal(false);
  });

  it('that a crash filled with half a checkpoint is clean after the next start', async () => {
    await greedynas(folder, command(), { signal: { name: 'SIGTERM', inStep: 20 } });
    const run = join(folder, 'checkpoints', 'small');
    cpSync(join(run, 'step-00000021'), join(run, '.tmp-step-00000030'), { recursive: true });
    cpSync(join(run, 'step-00000021'), join(run, '.tmp-step-00000010-gone'), { recursive: true });
    writeFileSync(join(run, '.tmp-77-latest'), 'step-0');
    expect((await greedynas(folder, [...command(), '--resume'])).code).to.equal(0);
    expect(readdirSync(run).filter((name) => name.startsWith('.'))).to.deep.equal([]);
  });
});

/** Takes every byte that is left. */
function writeUntilFull(path: string): void {
  for (const size of [64 * kilobyte, 4 * kilobyte, 1]) {
    for (;;) {
      try {
        writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
}
