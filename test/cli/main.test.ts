import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { commands } from '../../src/cli/main.ts';
import { acquireLock } from '../../src/storage/lock.ts';
import { listSteps } from '../../src/training/checkpoint.ts';
import { writeSmall201 } from '../benchmarks/tables.ts';
import { temporaryFolder } from '../training/temporary.ts';
import { greedynas, type Simulation, writeSmallConfig } from './simulated-surroundings.ts';

describe('cli/main', () => {
  const folder = temporaryFolder();
  const run = (line: string, simulation?: Simulation) =>
    greedynas(
      folder(),
      line.split(' ').filter((word) => word !== ''),
      simulation,
    );
  const train = (more = '', simulation?: Simulation) =>
    run(`train-supernet --config ${writeSmallConfig(folder())} --run small ${more}`, simulation);

  describe('help', () => {
    // To renew after a wanted change: UPDATE_SNAPSHOTS=1 npx mocha test/cli/main.test.ts
    const cases = [['greedynas', '--help'], ...commands.map(({ name }) => [name, `${name} --help`])];
    for (const [name, line] of cases) {
      it(`of ${name} is as it was`, async () => {
        const path = new URL(`help/${name}.txt`, import.meta.url);
        const { code, stdout, stderr } = await run(line!);
        expect(code).to.equal(0);
        expect(stderr).to.equal('');
        if (process.env.UPDATE_SNAPSHOTS === '1') {
          writeFileSync(path, stdout);
        }
        expect(stdout).to.equal(readFileSync(path, 'utf8'));
      });
    }

    it('of every command has examples and says which files it writes', async () => {
      for (const { name, examples } of commands) {
        const { stdout } = await run(`${name} --help`);
        expect(examples.length, name).to.be.above(0);
        expect(stdout)
          .to.match(/Examples:/)
          .and.to.match(/Writes/)
          .and.to.match(/--json/);
      }
    });

    it('comes to standard error with exit code 2 where no command is given', async () => {
      const { code, stdout, stderr } = await run('');
      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.include('greedynas <command>');
    });
  });

  describe('--version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

    it('prints the version of package.json and nothing else', async () => {
      expect(version).to.match(/^\d+\.\d+\.\d+/);
      expect(await run('--version')).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
    });

    it('is what the installed program answers, from any folder', () => {
      const program = fileURLToPath(new URL('../../src/cli/greedynas.js', import.meta.url));
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--version'], {
        cwd: folder(),
        encoding: 'utf8',
      });
      expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: `${version}\n`, stderr: '' });
    });

    it('belongs to the program, not to a command', async () => {
      const { code, stderr } = await run('space --version');
      expect(code).to.equal(2);
      expect(stderr).to.include('space has no flag --version');
    });
  });

  describe('usage errors are one line and exit code 2', () => {
    const cases: [string, RegExp][] = [
      ['trian-supernet', /no command "trian-supernet"\. Did you mean train-supernet\?/],
      ['nonsense', /no command "nonsense"\. The commands are/],
      ['search --flop 330M', /search has no flag --flop\. Did you mean --flops\?/],
      ['train-supernet --steps 5', /train-supernet has no flag --steps/],
      ['train-supernet -x', /has no flag --x/],
      ['search', /no limit: give --flops, --params or --latency, or --flops none/],
      ['search --flops 1M --method bayes', /method.*Choices: "evolution", "nsga2"/],
      ['search --params lots', /parameters: "lots", allowed: .*5M/],
      ['search --latency 80', /latency: "80", allowed: .*80ms/],
      ['search --flops', /Not enough arguments following: flops/],
      ['search --flops=', /--flops needs a value/],
      ['search --flops 1M --flops 2M', /--flops was given 2 times/],
      ['space extra', /space does not take "extra", allowed: describe/],
      ['evaluate --subnet x --split train', /split.*Choices: "validation", "test"/],
      ['train-supernet --run ../x', /"\.\.\/x" is no run name/],
      ['train-supernet --config missing.yaml', /missing\.yaml/],
      ['train-supernet --set training.stpes=5', /training\.stpes/],
      ['search --list --flops 330M', /--list is of a search that has ended: give it without --flops/],
      ['search --pick best --resume', /--pick is of a search that has ended: give it without --resume/],
      ['search --list --pick best', /--list .* without --pick/],
      ['search --list', /no run in .*there are no runs yet/],
      ['search --pick best', /no run in .*there are no runs yet/],
      ['search --flops 330M', /no run in .*there are no runs yet/],
      ['search --flops much', /much/],
      ['search --resume', /no run in .*there are no runs yet/],
      ['train-supernet --resume', /no run "default"/],
      ['retrain', /Missing required argument: subnet/],
      ['retrain --resume', /no retraining in .*there are none yet/],
      ['space --preset mobilenet-8', /mobilenet-8.*mobilenet-7/],
      ['space --preset mobilenet-7 --set seed=1', /give it alone/],
      ['space --preset mobilenet-7 --svg x.svg', /--svg is of one network/],
      ['space --out x.yaml', /--out goes with --measure/],
      ['space --measure --batch 0', /--batch "0", allowed: a whole number from 1/],
      ['space describe', /space describe needs a network/],
      ['space describe GreedyNAS-B --preset nas-bench-macro', /21 tokens|token 0 is "e3k5se"/],
    ];
    for (const [line, message] of cases) {
      it(line, async () => {
        const config = writeSmallConfig(folder());
        const given = line.includes('--set training') ? `${line} --config ${config}` : line;
        const { code, stdout, stderr } = await run(given);
        expect(stderr).to.match(message);
        expect(stderr).to.match(/^greedynas: [^\n]*\n$/);
        expect(code).to.equal(2);
        expect(stdout).to.equal('');
      });
    }
  });

  describe('train-supernet', () => {
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

  describe('search', () => {
    it('searches the newest run and prints a table and the comparison', async () => {
      await train();
      const { code, stdout } = await run('search --flops 60M --data data');
      expect(code).to.equal(0);
      const lines = stdout.split('\n');
      expect(lines[0]).to.match(/^ *# +top-1 +loss +FLOPs +params +path$/);
      expect(stdout)
        .to.include('On 10 held-out images that did not choose it, the best path has a top-1 of')
        .and.to.include('of 12 random paths under the same limit')
        .and.to.include('Next: greedynas evaluate');
      expect(existsSync(join(folder(), 'checkpoints', 'small', 'search', '60M', 'search.json'))).to.equal(true);
    });

    it('with --json prints what search.json holds', async () => {
      await train();
      const { stdout } = await run('search --flops 0.06G --json --name mine --set search.generations=2');
      const printed = JSON.parse(stdout);
      expect(printed).to.deep.equal(JSON.parse(readFileSync(join(printed.directory, 'search.json'), 'utf8')));
      expect(printed.candidates).to.have.length(20);
    });

    for (const [name, expected] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      it(`on ${name} finishes the path, saves, exits with ${expected}, and --resume ends as if nothing had been`, async () => {
        await train();
        const stopped = await run('search --flops 60M --json', { searchSignal: { name, inEvaluation: 17 } });
        expect(stopped.code).to.equal(expected);
        expect(stopped.stdout).to.equal('');
        expect(stopped.stderr)
          .to.include(`${name}: finishing the path and saving`)
          .and.to.include('go on with "greedynas search --resume --run small --name 60M"');
        const resumed = await run('search --resume --run small --name 60M --json');
        expect(resumed.code, resumed.stderr).to.equal(0);
        expect(resumed.stderr).to.include('resuming search 60M of run small');
        const whole = await run('search --flops 60M --json --name whole');
        expect(resumed.stdout).to.equal(whole.stdout.replaceAll('whole', '60M'));
      });
    }

    it('says so where a search has ended, and prints its result again', async () => {
      await train();
      const first = await run('search --flops 60M');
      const again = await run('search --resume');
      expect(again.code).to.equal(0);
      expect(again.stderr).to.include('has ended');
      expect(again.stdout).to.equal(first.stdout);
    });

    describe('that has ended', () => {
      const cutInto: string[] = [];
      const onCut: Simulation['onCut'] = async ({ directory, step, candidate }) => {
        expect(step).to.be.above(0);
        expect(candidate.top1).to.be.above(0);
        mkdirSync(directory, { recursive: true });
        cutInto.push(basename(directory));
      };
      beforeEach(async () => {
        cutInto.length = 0;
        await train();
        await run('search --flops 60M --set search.subnets=0');
      });

      it('shows candidates with their ids and the front by --list, everything by --json', async () => {
        const { code, stdout, stderr } = await run('search --list');
        expect(code, stderr).to.equal(0);
        expect(stdout)
          .to.match(/^Search 60M of run small: the best 20 of \d+ candidates\n *id +top-1 .* front +path\n/)
          .and.to.match(/The front of error against flops \(\d+ of them\)/);
        const listed = JSON.parse((await run('search --list --json --run small --name 60M')).stdout);
        const { candidates, front, frontIds } = listed;
        expect(frontIds.map((id: number) => candidates[id - 1])).to.deep.equal(front);
      });

      it('is found under the name that its run has now', async () => {
        renameSync(join(folder(), 'checkpoints', 'small'), join(folder(), 'checkpoints', 'renamed'));
        const listed = JSON.parse((await run('search --list --json')).stdout);
        expect(listed.run).to.equal('renamed');
        expect(listed.directory).to.match(/checkpoints\/renamed\/search\/60M$/);
        expect(listed.checkpoint).to.match(/checkpoints\/renamed\/step-00000060$/);
        expect((await run('search --list')).stdout).to.include('search --run renamed --name 60M --pick');
      });

      it('cuts by --pick what is not there yet, and says which were', async () => {
        const first = await run('search --pick 3,best', { onCut });
        expect(first.code, first.stderr).to.equal(0);
        expect(cutInto).to.deep.equal(['60M-3', '60M-1']);
        const again = await run('search --pick best,2 --json', { onCut });
        expect(cutInto).to.deep.equal(['60M-3', '60M-1', '60M-2']);
        const { subnets } = JSON.parse(again.stdout);
        expect(subnets.map(({ id, before }: { id: number; before: boolean }) => [id, before])).to.deep.equal([
          [1, true],
          [2, false],
        ]);
      });

      it('refuses picks that mean nothing, searches that are not there, and a checkpoint that is gone or another', async () => {
        const refused = async (words: string): Promise<string> => {
          const { code, stderr } = await run(`search ${words}`, { onCut });
          expect(code, stderr).to.equal(2);
          return stderr;
        };
        expect(await refused('--pick worst')).to.match(/--pick "worst", allowed: best, knee, flops<300M/);
        expect(await refused('--list --name other')).to.match(/no finished search "other" \(there are: 60M\)/);
        const state = join(folder(), 'checkpoints', 'small', 'search', '60M', 'state.json');
        const whole = readFileSync(state, 'utf8');
        const { format, search } = JSON.parse(whole);
        search.checkpoint.sha256 = 'other';
        const sha256 = createHash('sha256').update(JSON.stringify(search)).digest('hex');
        writeFileSync(state, JSON.stringify({ format, sha256, search }));
        expect(await refused('--pick best')).to.match(/step-\d+ holds others by now/);
        writeFileSync(state, whole);
        const steps = await listSteps(join(folder(), 'checkpoints', 'small'));
        for (const step of steps) {
          rmSync(join(folder(), 'checkpoints', 'small', `step-${String(step).padStart(8, '0')}`), { recursive: true });
        }
        expect(await refused('--pick best')).to.match(/searched the weights of step \d+ .* is gone/);
        expect(cutInto).to.deep.equal([]);
      });

      it('is not taken for one that has been stopped', async () => {
        await run('search --flops 60M --name half', { searchSignal: { name: 'SIGINT', inEvaluation: 3 } });
        const { code, stderr } = await run('search --list --name half');
        expect(code).to.equal(2);
        expect(stderr).to.include('has not ended: go on with "greedynas search --resume --run small --name half"');
        expect((await run('search --list')).stdout).to.include('Search 60M of run small');
      });
    });

    describe('beside one whose state is damaged', () => {
      const stateOf = (name: string) => join(folder(), 'checkpoints', 'small', 'search', name, 'state.json');
      const damage = (name: string, minutes: number): void => {
        writeFileSync(stateOf(name), readFileSync(stateOf(name), 'utf8').replace('"subnets":', '"subnet":'));
        const time = Date.now() / 1000 + 60 * minutes;
        utimesSync(stateOf(name), time, time);
      };
      beforeEach(async () => {
        await train();
        await run('search --flops 60M --name broken', { searchSignal: { name: 'SIGINT', inEvaluation: 3 } });
      });

      it('is listed, and says what was passed over', async () => {
        await run('search --flops 60M --name good --set search.subnets=0');
        damage('broken', 5);
        for (const words of ['search --list', 'search --list --name good']) {
          const { code, stdout, stderr } = await run(words);
          expect(code, stderr).to.equal(0);
          expect(stdout).to.include('Search good of run small');
          expect(stderr).to.match(/^passed over a search: \S*broken\/state\.json: has another SHA-256 .*\n$/);
        }
        const named = await run('search --list --name broken');
        expect(named.code).to.equal(4);
        expect(named.stderr).to.include('broken/state.json: has another SHA-256');
      });

      it('goes on, unless the damaged one was worked on later and may have been meant', async () => {
        await run('search --flops 60M --name good --set search.subnets=0', {
          searchSignal: { name: 'SIGINT', inEvaluation: 3 },
        });
        damage('broken', 5);
        const unclear = await run('search --resume');
        expect(unclear.code).to.equal(4);
        expect(unclear.stderr).to.match(/broken\/state\.json: .*; or say with --name which other search to go on with/);
        damage('broken', -5);
        const { code, stdout, stderr } = await run('search --resume --json');
        expect(code, stderr).to.equal(0);
        expect(JSON.parse(stdout).directory).to.match(/good$/);
        expect(stderr).to.include('passed over a search: ');
      });

      it('is the error itself where there is no other', async () => {
        damage('broken', 0);
        for (const words of ['search --list', 'search --resume', 'search --resume --name broken']) {
          const { code, stderr } = await run(words);
          expect(code).to.equal(4);
          expect(stderr).to.include('broken/state.json: has another SHA-256');
        }
      });
    });

    it('refuses to resume under another limit, with old and new value', async () => {
      await train();
      await run('search --flops 60M', { searchSignal: { name: 'SIGINT', inEvaluation: 3 } });
      const { code, stderr } = await run('search --resume --flops 0.05G');
      expect(code).to.equal(2);
      expect(stderr).to.include('limits.flops: 60000000 in the search, 50000000 now');
    });

    it('says within which FLOPs a limit makes sense', async () => {
      await train();
      const { code, stderr } = await run('search --flops 1');
      expect(code).to.equal(2);
      expect(stderr).to.match(/\d+ \(smallest\) to \d+ \(largest\) FLOPs/);
    });

    it('lets only search settings change', async () => {
      await train();
      const { code, stderr } = await run('search --flops 60M --set seed=3');
      expect(code).to.equal(2);
      expect(stderr).to.include('--set seed=3');
    });
  });

  it('evaluate prints loss and accuracy', async () => {
    const { code, stdout } = await run('evaluate --subnet somewhere --split test');
    expect(code).to.equal(0);
    expect(stdout).to.equal('Path: e3k3 skip\n20 test images: loss 1.250000, top-1 50.00 %, top-5 90.00 %\n');
    const json = await run('evaluate --subnet somewhere --json');
    expect(JSON.parse(json.stdout)).to.include({ split: 'validation', loss: 1.25 });
  });

  it('predict measures methods on a table, writes its files, and goes on where it stopped', async () => {
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

  it('predict refuses what it cannot do, in one line', async () => {
    const cases: [string, RegExp][] = [
      ['predict --benchmark nasbench301 --method random', /benchmark.*nasbench301/],
      ['predict --benchmark macro --method randon', /--method randon: allowed are random, evolution/],
      ['predict --benchmark macro --method random --budget ten', /--budget ten: allowed are whole numbers from 1/],
      ['predict --benchmark macro --method random --seeds 0', /--seeds 0: allowed/],
      ['predict --benchmark macro --method random --assess', /--assess: random has no predictor/],
      ['predict --benchmark macro --method weaknas --assess --until-optimum', /--assess does not search/],
      ['predict --benchmark macro --method weaknas --scan some', /--scan some: allowed/],
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

  it("space prints the paper's space", async () => {
    const { code, stdout } = await run('space --preset mobilenet-7');
    expect(code).to.equal(0);
    expect(stdout).to.include('Paths: 558545864083284007').and.to.include('stage5_0');
    const { layers, paths } = JSON.parse((await run('space --preset nas-bench-macro --json')).stdout);
    expect(layers).to.have.length(8);
    expect(paths).to.equal('6561');
  });

  it('space --measure prints the table, and writes one that search reads', async () => {
    const config = writeSmallConfig(folder());
    const out = join(folder(), 'table.yaml');
    const { code, stdout, stderr } = await run(`space --measure --config ${config} --out ${out} --repeats 3`);
    expect(code).to.equal(0);
    expect(stderr).to.include('batch 1, 3 rounds after 5');
    expect(stdout).to.include('Paths: 13ms to 13ms').and.to.include('9.1 % off on average');
    await train();
    const found = await run(`search --run small --latency 13ms --latency-table ${out}`);
    expect(found.code).to.equal(0);
    expect(found.stdout)
      .to.match(/latency {2}path/)
      .and.to.include('13ms');
    const json = await run(`search --run small --flops none --method nsga2 --latency-table ${out} --json`);
    const { front, candidates, method, limits } = JSON.parse(json.stdout);
    expect({ method, limits }).to.deep.equal({ method: 'nsga2', limits: {} });
    expect(front.length).to.be.within(1, 40);
    expect(candidates[0]).to.include({ latency: 13 });
    const impossible = await run(`search --run small --latency 12ms --latency-table ${out}`);
    expect(impossible.code).to.equal(2);
    expect(impossible.stderr).to.include('13 (smallest) to 13 (largest) ms of latency');
    const without = await run('search --run small --latency 12ms');
    expect(without.code).to.equal(2);
    expect(without.stderr).to.include('--latency-table');
  });

  it('space takes the space of a config', async () => {
    const { stdout } = await run(`space --json --config ${writeSmallConfig(folder())}`);
    expect(JSON.parse(stdout).space).to.equal('nas-bench-macro');
  });

  describe('rank', () => {
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
});
