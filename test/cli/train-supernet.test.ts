import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { acquireLock } from '../../src/storage/lock.ts';
import { listSteps } from '../../src/training/checkpoint.ts';
import { commandLine } from './command-line.ts';
import { writeSmallConfig } from './simulated-surroundings.ts';

describe('cli/train-supernet', () => {
  const { folder, run, train } = commandLine();

  it('trains, logs plain lines to standard error, and prints a summary', async () => {
    const { code, stdout, stderr } = await train();
    expect(code).to.equal(0);
    expect(stderr.trimEnd().split('\n')).to.have.length(15);
    expect(stderr).to.match(/^step 4\/60 {2}loss \d\.\d{3} {2}epsilon 0\.00 {2}pool 0 /);
    expect(stdout).to.match(/^Trained to its full length, 60 steps\./);
    expect(stdout).to.include('Next: greedynas search --run small');
  });

  it('with --json prints one JSON object to standard output and nothing else', async () => {
    const { stdout } = await train('--json');
    expect(stdout.trimEnd()).to.not.include('\n');
    expect(JSON.parse(stdout)).to.include({ run: 'small', end: 'length', step: 60 });
  });

  it('takes --set, and writes the resolved config', async () => {
    await train('--set training.steps=20 --set sampling.warmupSteps=3');
    const config = readFileSync(join(folder(), 'checkpoints', 'small', 'config.yaml'), 'utf8');
    expect(config).to.include('steps: 20').and.to.include('warmupSteps: 3');
  });

  it('refuses to start a run that exists', async () => {
    await train();
    const { code, stderr } = await train();
    expect(code).to.equal(2);
    expect(stderr).to.include('--resume');
  });

  for (const [name, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`on ${name} finishes the step, saves, exits with ${expected}, and --resume ends as if nothing had been`, async () => {
      const stopped = await train('', { signal: { name, inStep: 32 } });
      expect(stopped.code).to.equal(expected);
      expect(stopped.stderr).to.include(`${name}: finishing the step and saving`);
      expect(stopped.stdout).to.include('--resume');
      const directory = join(folder(), 'checkpoints', 'small');
      expect((await listSteps(directory))[0]).to.equal(33);
      // Without --config: the run's own.
      const resumed = await run('train-supernet --run small --resume');
      expect(resumed.code, resumed.stderr).to.equal(0);
      expect(resumed.stderr).to.include('resuming small at step 33');
      await run(`train-supernet --config ${writeSmallConfig(folder())} --run whole`);
      for (const file of ['metrics.jsonl', 'pool.json', 'step-00000060/state.json']) {
        const text = (name: string) => readFileSync(join(folder(), 'checkpoints', name, file), 'utf8');
        expect(text('small'), file).to.equal(text('whole'));
      }
    });
  }

  it('refuses another config on resume, with old and new value', async () => {
    await train('', { signal: { name: 'SIGINT', inStep: 12 } });
    const { code, stderr } = await train('--resume --set training.batch=4');
    expect(code).to.equal(2);
    expect(stderr).to.include('training.batch: 8 in the run, 4 now');
  });

  it('refuses a config.yaml that was edited or cut off since, by what the checkpoint says it was trained with', async () => {
    await train();
    const file = join(folder(), 'checkpoints', 'small', 'config.yaml');
    const whole = readFileSync(file, 'utf8');
    for (const [edited, line] of [
      [whole.replace(/learningRate: .*/, 'learningRate: 0.3'), /training\.learningRate: 0\.2 in the run, 0\.3 now/],
      [whole.replace('seed: 42', 'seed: 43'), /seed: 42 in the run, 43 now/],
      // Cut off, it is a config still, with other defaults.
      [whole.slice(0, whole.indexOf('engine:')), /engine\.onednn: false in the run, true now/],
    ] as const) {
      writeFileSync(file, edited);
      for (const words of ['train-supernet --run small --resume', 'search --run small --flops 60M']) {
        const { code, stderr } = await run(words);
        // Engine and search are free to a search.
        if (words.startsWith('search') && !edited.includes('engine:')) continue;
        expect(code, stderr).to.equal(2);
        expect(stderr)
          .to.match(line)
          .and.to.match(/step-00000060\/config\.yaml is the config that it was trained with/);
      }
    }
    writeFileSync(file, whole.replace(/(logging:\s+every:) \d+/, '$1 2'));
    expect((await run('train-supernet --run small --resume')).code).to.equal(0);
  });

  it('does not mix with a run that has lost its config.yaml', async () => {
    await train();
    const directory = join(folder(), 'checkpoints', 'small');
    rmSync(join(directory, 'config.yaml'));
    const before = readdirSync(directory);
    for (const words of [
      'train-supernet --run small --resume',
      `train-supernet --run small --config ${writeSmallConfig(folder())}`,
      'search --run small --flops 60M',
    ]) {
      const { code, stderr } = await run(words);
      expect(code).to.equal(4);
      expect(stderr).to.match(
        /small\/config\.yaml is missing, but the folder has checkpoints: .*step-00000060\/config\.yaml/,
      );
    }
    expect(readdirSync(directory)).to.deep.equal(before);
    copyFileSync(join(directory, 'step-00000060', 'config.yaml'), join(directory, 'config.yaml'));
    expect((await run('train-supernet --run small --resume')).code).to.equal(0);
  });

  it('lets logging change on resume, and keeps the change', async () => {
    await train('', { signal: { name: 'SIGINT', inStep: 12 } });
    const { code } = await run('train-supernet --run small --resume --set logging.every=30');
    expect(code).to.equal(0);
    const config = readFileSync(join(folder(), 'checkpoints', 'small', 'config.yaml'), 'utf8');
    expect(config).to.match(/logging:\n {2}every: 30/);
  });

  it('exits with 3 where training diverges, naming the step', async () => {
    const { code, stderr } = await train('', { divergeAt: 15 });
    expect(code).to.equal(3);
    expect(stderr).to.include('the loss is NaN in step 15').and.to.include('step-00000010');
  });

  it('exits with 4 where a folder cannot be made', async () => {
    writeFileSync(join(folder(), 'checkpoints'), 'a file');
    const { code, stderr } = await train();
    expect(code).to.equal(4);
    expect(stderr).to.match(/^greedynas: cannot create the folder [^\n]*\n$/);
  });

  it('exits with 5 where the run is in use, naming process and host', async () => {
    await train();
    const lock = await acquireLock(join(folder(), 'checkpoints', 'small'), 'use another --run');
    const { code, stderr } = await train('--resume');
    await lock.release();
    expect(code).to.equal(5);
    expect(stderr).to.include(`process ${process.pid} on `);
  });

  it('exits with the code of what failed before the run began, which can then be started', async () => {
    const failed = await train('', {
      failure: async () => new (await import('../../src/errors.ts')).GreedynasError('io', 'no network'),
    });
    expect(failed.code).to.equal(4);
    expect(failed.stderr).to.equal('greedynas: no network\n');
    expect((await train()).code).to.equal(0);
  });

  it('exits with 1 on anything unexpected, asks for a report, and shows where it was', async () => {
    const { code, stderr } = await train('', { failure: async () => new TypeError('x is not a function') });
    expect(code).to.equal(1);
    expect(stderr).to.include('this is a bug').and.to.include('TypeError: x is not a function').and.to.match(/ at /);
  });
});
