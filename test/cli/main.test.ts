import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { commands } from '../../src/cli/main.ts';
import { commandLine } from './command-line.ts';
import { writeSmallConfig } from './simulated-surroundings.ts';

describe('cli/main', () => {
  const { folder, run } = commandLine();

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
});
