import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pathLatency } from '../../src/space/cost.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { withLatency } from '../../src/space/latency.ts';
import { formatOwnTable } from '../../src/space/latency-own.ts';
import { findCheckpoint, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { createFakeSupernet } from '../training/fake-supernet.ts';
import { smallRun } from '../training/small-run.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';
import { resultOf, type SimulatedSearch, simulatedSearch, smallLatency, smallSpace } from './simulated-search.ts';

describe('search: resume', () => {
  const folder = temporaryFolder();
  let shared = '';
  let uninterrupted: readonly string[] = [];
  const root = (name: string) => join(name === 'whole' ? shared : folder(), name);
  const searches = (name: string) => join(root(name), 'small', 'search');
  const search = (name: string, asked?: SimulatedSearch) => simulatedSearch(root(name), asked);

  // A trained run, and the same with a search that nothing interrupted.
  before(async () => {
    shared = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
    mkdirSync(join(shared, 'original'));
    await smallRun(join(shared, 'original'));
    trained('whole');
    uninterrupted = (await search('whole')).evaluated;
    expect(uninterrupted.length).to.be.above(51);
  });
  after(() => rmSync(shared, { recursive: true, force: true }));

  /** A copy of the trained run below a root of its own. */
  function trained(name: string): void {
    rmSync(root(name), { recursive: true, force: true });
    cpSync(join(shared, 'original'), root(name), { recursive: true });
  }

  /** Every file of a search, the root taken out of the paths in it. */
  function content(name: string, searched = '60M'): Record<string, string> {
    const directory = join(searches(name), searched);
    const files = readdirSync(directory).sort();
    return Object.fromEntries(
      files.map((file) => [file, readFileSync(join(directory, file), 'utf8').replaceAll(root(name), '')]),
    );
  }

  /** Paths that were scored twice on the same images. 40 evaluations of evolution come first. */
  function scoredTwice(evaluated: readonly string[]): string[] {
    return evaluated.filter(
      (path, index) => evaluated.indexOf(path, index < 40 ? 0 : 40) < index && (index < 40 || index > 40),
    );
  }

  const points = [1, 9, 10, 11, 25, 39, 40, 41, 46, 52];
  for (const kind of ['signal', 'crash'] as const) {
    for (const point of points) {
      it(`after a ${kind} in evaluation ${point} ends to the bit as if nothing had been`, async () => {
        trained('cut');
        const first = await search('cut', kind === 'crash' ? { crashIn: point } : { signalIn: point });
        expect(first.outcome).to.deep.equal(
          kind === 'crash' ? 'crash' : { end: 'signal', run: 'small', name: '60M', saved: true },
        );
        expect(existsSync(join(searches('cut'), '60M', 'search.json'))).to.equal(false);
        const second = await search('cut', { resume: true });
        expect(resultOf(second).evaluated).to.equal(uninterrupted.length);
        expect([...first.evaluated, ...second.evaluated]).to.deep.equal(uninterrupted);
        expect(scoredTwice([...first.evaluated, ...second.evaluated])).to.deep.equal([]);
        expect(content('cut')).to.deep.equal(content('whole'));
        expect(Object.keys(content('cut'))).to.deep.equal([
          'comparison.jsonl',
          'population.jsonl',
          'search.json',
          'state.json',
        ]);
      });
    }
  }

  it('ends the same however often it was stopped', async () => {
    trained('cut');
    const evaluated = [...(await search('cut', { crashIn: 4 })).evaluated];
    for (let turn = 0; ; turn++) {
      const next = await search('cut', turn % 2 === 0 ? { resume: true, signalIn: 3 } : { resume: true, crashIn: 5 });
      evaluated.push(...next.evaluated);
      if (next.outcome !== 'crash' && next.outcome.end === 'complete') break;
    }
    expect(evaluated).to.deep.equal(uninterrupted);
    expect(content('cut')).to.deep.equal(content('whole'));
  });

  for (const overrides of [['search.comparisonImages=0'], ['search.randomBaseline=0'], ['search.objective=loss']]) {
    it(`ends the same with ${overrides}, which need not be given again`, async () => {
      trained('same');
      const same = await search('same', { overrides });
      for (const point of [12, same.evaluated.length]) {
        trained('cut');
        const first = await search('cut', { overrides, crashIn: point });
        const second = await search('cut', { resume: true });
        expect([...first.evaluated, ...second.evaluated]).to.deep.equal(same.evaluated);
        expect(content('cut')).to.deep.equal(content('same'));
      }
    });
  }

  for (const method of ['nsga2', 'regularized-evolution', 'random', 'weaknas', 'neural-predictor']) {
    it(`ends the same with ${method}, killed anywhere, and the method need not be given again`, async () => {
      trained('same');
      const same = await search('same', { method });
      expect(resultOf(same)).to.include({ method });
      expect(same.evaluated.slice(0, 40)).to.not.deep.equal(uninterrupted.slice(0, 40));
      for (const [index, point] of [1, 10, 11, 26, 40, 41, 50].entries()) {
        trained('cut');
        const stop = index % 2 === 0 ? { crashIn: point } : { signalIn: point };
        const first = await search('cut', { method, ...stop });
        const second = await search('cut', { resume: true });
        expect([...first.evaluated, ...second.evaluated], String(point)).to.deep.equal(same.evaluated);
        expect(scoredTwice(same.evaluated)).to.deep.equal([]);
        expect(content('cut'), String(point)).to.deep.equal(content('same'));
      }
    });
  }

  it('keeps its latency table: it goes on without the file, under its limit', async () => {
    const latencyTable = join(folder(), 'table.yaml');
    const table = formatOwnTable(smallSpace, smallLatency, {});
    const asked = { flops: null, latency: '8ms', latencyTable };
    trained('same');
    writeFileSync(latencyTable, table);
    const same = await search('same', asked);
    const { candidates, limits } = resultOf(same);
    expect(limits).to.deep.equal({ latency: 8 });
    expect(candidates).to.have.length(40);
    for (const { path, latency } of candidates) {
      const own = pathLatency(withLatency(smallSpace, smallLatency), parseGenotype(smallSpace, path));
      expect(latency).to.equal(own).and.to.be.at.most(8);
    }
    expect(candidates.some(({ latency }) => latency! > 7)).to.equal(true);
    trained('cut');
    const first = await search('cut', { ...asked, crashIn: 23 });
    rmSync(latencyTable);
    const second = await search('cut', { resume: true });
    expect([...first.evaluated, ...second.evaluated]).to.deep.equal(same.evaluated);
    expect(content('cut', '8ms')).to.deep.equal(content('same', '8ms'));
  });

  it('ends the same where the limits leave fewer paths than the evolution wants', async () => {
    trained('few');
    trained('cut');
    const flops = '9M';
    const few = await search('few', { flops });
    expect(resultOf(few).candidates.length).to.be.below(40);
    const first = await search('cut', { flops, crashIn: few.evaluated.length });
    const second = await search('cut', { resume: true });
    expect([...first.evaluated, ...second.evaluated]).to.deep.equal(few.evaluated);
    expect(content('cut', '9M')).to.deep.equal(content('few', '9M'));
  });

  it('repairs a torn, doubled, strange or missing log, and evaluates only what is nowhere', async () => {
    const damages: [string, (file: string) => void, number][] = [
      ['torn', (file) => truncateSync(file, readFileSync(file).length - 5), 1],
      ['without its last line end', (file) => truncateSync(file, readFileSync(file).length - 1), 1],
      ['garbage at the end', (file) => appendFileSync(file, '{"step":26,"genera'), 0],
      ['zeros at the end', (file) => appendFileSync(file, Buffer.alloc(300)), 0],
      ['a line twice', (file) => appendFileSync(file, `${readFileSync(file, 'utf8').split('\n')[3]}\n`), 0],
      [
        'a path twice',
        (file) => appendFileSync(file, `${readFileSync(file, 'utf8').split('\n')[3]!.replace(':4,', ':25,')}\n`),
        0,
      ],
      ['other costs', (file) => edit(file, (text) => text.replace(/("step":22,.*"flops":)\d+/, '$11')), 3],
      ['null', (file) => appendFileSync(file, 'null\n'), 0],
      ['deleted', (file) => rmSync(file), 4],
    ];
    for (const [name, damage, again] of damages) {
      trained('cut');
      const first = await search('cut', { crashIn: 25 });
      damage(join(searches('cut'), '60M', 'population.jsonl'));
      const second = await search('cut', { resume: true });
      const kept = first.evaluated.slice(0, 24 - again);
      expect([...kept, ...second.evaluated], name).to.deep.equal(uninterrupted);
      expect(content('cut'), name).to.deep.equal(content('whole'));
    }
  });

  it('repairs the log of the comparison', async () => {
    trained('cut');
    await search('cut', { crashIn: 47 });
    const file = join(searches('cut'), '60M', 'comparison.jsonl');
    truncateSync(file, readFileSync(file).length - 3);
    const second = await search('cut', { resume: true });
    expect(second.evaluated).to.deep.equal(uninterrupted.slice(45));
    expect(second.notices.join('\n')).to.include('removed 1 lines of comparison.jsonl');
    expect(content('cut')).to.deep.equal(content('whole'));
  });

  it('clears away files that a crash left half written', async () => {
    trained('cut');
    await search('cut', { crashIn: 15 });
    writeFileSync(join(searches('cut'), '60M', '.tmp-99-state.json'), 'torn');
    await search('cut', { resume: true });
    expect(readdirSync(join(searches('cut'), '60M')).filter((file) => file.startsWith('.'))).to.deep.equal([]);
  });

  it('cuts out what is not cut out yet, without an evaluation or a supernet', async () => {
    const overrides = ['search.subnets=3'];
    trained('three');
    await search('three', { overrides });
    trained('cut');
    const failed = await search('cut', { overrides, cutFailure: new Error('disk') }).catch((error: Error) => error);
    expect(failed).to.be.an('error');
    const stopped = await search('cut', { resume: true, signalInCut: 2 });
    expect(stopped.outcome).to.include({ end: 'signal', saved: true });
    expect(stopped.cut).to.have.length(2);
    const supernet = createFakeSupernet(smallSpace);
    supernet.restore = () => expect.fail('restored');
    const last = await search('cut', { resume: true, supernet });
    expect(last.cut.map(({ directory }) => directory)).to.deep.equal([join(root('cut'), 'small', 'subnets', '60M-3')]);
    expect(stopped.evaluated).to.deep.equal([]);
    expect(last.evaluated).to.deep.equal([]);
    expect(resultOf(last).subnets).to.have.length(3);
    expect(content('cut')).to.deep.equal(content('three'));
  });

  it('says that a search has ended, and gives its result again', async () => {
    trained('done');
    const first = await search('done');
    const before = content('done');
    const again = await search('done', { resume: true });
    expect(again.outcome).to.deep.equal({ end: 'complete', before: true, result: resultOf(first) });
    expect(again.evaluated).to.deep.equal([]);
    expect(content('done')).to.deep.equal(before);
    const file = join(searches('done'), '60M', 'search.json');
    const { method, objectives, front, ...old } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify(old));
    const known = resultOf(await search('done', { resume: true }));
    expect(known, 'of 0.1.0').to.deep.equal({ ...resultOf(first), method: 'evolution', front: [] });
    expect([method, objectives]).to.deep.equal(['evolution', ['error', 'flops']]);
    expect(front).to.have.length.above(0);
    writeFileSync(file, '{"run":');
    const error = await rejection(search('done', { resume: true }));
    expect(error.code).to.equal('io');
    expect(error.message).to.include('search.json');
  });

  it('goes on with the search that was worked on last, one that has not ended before one that has', async () => {
    trained('many');
    await search('many', { name: 'a', crashIn: 5 });
    await search('many', { name: 'b', crashIn: 5 });
    await search('many', { name: 'c' });
    // Clocks of file systems are coarse.
    for (const [index, name] of ['b', 'a', 'c'].entries()) {
      utimesSync(join(searches('many'), name, 'state.json'), 1e9 + index, 1e9 + index);
    }
    const names = [];
    for (let turn = 0; turn < 3; turn++) {
      const { directory } = resultOf(await search('many', { resume: true }));
      names.push(directory.at(-1));
    }
    expect(names.slice(0, 2)).to.deep.equal(['a', 'b']);
    expect(resultOf(await search('many', { resume: true, name: 'c' })).directory).to.match(/c$/);
  });

  describe('is refused', () => {
    beforeEach(() => {
      trained('cut');
    });

    const refused = async (asked: SimulatedSearch, code: string, ...parts: string[]) => {
      const state = () => readdirSync(searches('cut')).map((name) => content('cut', name));
      const before = state();
      const error = await rejection(search('cut', { resume: true, ...asked }));
      expect(error.code, error.message).to.equal(code);
      for (const part of parts) expect(error.message).to.include(part);
      expect(state(), 'nothing was touched').to.deep.equal(before);
    };

    it('with another limit', async () => {
      await search('cut', { crashIn: 15 });
      await refused({ flops: '50M' }, 'usage', 'limits.flops: 60000000 in the search, 50000000 now', '--name');
    });

    it('with other settings, by --set or in the config of the run', async () => {
      const overrides = ['search.generations=3'];
      await search('cut', { crashIn: 15, overrides });
      const population = 'search.topK: 4 in the search, 5 now';
      await refused({ overrides: ['search.topK=5'] }, 'usage', population);
      await refused({ overrides: ['search.generations=4'] }, 'usage', 'search.generations: 3 in the search, 4 now');
      const config = join(root('cut'), 'small', 'config.yaml');
      edit(config, (text) => text.replace('"topK":4', '"topK":5'));
      await refused({}, 'usage', population);
      // Taken back:
      resultOf(await search('cut', { resume: true, overrides: ['search.topK=4'] }));
    });

    it('with another checkpoint', async () => {
      rmSync(root('cut'), { recursive: true });
      mkdirSync(root('cut'));
      await smallRun(root('cut'), { stopIn: 29 });
      await search('cut', { crashIn: 15 });
      await smallRun(root('cut'), { resume: true });
      await refused({}, 'usage', 'checkpoint.step: 30 in the search, 60 now');
    });

    it('with other weights of the same step', async () => {
      await search('cut', { crashIn: 15 });
      const run = join(root('cut'), 'small');
      const { checkpoint } = await findCheckpoint(run);
      const other = createFakeSupernet(smallSpace);
      other.initialise(7);
      const save = (seconds: number, saveWeights: (prefix: string) => void) =>
        saveCheckpoint({
          runDirectory: run,
          state: checkpoint!.state,
          seconds: { ...checkpoint!.seconds, train: seconds },
          saveWeights,
          texts: { 'pool.json': readFileSync(join(run, 'pool.json'), 'utf8') },
          keep: 2,
        });
      const same = createFakeSupernet(smallSpace);
      same.restore(checkpoint!.weightsPrefix);
      await save(3, (prefix) => other.save(prefix));
      await refused({}, 'usage', 'checkpoint.sha256: ');
      // The same run trained again, slower, is the same.
      await save(99, (prefix) => same.save(prefix));
      resultOf(await search('cut', { resume: true }));
    });

    it('where its state is damaged or newer', async () => {
      await search('cut', { crashIn: 15 });
      const file = join(searches('cut'), '60M', 'state.json');
      const good = readFileSync(file, 'utf8');
      for (const [bad, reason] of [
        ['', 'is not JSON'],
        [good.slice(0, 100), 'is not JSON'],
        [good.replace('"top1":0.', '"top1":0.1'), 'SHA-256'],
        ['[]', 'SHA-256'],
        [good.replace('"format":2', '"format":3'), 'update greedynas'],
        [sealed(good, (state) => ({ ...state, phase: 'unknown' })), 'wrong at "phase"'],
        [sealed(good, (state) => ({ ...state, exploration: [] })), 'state of the evolution'],
        [sealed(good, (state) => ({ ...state, comparison: 3 })), 'state of the comparison'],
      ] as const) {
        writeFileSync(file, bad);
        const error = await rejection(search('cut', { resume: true }));
        expect(error.code, reason).to.equal('io');
        expect(error.message).to.include(reason);
        if (!reason.startsWith('state')) expect(error.message).to.include('state.json');
      }
    });

    it('where there is none, naming those there are', async () => {
      let error = await rejection(search('cut', { resume: true }));
      expect(error.code).to.equal('usage');
      expect(error.message).to.include('run "small" has no search to resume (it has none)').and.to.include('--flops');
      await search('cut', { name: 'mine', crashIn: 3 });
      error = await rejection(search('cut', { resume: true, name: 'yours' }));
      expect(error.message).to.include('has no search "yours" to resume (there are: mine)');
      expect((await rejection(search('cut', { resume: true, name: '../mine' }))).code).to.equal('usage');
    });
  });

  it('allows another number of threads, and says what that may do', async () => {
    trained('cut');
    await search('cut', { crashIn: 15 });
    const { outcome, notices } = await search('cut', { resume: true, overrides: ['engine.threads=2'] });
    expect(outcome).to.include({ end: 'complete' });
    expect(notices.join('\n')).to.include('engine.threads: 1 in the search, 2 now').and.to.include('last bits');
  });

  it('goes on from what was saved: another value there, another outcome', async () => {
    const edits: ((state: State) => void)[] = [
      ({ exploration }) => {
        exploration.stream.i = (exploration.stream.i + 1) % 256;
      },
      ({ exploration }) => {
        exploration.evaluated[0]!.top1 = 1;
      },
      ({ exploration }) => {
        exploration.population.reverse();
      },
    ];
    for (const change of edits) {
      trained('cut');
      await search('cut', { crashIn: 21 });
      const file = join(searches('cut'), '60M', 'state.json');
      const alter = (state: State): State => {
        change(state);
        return state;
      };
      edit(file, (text) => sealed(text, alter));
      const second = await search('cut', { resume: true });
      expect(second.evaluated).to.not.deep.equal(uninterrupted.slice(20));
    }
  });

  it('is not begun over by the same name, and a new one gets a name of its own', async () => {
    trained('cut');
    await search('cut', { crashIn: 15 });
    const error = await rejection(search('cut', { name: '60M' }));
    expect(error.message).to.include('--resume');
    await search('cut');
    expect(readdirSync(searches('cut')).sort()).to.deep.equal(['60M', '60M-2']);
  });

  it('adds up the wall time of all processes', async () => {
    trained('cut');
    await search('cut', { signalIn: 25, secondsEach: 2 });
    const second = await search('cut', { resume: true, secondsEach: 4 });
    expect(resultOf(second).seconds).to.equal(2 * 25 + 4 * second.evaluated.length);
  });
});

interface State {
  [key: string]: unknown;
  exploration: { stream: { i: number }; evaluated: { top1: number }[]; population: unknown[] };
}

/** state.json with another state, and its right SHA-256. */
function sealed(text: string, change: (state: State) => unknown): string {
  const { format, search } = JSON.parse(text) as { format: number; search: State };
  const changed = change(search);
  const sha256 = createHash('sha256').update(JSON.stringify(changed)).digest('hex');
  return JSON.stringify({ format, sha256, search: changed });
}

function edit(file: string, change: (text: string) => string): void {
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`the edit of ${file} changed nothing`);
  writeFileSync(file, after);
}
