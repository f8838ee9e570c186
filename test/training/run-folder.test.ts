import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import {
  createRun,
  findRun,
  listRuns,
  openRun,
  recordSession,
  runDirectory,
  writeConfig,
} from '../../src/training/run-folder.ts';
import { rejection, temporaryFolder } from './temporary.ts';

const session = { started: 'then', step: 0, host: 'here', pid: 1, versions: {}, engine: {}, environment: {} };

describe('training/run-folder', () => {
  const folder = temporaryFolder();
  const root = () => join(folder(), 'checkpoints');
  const start = async (name: string) => {
    const run = await createRun(root(), name);
    await writeConfig(run, 'seed: 1\n');
    return run;
  };

  it('makes the folder, locks it, and gives it back', async () => {
    const run = await start('first');
    expect(readdirSync(run.directory).sort()).to.deep.equal(['config.yaml', 'lock.1']);
    expect((await rejection(openRun(root(), 'first'))).code).to.equal('locked');
    await run.release();
    const again = await openRun(root(), 'first');
    expect(again.path('x')).to.equal(join(root(), 'first', 'x'));
    await again.release();
  });

  it('refuses to start a run that exists, says how to go on, and leaves it unlocked', async () => {
    await (await start('first')).release();
    const error = await rejection(createRun(root(), 'first'));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('--resume').and.to.include('another --run');
    expect(readdirSync(join(root(), 'first'))).to.deep.equal(['config.yaml']);
  });

  it('lets a run begin that failed before it began', async () => {
    await (await createRun(root(), 'first')).release();
    await (await createRun(root(), 'first')).release();
  });

  it('refuses to resume what is not there, and lists what is', async () => {
    expect((await rejection(openRun(root(), 'first'))).message).to.include('there are no runs yet');
    await (await start('other')).release();
    const error = await rejection(openRun(root(), 'first'));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('no run "first"').and.to.include('there are: other');
  });

  it('removes what a crash left unfinished', async () => {
    const run = await start('first');
    await run.release();
    mkdirSync(join(run.directory, '.tmp-step-00000009'));
    writeFileSync(join(run.directory, '.tmp-step-00000009', 'weights.index'), 'half');
    writeFileSync(join(run.directory, '.tmp-77-pool.json'), 'half');
    await (await openRun(root(), 'first')).release();
    expect(readdirSync(run.directory)).to.deep.equal(['config.yaml']);
  });

  it('finds the run that was worked on last', async () => {
    for (const [name, seconds] of [
      ['old', 1000],
      ['newest', 3000],
      ['newer', 2000],
    ] as const) {
      const run = await start(name);
      await run.release();
      utimesSync(run.path('config.yaml'), seconds, seconds);
    }
    mkdirSync(join(root(), 'no-run'));
    writeFileSync(join(root(), 'README.md'), '');
    expect(await listRuns(root())).to.deep.equal(['newest', 'newer', 'old']);
    expect(await findRun(root(), undefined)).to.equal('newest');
    // A checkpoint counts as work.
    writeFileSync(join(root(), 'old', 'latest'), 'step-00000001\n');
    expect(await findRun(root(), undefined)).to.equal('old');
    expect(await findRun(root(), 'newer')).to.equal('newer');
  });

  it('takes no name that leaves the folder of runs, or hides in it', () => {
    for (const name of [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'a\\b',
      '/etc',
      '.hidden',
      '-x',
      'a b',
      'a\0',
      'ä',
      'x'.repeat(65),
    ]) {
      expect(() => runDirectory('checkpoints', name), name).to.throw(GreedynasError, 'is no run name');
    }
    for (const name of ['a', '7', 'wide-0.75_x', 'x'.repeat(64)]) {
      expect(runDirectory('checkpoints', name)).to.equal(`checkpoints/${name}`);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        let directory: string;
        try {
          directory = runDirectory('root', name);
        } catch (error) {
          return error instanceof GreedynasError && error.code === 'usage' && error.message.length < 600;
        }
        return directory.startsWith('root/') && directory.split('/').length === 2;
      }),
    );
  });

  it('says in one line that the folder cannot be made', async () => {
    writeFileSync(join(folder(), 'file'), '');
    const inFile = await rejection(createRun(join(folder(), 'file'), 'run'));
    expect(inFile.code).to.equal('io');
    expect(inFile.message).to.match(/^cannot create the folder .*file: .*\(EEXIST\)$/);
    mkdirSync(root());
    writeFileSync(join(root(), 'run'), '');
    const fileAtPlace = await rejection(createRun(root(), 'run'));
    expect(fileAtPlace.code).to.equal('io');
    expect(fileAtPlace.message).to.include('cannot create the run folder').and.not.include('\n');
  });

  it('adds sessions to run.json, and survives a damaged one', async () => {
    const run = await start('first');
    await recordSession(run, 7, session);
    await recordSession(run, 7, { ...session, step: 40 });
    const read = () => JSON.parse(readFileSync(run.path('run.json'), 'utf8'));
    expect(read()).to.deep.equal({ name: 'first', seed: 7, sessions: [session, { ...session, step: 40 }] });
    writeFileSync(run.path('run.json'), '{"sessions": 3');
    await recordSession(run, 7, session);
    expect(read().sessions).to.deep.equal([session]);
    await run.release();
  });
});
