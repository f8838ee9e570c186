import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { listSteps } from '../../src/training/checkpoint.ts';
import { commandLine } from './command-line.ts';
import type { Simulation } from './simulated-surroundings.ts';

describe('cli/search', () => {
  const { folder, run, train } = commandLine();

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
