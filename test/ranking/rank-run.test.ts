import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { takeStack } from '../../src/data/batches.ts';
import { canonicalPath, distinctCount } from '../../src/space/distinct.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { madeUpTable } from '../benchmarks/made-up-macro.ts';
import { createFakeSupernet, fedBatch } from '../training/fake-supernet.ts';
import { smallConfig, smallData, smallRun } from '../training/small-run.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';
import {
  resultOf,
  type SimulatedRanking,
  simulatedRanking,
  smallSpace as space,
  writeTable,
} from './simulated-ranking.ts';

describe('ranking/rank-run', () => {
  const folder = temporaryFolder();
  const rank = (asked?: SimulatedRanking) => simulatedRanking(folder(), asked);
  const file = (name: string, of: string) => join(folder(), 'small', 'rank', name, of);
  const lines = (name: string) => readFileSync(file(name, 'scores.jsonl'), 'utf8').trimEnd().split('\n');
  beforeEach(async () => {
    await smallRun(folder());
  });

  it('scores distinct networks once each and writes rank.json and scores.jsonl', async () => {
    const found = await rank();
    const result = resultOf(found);
    expect(JSON.parse(readFileSync(file('step-60-30', 'rank.json'), 'utf8'))).to.deep.equal(result);
    expect(result).to.include({
      run: 'small',
      step: 60,
      score: 'loss:10',
      against: 'top1:30',
      networks: 40,
      scored: 40,
    });
    expect(result).to.include({ distinct: '3969', evaluatedImages: 1200, diverged: 0, table: null });
    expect(found.scored).to.have.length(40);
    expect(new Set(found.scored).size).to.equal(40);
    expect(found.batches).to.deep.equal([5, 5]);
    expect(lines('step-60-30')).to.have.length(40);
    for (const { path } of result.ranked) {
      const parsed = parseGenotype(space, path);
      expect(canonicalPath(space, parsed)).to.deep.equal(parsed);
    }
    expect(found.progress.at(-1)).to.deep.equal({ scored: 40, total: 40 });
  });

  it('scores on the images that ranking and search take, and takes a score of fewer images from their beginning', async () => {
    const supernet = createFakeSupernet(space);
    const stacks: ImageBatch[] = [];
    const { loadStack } = supernet;
    supernet.loadStack = (name, batch) => {
      stacks.push(fedBatch(batch));
      loadStack(name, batch);
    };
    const result = resultOf(await rank({ supernet }));
    expect(stacks).to.deep.equal([takeStack(smallData.validation, 30, smallConfig.seed)]);
    const path = parseGenotype(space, result.ranked[0]!.path);
    const { losses, correct } = supernet.rank(path);
    const mean = losses.slice(0, 10).reduce((sum, loss) => sum + loss, 0) / 10;
    expect(result.ranked[0]!.score).to.be.closeTo(mean, 1e-6);
    const hits = correct.reduce((sum, hit) => sum + hit, 0);
    expect(result.ranked[0]!.truth).to.be.closeTo((100 * hits) / 30, 1e-9);
  });

  it('finds a perfect order perfect: the fake supernet loses what it gets right', async () => {
    const { supernet } = resultOf(await rank({ truth: { against: 'loss:30' } }));
    expect(supernet.overall.spearman.value).to.be.closeTo(1, 1e-9);
    expect(supernet).to.include({ overlap10: 1, regret: 0 });
  });

  it('ranks against the table, with the ceiling of its trainings and the best of all', async () => {
    const table = writeTable(folder());
    const truth = { benchmark: 'nas-bench-macro', table } as const;
    const result = resultOf(await rank({ truth, networks: 100 }));
    const published = madeUpTable();
    for (const { path, truth: accuracy, flops } of result.ranked) {
      const entry = published[parseGenotype(space, path).join('')]!;
      expect(accuracy).to.be.closeTo(entry.mean_acc, 1e-9);
      expect(flops).to.equal(entry.flops);
    }
    expect(result).to.include({ against: 'nas-bench-macro', table });
    expect(result.seeds!.overall.kendall.value).to.be.within(0.8, 0.99);
    expect(result.flops.overall.kendall.value).to.be.within(0.2, 0.9);
    const best = Math.max(...Object.values(published).map(({ mean_acc }) => mean_acc));
    expect(result.best.table!.truth).to.be.closeTo(best, 1e-9);
    expect(result.best.table!.regret).to.be.closeTo(best - result.best.predicted.truth, 1e-9);
    expect(result.best.true.truth).to.equal(Math.max(...result.ranked.map((network) => network.truth)));
    expect(result.supernet.regret).to.be.closeTo(result.best.true.truth - result.best.predicted.truth, 1e-9);
  });

  it('scores recalibrated where asked, each network recalibrated first', async () => {
    const supernet = createFakeSupernet(space);
    const recalibrated: string[] = [];
    const { recalibrate } = supernet;
    supernet.recalibrate = (path) => {
      recalibrated.push(path.join(''));
      recalibrate(path);
    };
    const found = await rank({ supernet, score: 'top1:recalibrated', networks: 20 });
    expect(found.scored).to.have.length(40);
    expect(found.scored.filter((each) => each.startsWith('recalibrated')).map((each) => each.slice(13))).to.deep.equal(
      recalibrated,
    );
    expect(resultOf(found).score).to.equal('top1:10:recalibrated');
  });

  describe('goes on where it was stopped', () => {
    it('by a crash or a signal anywhere, with nothing scored twice and the same figures', async () => {
      const whole = resultOf(await rank({ name: 'whole' }));
      for (const stop of [{ crashIn: 1 }, { crashIn: 17 }, { crashIn: 40 }, { signalIn: 0 }, { signalIn: 23 }]) {
        const name = JSON.stringify(stop).replace(/\W/g, '');
        const before = await rank({ name, ...stop });
        const after = await rank({ name });
        expect(before.outcome, name).to.not.have.property('result');
        expect([...before.scored, ...after.scored].sort(), name).to.deep.equal(
          [...new Set([...before.scored, ...after.scored])].sort(),
        );
        const { ranked, supernet } = resultOf(after);
        expect({ ranked, supernet }, name).to.deep.equal({ ranked: whole.ranked, supernet: whole.supernet });
      }
    });

    it('by a signal, and says how far it is', async () => {
      const { outcome } = await rank({ signalIn: 23 });
      expect(outcome).to.deep.equal({ end: 'signal', run: 'small', scored: 23, total: 40 });
    });

    it('after a torn line, which is scored again', async () => {
      const whole = resultOf(await rank());
      const log = file('step-60-30', 'scores.jsonl');
      writeFileSync(log, readFileSync(log, 'utf8').slice(0, -20));
      const after = await rank();
      expect(after.scored).to.have.length(1);
      expect(after.notices.join()).to.include('removed 1 lines');
      expect(resultOf(after).ranked).to.deep.equal(whole.ranked);
      expect(lines('step-60-30')).to.have.length(40);
    });

    it('past lines that are not of this space, damaged or of another number of batches', async () => {
      await rank({ networks: 5 });
      const path = parseGenotype(space, 'skip e3k3 skip skip skip skip skip skip').join('');
      appendFileSync(
        file('step-60-30', 'scores.jsonl'),
        ['{"path":"e9k9"}', 'null', `{"path":"${path}","statistics":"batch","losses":[1],"correct":[1]}`, ''].join(
          '\n',
        ),
      );
      const after = await rank({ networks: 5 });
      expect(after.scored).to.deep.equal([]);
      expect(after.notices.join()).to.include('removed 3 lines');
    });
  });

  it('uses what is there: more networks, another score, fewer images', async () => {
    await rank();
    const more = await rank({ networks: 60 });
    expect(more.scored).to.have.length(20);
    expect(more.notices.join()).to.include('40 of 60 scores are in');
    expect((await rank({ networks: 60, score: 'top1:30', truth: { against: 'loss:30' } })).scored).to.deep.equal([]);
    expect((await rank({ truth: { against: 'top1:15' } })).scored).to.deep.equal([]);
    expect(readdirSync(join(folder(), 'small', 'rank'))).to.deep.equal(['step-60-30']);
  });

  it('begins another folder for more images, another batch or another calibration', async () => {
    await rank({ truth: { against: 'top1:10' } });
    await rank();
    await rank({ batch: 2 });
    await rank({ overrides: ['search.calibrationImages=10', 'search.calibrationBatch=10'] });
    expect(readdirSync(join(folder(), 'small', 'rank')).sort()).to.deep.equal([
      'step-60-10',
      'step-60-30',
      'step-60-30-2',
      'step-60-30-3',
    ]);
  });

  it('ranks diverged networks last', async () => {
    const supernet = createFakeSupernet(space);
    const { rank: score } = supernet;
    supernet.rank = (path) => {
      const scores = score(path);
      return path[0] === 0 ? { ...scores, losses: scores.losses.map(() => Number.NaN) } : scores;
    };
    const result = resultOf(await rank({ supernet }));
    expect(result.diverged).to.be.within(5, 25);
    const diverged = result.ranked.filter(({ path }) => path.startsWith('skip'));
    expect(diverged).to.have.length(result.diverged);
    for (const { score: found } of diverged) expect(found).to.equal(null);
    expect(result.best.predicted.path.startsWith('skip')).to.equal(false);
    expect(result.supernet.overall.kendall.value).to.be.a('number');
  });

  it('is a function of the seed', async () => {
    const one = resultOf(await rank({ name: 'one' }));
    const two = resultOf(await rank({ name: 'two' }));
    expect({ ...two, directory: '' }).to.deep.equal({ ...one, directory: '' });
    const three = resultOf(await rank({ name: 'three', seed: 1 }));
    expect(three.ranked.map(({ path }) => path)).to.not.deep.equal(one.ranked.map(({ path }) => path));
  });

  describe('refuses', () => {
    const cases: [string, SimulatedRanking, string][] = [
      ['more images than are held out', { truth: { against: 'top1:35' } }, 'at most 30, which this run holds out'],
      ['images that no batch divides', { score: 'loss:12' }, 'a multiple of --batch (5)'],
      ['more networks than there are', { networks: 3970 }, `2 to ${distinctCount(space)}`],
      ['one network', { networks: 1 }, '--networks 1, allowed'],
      ['a score that is none', { score: 'speed' }, '--score "speed"'],
      ['keys that the run settles', { overrides: ['training.batch=4'] }, '--set training.batch=4'],
      ['a name that leaves the run', { name: '../mine' }, '--name "../mine"'],
    ];
    for (const [what, asked, message] of cases) {
      it(what, async () => {
        const error = await rejection(rank(asked));
        expect(error.code).to.equal('usage');
        expect(error.message).to.include(message);
        expect(existsSync(join(folder(), 'small', 'rank'))).to.equal(false);
      });
    }

    it('to go on with scores of other settings under the same name, saying what differs', async () => {
      await rank({ name: 'mine' });
      const error = await rejection(rank({ name: 'mine', batch: 2 }));
      expect(error.code).to.equal('usage');
      expect(error.message).to.include('batch: 5 there, 2 now').and.to.include('--name');
    });

    it('a config edited since training, unless in keys of the calibration', async () => {
      const config = join(folder(), 'small', 'config.yaml');
      const text = readFileSync(config, 'utf8');
      const smoothing = /"labelSmoothing":[^,}]+/;
      expect(text).to.match(smoothing);
      writeFileSync(config, text.replace(smoothing, '"labelSmoothing":0.3'));
      const error = await rejection(rank());
      expect(error.code).to.equal('usage');
      expect(error.message).to.include('labelSmoothing: ').and.to.include('0.3 now');
      expect(existsSync(join(folder(), 'small', 'rank'))).to.equal(false);
      writeFileSync(config, text);
      resultOf(await rank({ overrides: ['search.calibrationImages=24'] }));
    });

    it('a damaged settings file', async () => {
      await rank({ name: 'mine' });
      writeFileSync(file('mine', 'settings.json'), '{"images": 30}');
      const error = await rejection(rank());
      expect(error.code).to.equal('io');
      expect(error.message).to.include(file('mine', 'settings.json'));
    });

    it('a table that is not there, and a space that is not that of the table', async () => {
      const truth = { benchmark: 'nas-bench-macro', table: join(folder(), 'none.json') } as const;
      expect((await rejection(rank({ truth }))).message).to.include('cannot read the table');
      const space = { ...smallConfig.space, depths: [2, 2, 2] };
      await smallRun(folder(), { config: { ...smallConfig, space }, name: 'other' });
      const table = { benchmark: 'nas-bench-macro', table: writeTable(folder()) } as const;
      const error = await rejection(rank({ run: 'other', truth: table }));
      expect(error.message).to.include('it has 8 layers of skip, e3k3, e6k5');
    });
  });

  it('says where the networks are not quite those of the table', async () => {
    const space = { ...smallConfig.space, width: 0.5 };
    await smallRun(folder(), { config: { ...smallConfig, space }, name: 'narrow' });
    const truth = { benchmark: 'nas-bench-macro', table: writeTable(folder()) } as const;
    const { notices } = await rank({ run: 'narrow', truth });
    expect(notices.join()).to.include('differs from the benchmark');
  });
});
