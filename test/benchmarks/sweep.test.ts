import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseMethod } from '../../src/benchmarks/methods.ts';
import { openBenchmark } from '../../src/benchmarks/open-benchmark.ts';
import { runSweep, type SweepRequest } from '../../src/benchmarks/sweep.ts';
import { GreedynasError } from '../../src/errors.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';
import { realTable, realTables, writeSmall201 } from './tables.ts';

describe('runSweep', () => {
  const folder = temporaryFolder();
  const request = (changes: Partial<SweepRequest> = {}): SweepRequest => ({
    settings: {
      benchmark: 'nasbench201-cifar10',
      data: writeSmall201(folder()),
      budget: 30,
      untilOptimum: false,
      assess: false,
      scan: { kind: 'all' },
      units: 1000,
      top: 100,
      threads: 1,
    },
    budgets: [10, 30],
    methods: ['random', 'evolution'],
    seeds: 3,
    workers: 2,
    out: join(folder(), 'out'),
    onProgress: () => {},
    interrupted: () => false,
    ...changes,
  });
  /** The lines of the log without their seconds, sorted. */
  const trials = (out = join(folder(), 'out')): string[] =>
    readFileSync(join(out, 'trials.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.stringify({ ...JSON.parse(line), seconds: 0 }))
      .sort();

  it('gives the same trials again, with any number of workers, and after it was torn apart', async () => {
    const first = await runSweep(request());
    if (first.end !== 'complete') throw new Error('it must end');
    expect(first.result.summary.budgets.map(({ method, queries, trials }) => [method, queries, trials])).to.deep.equal([
      ['random', 10, 3],
      ['random', 30, 3],
      ['evolution', 10, 3],
      ['evolution', 30, 3],
    ]);
    const expected = trials();
    expect(expected).to.have.length(6);
    await runSweep(request({ out: join(folder(), 'again'), workers: 1 }));
    expect(trials(join(folder(), 'again'))).to.deep.equal(expected);

    const log = join(folder(), 'out', 'trials.jsonl');
    const lines = readFileSync(log, 'utf8').split('\n');
    writeFileSync(log, `${lines.slice(0, 2).join('\n')}\n${lines[2]!.slice(0, 20)}`);
    const done: number[] = [];
    const second = await runSweep(request({ onProgress: (progress) => done.push(progress.done) }));
    expect(done).to.deep.equal([3, 4, 5, 6]);
    expect(trials()).to.deep.equal(expected);
    if (second.end !== 'complete') throw new Error('it must end');
    expect({ ...second.result.summary, seconds: 0 }).to.deep.equal({ ...first.result.summary, seconds: 0 });
  });

  it('takes more seeds and methods later, and refuses another budget or table', async () => {
    await runSweep(request({ seeds: 1, methods: ['random'] }));
    const more = await runSweep(request({ seeds: 2, methods: ['local-search', 'random'], budgets: [5] }));
    expect(more.end === 'complete' && more.result.summary.budgets.map(({ method }) => method)).to.deep.equal([
      'local-search',
      'random',
    ]);
    expect(trials()).to.have.length(4);
    const { settings } = request();
    const other = await rejection(runSweep(request({ settings: { ...settings, budget: 31 } })));
    expect(other.code).to.equal('usage');
    expect(other.message).to.include('settings.json is of a sweep with other settings');
    const again = request();
    const file = join(folder(), 'nasbench201.csv');
    writeFileSync(file, readFileSync(file, 'utf8').split('\n').slice(0, 100).join('\n'));
    expect((await rejection(runSweep(again))).code).to.equal('usage');
  });

  it('stops between trials when asked to, and keeps what is finished', async () => {
    let stop = false;
    const outcome = await runSweep(
      request({
        workers: 1,
        onProgress: ({ done }) => {
          stop = done >= 2;
        },
        interrupted: () => stop,
        seeds: 400,
      }),
    );
    expect(outcome).to.include({ end: 'signal', total: 800 });
    expect(trials().length).to.be.within(2, 799);
  });

  it('names the line of a log that is no result, and passes on the errors of its workers', async () => {
    await runSweep(request({ seeds: 1, methods: ['random'] }));
    appendFileSync(join(folder(), 'out', 'trials.jsonl'), '{"method": "random"}\n');
    const damaged = await rejection(runSweep(request()));
    expect(damaged.code).to.equal('io');
    expect(damaged.message).to.include('trials.jsonl, line 2: is no result');
    const { settings } = request();
    const failed = await rejection(
      runSweep(request({ settings: { ...settings, threads: -1 }, methods: ['weaknas'], out: join(folder(), 'bad') })),
    );
    expect(failed.message).to.include('engine.threads: -1');
  });

  it('searches and assesses with predictors', async function () {
    // Two processes that load TensorFlow and fit the paper's perceptron: seconds, but many of them on a busy machine.
    this.timeout(240_000);
    const small = { ...request().settings, budget: 12 };
    const one = { seeds: 1, workers: 1, budgets: [12] };
    const found = await runSweep(
      request({ ...one, settings: small, methods: ['weaknas'], out: join(folder(), 'weak') }),
    );
    expect(found.end === 'complete' && found.result.summary.budgets[0]!.trials).to.equal(1);
    const settings = { ...small, assess: true };
    const assessed = await runSweep(
      request({ ...one, settings, methods: ['weaknas@40'], out: join(folder(), 'assess') }),
    );
    if (assessed.end !== 'complete') throw new Error('it must end');
    const [all] = assessed.result.summary.assessments;
    expect(all).to.include({ examples: 40, networks: 3 ** 6 - 40 });
    expect(all!.kendall.mean).to.be.above(0.4);
    expect(assessed.result.samples[0]!.points).to.have.length(3 ** 6 - 40);
    expect(assessed.result.curves).to.deep.equal([]);
    const narrow = await runSweep(
      request({ ...one, settings: { ...settings, units: 8 }, methods: ['weaknas@40'], out: join(folder(), 'narrow') }),
    );
    if (narrow.end !== 'complete') throw new Error('it must end');
    expect(narrow.result.summary.assessments[0]!.kendall.mean).to.not.equal(all!.kendall.mean);
  });
});

describe('parseMethod', () => {
  it('reads a name and what it begins with', () => {
    expect(parseMethod('weaknas')).to.deep.equal({ text: 'weaknas', name: 'weaknas', initial: null });
    expect(parseMethod('neural-predictor@50')).to.include({ name: 'neural-predictor', initial: 50 });
  });

  it('refuses anything else, and says what is allowed', () => {
    for (const text of ['weeknas', '', 'weaknas@2@3']) {
      expect(() => parseMethod(text))
        .to.throw(GreedynasError, /allowed are random, evolution/)
        .with.property('code', 'usage');
    }
    for (const text of ['random@5', 'weaknas@', 'weaknas@1', 'weaknas@2.5']) {
      expect(() => parseMethod(text), text).to.throw(GreedynasError, /whole number from 2/);
    }
  });
});

describe('openBenchmark', () => {
  const folder = temporaryFolder();

  it('says which file is missing and where it comes from', async () => {
    for (const [name, file] of [
      ['nasbench101', /no nasbench101\.csv\.gz.*nasbench_only108\.tfrecord/],
      ['nasbench201-cifar100', /no nasbench201\.csv\.gz/],
      ['macro', /no nas-bench-macro_cifar10\.json.*xiusu\/NAS-Bench-Macro/],
    ] as const) {
      const error = await rejection(openBenchmark(name, folder()));
      expect(error.code).to.equal('io');
      expect(error.message).to.match(file);
    }
  });

  it('opens NAS-Bench-Macro: 3,969 networks, every code found, commuting ones together', async function () {
    if (realTable('nas_bench_macro.json.gz') === null) this.skip();
    const macro = await openBenchmark('macro', realTables);
    expect(macro.rows).to.equal(3969);
    const row = macro.row(Number.parseInt('22212220', 3));
    expect(macro.describe(row)).to.equal('22212220');
    expect(macro.reported.values[row]).to.be.closeTo(93.127, 0.001);
    // Within a stage, after its first layer, identities commute: 2 3 3 layers.
    expect(macro.row(Number.parseInt('11101110', 3))).to.equal(macro.row(Number.parseInt('11110110', 3)));
    for (const genotype of macro.neighbours(macro.genotype(17))) expect(macro.row(genotype)).to.be.at.least(0);
  });
});
