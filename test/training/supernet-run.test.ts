import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { takeStack } from '../../src/data/batches.ts';
import { pathFlops } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { listSteps } from '../../src/training/checkpoint.ts';
import { smallConfig, smallData, smallRun } from './small-run.ts';
import { rejection, temporaryFolder } from './temporary.ts';

/** Files that name moments and processes, hold measured times, or the hashes of these. */
const measured = ['run.json', 'cost.json', 'seconds.json', 'manifest.json'];

/** Every file that a run leaves, by its path, but the measured ones. */
function outcome(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !measured.includes(entry.name)) {
      files[path.slice(directory.length + 1)] = readFileSync(path, 'utf8');
    }
  }
  return files;
}

/** Without the config of the run, and that of each checkpoint. */
function withoutConfig(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !/(^|\/)config\.yaml$/.test(name)));
}

function metricsOf(directory: string): Record<string, number>[] {
  const lines = readFileSync(join(directory, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

interface Saved {
  ledger: { optimised: number; evaluated: number };
  skipped: { total: number; inRow: number };
  window: { steps: number; images: number; loss: number; correct: number; fromPool: number };
  sampler: { queue: unknown[]; pool: { paths: { loss: number }[] }; stream: { i: number } };
}

/** Puts another state into a checkpoint, with hashes that fit. */
function replaceState(directory: string, text: string): void {
  const path = join(directory, 'manifest.json');
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(path, 'utf8'));
  const sha = (value: string) => createHash('sha256').update(value).digest('hex');
  manifest.files['state.json'] = { bytes: Buffer.byteLength(text), sha256: sha(text) };
  writeFileSync(join(directory, 'state.json'), text);
  writeFileSync(path, JSON.stringify({ ...manifest, sha256: sha(JSON.stringify(manifest)) }));
}

describe('training/supernet-run', () => {
  const folder = temporaryFolder();
  const run = () => join(folder(), 'small');

  /** What the run that is never stopped leaves; the others must leave the same. */
  let whole: Record<string, string> = {};
  before(async () => {
    const root = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
    await smallRun(root);
    whole = outcome(join(root, 'small'));
    rmSync(root, { recursive: true });
  });

  it('trains to its length and leaves the files of a run', async () => {
    const { result, supernet } = await smallRun(folder());
    expect(result.end).to.equal('length');
    expect(result.step).to.equal(60);
    expect(supernet.trained).to.have.length(60);
    // 8 images a step.
    expect(result.cost.images.optimised).to.equal(480);
    expect(readdirSync(run()).sort()).to.deep.equal([
      'config.yaml',
      'cost.json',
      'latest',
      'metrics.jsonl',
      'pool.json',
      'run.json',
      'step-00000050',
      'step-00000060',
    ]);
    expect(readFileSync(join(run(), 'latest'), 'utf8').trim()).to.equal('step-00000060');
    const pool = JSON.parse(readFileSync(join(run(), 'pool.json'), 'utf8'));
    expect(pool.capacity).to.equal(30);
    expect(pool.paths[0].path).to.equal(result.best?.path);
    expect(pool.paths.map(({ loss }: { loss: number }) => loss)).to.deep.equal(
      pool.paths.map(({ loss }: { loss: number }) => loss).sort((a: number, b: number) => a - b),
    );
  });

  it('logs means over the steps since the last line, and the last step', async () => {
    await smallRun(folder(), { config: { ...smallConfig, logging: { every: 7 } } });
    const lines = metricsOf(run());
    expect(lines.map(({ step }) => step)).to.deep.equal([7, 14, 21, 28, 35, 42, 49, 56, 60]);
    expect(lines[0]).to.include({ epsilon: 0, pool: 0, evaluated: 0, optimised: 56 });
    expect(lines.at(-1)!.epsilon).to.equal(0.8);
    expect(lines.at(-1)!.loss).to.be.below(lines[0]!.loss!);
  });

  it('is the same run twice', async () => {
    await smallRun(folder());
    expect(outcome(run())).to.deep.equal(whole);
    await smallRun(folder(), { name: 'other', config: { ...smallConfig, seed: 43 } });
    expect(outcome(join(folder(), 'other'))['metrics.jsonl']).to.not.equal(whole['metrics.jsonl']);
  });

  for (const steps of [[0], [6], [7], [9], [10], [11], [23], [48], [58], [5, 17, 18, 41]]) {
    it(`stopped by a signal in step ${steps.join(', ')} and resumed, it is the run that was never stopped`, async () => {
      const stopped = await smallRun(folder(), { stopIn: steps[0]! });
      expect(stopped.result.end).to.equal('signal');
      expect(stopped.result.step).to.equal(steps[0]! + 1);
      for (const step of steps.slice(1)) {
        expect((await smallRun(folder(), { resume: true, stopIn: step })).result.step).to.equal(step + 1);
      }
      const { result, notices } = await smallRun(folder(), { resume: true });
      expect(result.end).to.equal('length');
      expect(notices).to.include(`resuming small at step ${steps.at(-1)! + 1}`);
      // Stopping leaves a checkpoint more; what counts is the last.
      const last = (files: Record<string, string>) =>
        Object.entries(files).filter(([name]) => !name.startsWith('step-') || name.startsWith('step-00000060'));
      expect(last(outcome(run()))).to.deep.equal(last(whole));
    });
  }

  for (const step of [3, 12, 27, 59]) {
    it(`that crashes in step ${step} and is resumed, it is the run that was never stopped`, async () => {
      const crash = smallRun(folder(), {
        onTrain: (calls) => {
          if (calls === step) {
            throw new TypeError('the process ends here');
          }
        },
      });
      await crash.then(
        () => expect.fail('it should have crashed'),
        (error: Error) => expect(error.message).to.equal('the process ends here'),
      );
      await smallRun(folder(), { resume: true });
      expect(outcome(run())).to.deep.equal(whole);
    });
  }

  it('resumed at its end, does nothing more', async () => {
    await smallRun(folder());
    const before = outcome(run());
    // As a kill between the last checkpoint and what follows it would leave them.
    writeFileSync(join(run(), 'latest'), 'step-00000050\n');
    writeFileSync(join(run(), 'pool.json'), '{}');
    const { result, supernet } = await smallRun(folder(), { resume: true });
    expect(result.end).to.equal('length');
    expect(supernet.trained).to.have.length(0);
    expect(outcome(run())).to.deep.equal(before);
  });

  describe('every saved part of the state is used: changed, it changes the rest of the run', () => {
    const edits: Record<string, (state: Saved) => void> = {
      'images optimised': (state) => (state.ledger.optimised += 8),
      'images evaluated': (state) => (state.ledger.evaluated += 20),
      'steps of the window': (state) => (state.window.steps += 1),
      'images of the window': (state) => (state.window.images += 8),
      'loss of the window': (state) => (state.window.loss += 0.5),
      'correct of the window': (state) => (state.window.correct += 1),
      'pool draws of the window': (state) => (state.window.fromPool += 1),
      'skipped steps': (state) => (state.skipped.total += 1),
      'queue of the sampler': (state) => state.sampler.queue.reverse(),
      'pool of the sampler': (state) => (state.sampler.pool.paths[0]!.loss -= 0.01),
      'random stream of the sampler': (state) => (state.sampler.stream.i = (state.sampler.stream.i + 1) % 256),
    };
    for (const [part, edit] of Object.entries(edits)) {
      it(part, async () => {
        await smallRun(folder(), { stopIn: 32 });
        const directory = join(run(), 'step-00000033');
        const state: Saved = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'));
        const before = JSON.stringify(state);
        edit(state);
        expect(JSON.stringify(state)).to.not.equal(before);
        replaceState(directory, JSON.stringify(state));
        await smallRun(folder(), { resume: true });
        expect(outcome(run())['metrics.jsonl']).to.not.equal(whole['metrics.jsonl']);
      });
    }
  });

  describe('the stop rule', () => {
    const stopping = {
      ...smallConfig,
      training: { ...smallConfig.training, steps: 400 },
      // Everything counts as steady: the first check ends the training.
      sampling: { ...smallConfig.sampling, stop: { alpha: 1, every: 20 } },
    };

    it('really ends the training, and the end is saved', async () => {
      const { result, supernet } = await smallRun(folder(), { config: stopping });
      expect(result.end).to.equal('stop-rule');
      // The first snapshot after the warm-up (7 steps) is that of step 20, its comparison in step 39, the 40th.
      expect(result.step).to.equal(40);
      expect(result.pi).to.be.within(0, 1);
      expect(supernet.trained).to.have.length(40);
      expect(await listSteps(run())).to.include(40);
      const last = metricsOf(run()).at(-1)!;
      expect(last.step).to.equal(40);
      expect(last.pi).to.equal(result.pi);
      const { sessions } = JSON.parse(readFileSync(join(run(), 'run.json'), 'utf8'));
      expect(sessions.at(-1).end).to.deep.equal({ step: 40, by: 'stop-rule', pi: result.pi });
    });

    it('still holds after a resume', async () => {
      await smallRun(folder(), { config: stopping });
      const { result, supernet } = await smallRun(folder(), { config: stopping, resume: true });
      expect(result.end).to.equal('stop-rule');
      expect(supernet.trained).to.have.length(0);
    });

    it('goes on where the pool changes too much', async () => {
      const sampling = { ...smallConfig.sampling, stop: { alpha: 0, every: 20 } };
      const { result } = await smallRun(folder(), { config: { ...smallConfig, sampling } });
      expect(result.end).to.equal('length');
      expect(metricsOf(run()).filter(({ pi }) => pi !== undefined)).to.have.length(2);
    });
  });

  describe('a loss that is not finite', () => {
    it('ends the run with the step, the last checkpoint, and nothing saved', async () => {
      const error = await rejection(smallRun(folder(), { divergeAt: 33 }));
      expect(error.code).to.equal('diverged');
      expect(error.exitCode).to.equal(3);
      expect(error.message).to.include('the loss is NaN in step 33').and.to.include('step-00000030');
      expect(await listSteps(run())).to.deep.equal([30, 20]);
      expect(metricsOf(run()).at(-1)!.step).to.equal(32);
    });

    it('says that there is no checkpoint yet', async () => {
      const error = await rejection(smallRun(folder(), { divergeAt: 2 }));
      expect(error.message).to.include('no checkpoint was written yet');
    });

    describe('with training.divergence: skip', () => {
      const skipping = (changes: object = {}) => ({
        ...smallConfig,
        training: { ...smallConfig.training, divergence: 'skip' as const, ...changes },
      });

      it('is left out of the means, counted, told, and the next steps go on', async () => {
        const { result, supernet, notices } = await smallRun(folder(), { config: skipping(), divergeAt: [0, 33, 34] });
        expect(result.step).to.equal(60);
        expect(supernet.trained).to.have.length(60);
        expect(result.cost.images.optimised).to.equal(480);
        const lines = metricsOf(run());
        expect(lines.map(({ skipped }) => skipped)).to.deep.equal([...Array(8).fill(1), ...Array(7).fill(3)]);
        expect(lines.every(({ loss }) => Number.isFinite(loss))).to.equal(true);
        expect(notices.filter((line) => line.startsWith('skipped'))).to.have.length(3);
        expect(notices.join('\n')).to.match(/skipped: the loss is NaN in step 34 \(path .*\); 3 so far/);
      });

      it('changes nothing as long as all is finite', async () => {
        await smallRun(folder(), { config: skipping() });
        expect(withoutConfig(outcome(run()))).to.deep.equal(withoutConfig(whole));
      });

      it('writes null where no step of a line was good', async () => {
        await smallRun(folder(), { config: skipping(), divergeAt: [8, 9, 10, 11] });
        expect(metricsOf(run())[2]).to.include({ step: 12, loss: null, accuracy: null, fromPool: null, skipped: 4 });
      });

      it('ends the run at so many in a row, also where a resume comes between them', async () => {
        const config = skipping({ skippedInRow: 4 });
        await smallRun(folder(), { config, divergeAt: [20, 21, 22], stopIn: 22 });
        const error = await rejection(smallRun(folder(), { config, resume: true, divergeAt: 0 }));
        expect(error.code).to.equal('diverged');
        expect(error.message).to.include('in step 23').and.to.include('4th skipped in a row');
        expect(error.message).to.include('step-00000023');
      });

      it('a good step between begins the count anew', async () => {
        const config = skipping({ skippedInRow: 3 });
        const { result } = await smallRun(folder(), { config, divergeAt: [20, 21, 23, 24, 26, 27] });
        expect(result.end).to.equal('length');
      });
    });

    for (const divergence of ['halt', 'skip'] as const) {
      it(`in the weights alone never reaches a checkpoint (${divergence})`, async () => {
        const config = { ...smallConfig, training: { ...smallConfig.training, divergence } };
        // The last update before the save at step 30.
        const error = await rejection(smallRun(folder(), { config, poisonAt: 29 }));
        expect(error.exitCode).to.equal(3);
        expect(error.message).to.include('the weights diverged').and.to.include('after step 30');
        expect(error.message).to.include('the last good checkpoint is').and.to.include('step-00000020');
        expect(await listSteps(run())).to.deep.equal([20, 10]);
        expect(readdirSync(run()).filter((name) => name.startsWith('.tmp'))).to.deep.equal([]);
        expect((await smallRun(folder(), { config, resume: true })).result.end).to.equal('length');
      });
    }
  });

  it('resumes from the checkpoint before a damaged one, says so, and ends the same', async () => {
    await smallRun(folder(), { stopIn: 33 });
    const data = join(run(), 'step-00000034', 'weights.data-00000-of-00001');
    writeFileSync(data, readFileSync(data, 'utf8').replace('0.', '1.'));
    const { notices } = await smallRun(folder(), { resume: true });
    expect(notices.join('\n')).to.match(/step-00000034: weights\.data-00000-of-00001 has another SHA-256/);
    expect(notices).to.include('resuming small at step 30');
    expect(notices.join('\n')).to.match(/removed 1 lines of metrics\.jsonl/);
    expect(existsSync(join(run(), 'damaged-step-00000034'))).to.equal(true);
    rmSync(join(run(), 'damaged-step-00000034'), { recursive: true });
    expect(outcome(run())).to.deep.equal(whole);
  });

  it('uniform sampling has no pool, evaluates nothing, and resumes as well', async () => {
    const config = { ...smallConfig, sampling: { ...smallConfig.sampling, method: 'uniform' as const } };
    const { result } = await smallRun(folder(), { config, name: 'whole' });
    expect(result.best).to.equal(null);
    expect(result.cost.images.evaluated).to.equal(0);
    await smallRun(folder(), { config, stopIn: 49 });
    await smallRun(folder(), { config, resume: true });
    expect(existsSync(join(run(), 'pool.json'))).to.equal(false);
    expect(outcome(run())).to.deep.equal(outcome(join(folder(), 'whole')));
  });

  it('fair sampling trains every operation once in each step, counts every path, and resumes as well', async () => {
    const config = { ...smallConfig, sampling: { ...smallConfig.sampling, method: 'fair' as const } };
    const { result, supernet } = await smallRun(folder(), { config, name: 'whole' });
    expect(result.best).to.equal(null);
    // 60 steps of 3 paths, 8 images each.
    expect(result.cost.images).to.deep.equal({ optimised: 60 * 3 * 8, evaluated: 0 });
    expect(supernet.trained).to.have.length(180);
    for (let step = 0; step < 60; step++) {
      const together = supernet.trained.slice(3 * step, 3 * step + 3);
      for (let layer = 0; layer < 8; layer++) {
        expect(together.map((path) => path[layer]).sort(), `step ${step}`).to.deep.equal([0, 1, 2]);
      }
    }
    const line = metricsOf(join(folder(), 'whole')).at(-1)!;
    expect(line.accuracy).to.be.within(0, 1);
    expect(line.loss).to.be.within(0, 2.4);
    await smallRun(folder(), { config, stopIn: 49 });
    await smallRun(folder(), { config, resume: true });
    expect(outcome(run())).to.deep.equal(outcome(join(folder(), 'whole')));
  });

  it('FLOPs bins train no path outside the bins, evaluate nothing, and resume as well', async () => {
    const bins = { from: 20_000_000, to: 40_000_000, width: 10_000_000 };
    const config = { ...smallConfig, sampling: { ...smallConfig.sampling, method: 'flops-bins' as const, bins } };
    const { result, supernet } = await smallRun(folder(), { config, name: 'whole' });
    expect(result.cost.images).to.deep.equal({ optimised: 480, evaluated: 0 });
    const space = buildSpace(config.space);
    const flops = supernet.trained.map((path) => pathFlops(space, path));
    expect(Math.min(...flops)).to.be.within(bins.from, bins.from + bins.width - 1);
    expect(Math.max(...flops)).to.be.within(bins.from + bins.width, bins.to - 1);
    await smallRun(folder(), { config, stopIn: 31 });
    await smallRun(folder(), { config, resume: true });
    expect(outcome(run())).to.deep.equal(outcome(join(folder(), 'whole')));
  });

  it('offers only the paths that are trained where the config says so', async () => {
    const sampling = { ...smallConfig.sampling, epsilon: 0, pool: 1000 };
    const sizes: number[] = [];
    for (const offered of ['all', 'top'] as const) {
      sizes.push(
        (await smallRun(folder(), { config: { ...smallConfig, sampling: { ...sampling, offered } }, name: offered }))
          .result.poolSize,
      );
    }
    // 11 rounds of 10 paths of 6,561, the best 5 of which are trained: nearly all are different.
    expect(sizes[0]).to.be.within(100, 110);
    expect(sizes[1]).to.be.within(50, 55);
  });

  it('ranks on other images every so many steps, in turn, also after a resume', async () => {
    const sampling = { ...smallConfig.sampling, ranking: { images: 5, batch: 5, refresh: 10 } };
    const config = { ...smallConfig, sampling };
    const { supernet } = await smallRun(folder(), { config, name: 'whole' });
    // Rankings come in steps 7, 12, 17, …; 10 steps after the warm-up (7) is 17. 20 seen images make four stacks of 5.
    const expected = [0, 1, 2, 3, 0, 1].map((turn) => takeStack(smallData.validation, 5, 42, 5 * turn));
    expect(supernet.loaded).to.deep.equal(expected);
    expect(expected[2]).to.not.deep.equal(expected[0]);
    for (const stopIn of [18, 33]) {
      const name = `resumed${stopIn}`;
      await smallRun(folder(), { config, stopIn, name });
      await smallRun(folder(), { config, resume: true, name });
      expect(outcome(join(folder(), name))['metrics.jsonl']).to.equal(
        outcome(join(folder(), 'whole'))['metrics.jsonl'],
      );
    }
  });

  describe('racing', () => {
    const sampling = {
      ...smallConfig.sampling,
      ranking: { images: 20, batch: 2, refresh: null },
      racing: { confidence: 0.95, first: null, audit: true },
    };
    const config = { ...smallConfig, sampling };

    it('spares images, says how many and how often it chose the same, and resumes as well', async () => {
      const { result } = await smallRun(folder(), { config, name: 'whole' });
      const { rounds, spared, audited, agreed } = result.racing!;
      // From step 7 to 59, once in five.
      expect([rounds, audited]).to.deep.equal([11, 11]);
      expect(agreed).to.be.within(9, 11);
      const { evaluated } = result.cost.images;
      expect(spared).to.be.above(0);
      // A path drawn twice is evaluated once.
      expect(evaluated + spared).to.be.within(11 * 9 * 20, 11 * 10 * 20);
      expect(metricsOf(join(folder(), 'whole')).at(-1)).to.deep.include({ spared, audited, agreed, evaluated });
      for (const stopIn of [3, 22, 48]) {
        const name = `resumed${stopIn}`;
        await smallRun(folder(), { config, stopIn, name });
        const resumed = await smallRun(folder(), { config, resume: true, name });
        expect(resumed.result.racing).to.deep.equal(result.racing);
        for (const file of ['metrics.jsonl', 'pool.json', 'step-00000060/state.json']) {
          const text = outcome(join(folder(), name))[file];
          expect(text, file)
            .to.equal(outcome(join(folder(), 'whole'))[file])
            .and.not.equal(undefined);
        }
      }
    });

    it('is off unless the config asks for it, and then nothing of it is anywhere', async () => {
      const { result } = await smallRun(folder());
      expect(result.racing).to.equal(null);
      for (const [file, text] of Object.entries(withoutConfig(outcome(run())))) {
        expect(text, file).to.not.match(/spared|racing|audited/);
      }
    });
  });

  it('keeps the cost in cost.json: images, and wall time by phase', async () => {
    await smallRun(folder(), { stopIn: 20 });
    const half = JSON.parse(readFileSync(join(run(), 'cost.json'), 'utf8'));
    expect(half.images.optimised).to.equal(21 * 8);
    const { result } = await smallRun(folder(), { resume: true });
    const cost = JSON.parse(readFileSync(join(run(), 'cost.json'), 'utf8'));
    expect(cost).to.deep.equal(result.cost);
    expect(cost.images).to.deep.equal({ optimised: 480, evaluated: metricsOf(run()).at(-1)!.evaluated });
    expect(cost.corrected.paper).to.equal(metricsOf(run()).at(-1)!.corrected);
    expect(Object.keys(cost.seconds)).to.deep.equal(['start', 'data', 'train', 'rank', 'audit', 'save', 'total']);
  });

  it('a fair step diverges if one of its paths does, and names them all', async () => {
    const config = { ...smallConfig, sampling: { ...smallConfig.sampling, method: 'fair' as const } };
    const error = await rejection(smallRun(folder(), { config, divergeAt: 3 * 12 + 1 }));
    expect(error.message).to.match(/the loss is NaN in step 12 \(paths ([^,]+, ){3}learning rate/);
  });

  it('does not go on with other images than those it was trained on', async () => {
    await smallRun(folder(), { stopIn: 29 });
    const before = outcome(run());
    const images = smallData.train.images.slice();
    images[7]! ^= 1;
    const others = { ...smallData, train: { ...smallData.train, images } };
    const error = await rejection(smallRun(folder(), { resume: true, data: others }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include(
      'run "small" was trained on other images: as many as these, 50 images to train on and 30 held out',
    );
    const fewer = { ...smallData, validation: { ...smallData.validation, count: 29 } };
    expect((await rejection(smallRun(folder(), { resume: true, data: fewer }))).message).to.include(
      'these are 50 images to train on and 29 held out',
    );
    expect(outcome(run()), 'nothing was touched').to.deep.equal(before);
    await smallRun(folder(), { resume: true });
    expect(outcome(run())).to.deep.equal(whole);
  });

  it('goes on after its end where a greater length is asked for, and refuses one that is over', async () => {
    await smallRun(folder());
    const longer = { ...smallConfig, training: { ...smallConfig.training, steps: 90 } };
    const { result, supernet } = await smallRun(folder(), { config: longer, resume: true });
    expect([result.step, result.end, supernet.trained.length]).to.deep.equal([90, 'length', 30]);
    expect(metricsOf(run()).map(({ step }) => step)).to.include.members([60, 64, 90]);
    const error = await rejection(smallRun(folder(), { resume: true }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('training.steps: 60').and.to.include('at least 90');
  });

  it('keeps a record of its sessions', async () => {
    await smallRun(folder(), { stopIn: 20 });
    await smallRun(folder(), { resume: true });
    const { seed, sessions } = JSON.parse(readFileSync(join(run(), 'run.json'), 'utf8'));
    expect(seed).to.equal(42);
    expect(sessions.map(({ step }: { step: number }) => step)).to.deep.equal([0, 21]);
    // How each of them ended.
    expect(sessions.map(({ end }: { end: unknown }) => end)).to.deep.equal([
      { step: 21, by: 'signal', pi: null },
      { step: 60, by: 'length', pi: null },
    ]);
  });
});
