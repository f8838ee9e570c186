import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createStream } from '../../src/random/stream.ts';
import type { Path } from '../../src/space/space.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import type { ImageBatch, Supernet } from '../../src/supernet/supernet.ts';
import { expectClose } from '../graph/close.ts';
import { engineBinding } from '../graph/engine.ts';
import { imageBatch, partOf, paths, sessionOptions, smallSpace } from './small-space.ts';
import { evaluated, loadStacks, openTrained, plain } from './trained-session.ts';

const [first, second, third] = paths as readonly [Path, Path, Path];

describe('createSupernetSession', () => {
  let supernet: Supernet;
  before(() => {
    supernet = openTrained();
  });
  after(() => supernet.close());

  describe('rank', () => {
    /** The loss that training reports, with nothing moved: learning rate 0 leaves the weights as they are. */
    const trainLoss = (path: Path, batch: ImageBatch): number => supernet.trainStep(path, batch, 0).loss;

    it('is the training loss of the same images: batch statistics, label smoothing', () => {
      const batch = imageBatch(3, 40);
      supernet.loadStack('ranking', batch);
      const ranked = supernet.rank(first);
      expectClose([ranked.loss], [trainLoss(first, batch)], 'loss', 1e-6);
      // Without smoothing it would be another number.
      const raw = createSupernetSession(smallSpace, sessionOptions({ labelSmoothing: 0 }));
      raw.initialise(11);
      raw.loadStack('ranking', batch);
      const smooth = createSupernetSession(smallSpace, sessionOptions());
      smooth.initialise(11);
      smooth.loadStack('ranking', batch);
      expect(Math.abs(raw.rank(first).loss - smooth.rank(first).loss)).to.be.above(1e-3);
      raw.close();
      smooth.close();
    });

    it('goes over the stack in batches as equal as can be, each with its own statistics', () => {
      const stack = imageBatch(7, 41);
      supernet.loadStack('ranking', stack);
      const { losses, loss, top1, top5 } = supernet.rank(second);
      // 7 images, at most 3 at once: 2 + 2 + 3.
      const parts = [partOf(stack, 0, 2), partOf(stack, 2, 4), partOf(stack, 4, 7)];
      const expected = parts.map((part) => trainLoss(second, part));
      const means = [losses.slice(0, 2), losses.slice(2, 4), losses.slice(4)].map(
        (each) => each.reduce((sum, value) => sum + value, 0) / each.length,
      );
      expectClose(means, expected, 'mean loss of each part', 1e-6);
      expectClose([loss], [losses.reduce((sum, value) => sum + value, 0) / 7], 'mean', 1e-6);
      expect(top1 * 7).to.be.closeTo(Math.round(top1 * 7), 1e-9);
      expect(top5).to.be.within(top1, 1);
    });

    it('scores a part that is whole batches as the whole does, and refuses one that is not', () => {
      supernet.loadStack('ranking', imageBatch(7, 41));
      const whole = supernet.rank(second);
      // 2 + 2 + 3 images.
      for (const [start, count] of [
        [0, 2],
        [2, 2],
        [4, 3],
        [0, 4],
        [2, 5],
        [0, 7],
      ] as const) {
        const { losses, correct, loss } = supernet.rank(second, { start, count });
        expect([...losses], `${start}, ${count}`).to.deep.equal([...whole.losses.slice(start, start + count)]);
        expect([...correct]).to.deep.equal([...whole.correct.slice(start, start + count)]);
        expectClose([loss], [losses.reduce((sum, value) => sum + value, 0) / count], 'mean', 1e-6);
      }
      for (const [start, count] of [
        [1, 3],
        [0, 3],
        [2, 0],
        [4, 2],
        [4, 4],
      ] as const) {
        expect(() => supernet.rank(second, { start, count }), `${start}, ${count}`).to.throw(
          RangeError,
          'which end at 2, 4, 7',
        );
      }
    });

    it('counts the images whose class is the highest logit, as training does', () => {
      const batch = imageBatch(3, 42);
      supernet.loadStack('ranking', batch);
      for (const path of paths) {
        const { correct } = supernet.trainStep(path, batch, 0);
        const ranked = supernet.rank(path);
        expect(ranked.top1).to.equal(correct / 3);
        expect(ranked.correct).to.have.length(3);
        expect(ranked.correct.reduce((sum, hit) => sum + hit, 0)).to.equal(correct);
      }
    });

    it('depends neither on other paths ranked before nor on recalibration', () => {
      supernet.loadStack('ranking', imageBatch(7, 101));
      const alone = plain(supernet.rank(first));
      supernet.rank(second);
      supernet.recalibrate(third);
      expect(plain(supernet.rank(first))).to.deep.equal(alone);
    });

    it('takes another stack where one is loaded again, of another size', () => {
      supernet.loadStack('ranking', imageBatch(7, 101));
      const large = plain(supernet.rank(first));
      supernet.loadStack('ranking', imageBatch(2, 44));
      const small = plain(supernet.rank(first));
      expect(large.losses).to.have.length(7);
      expect(small.losses).to.have.length(2);
      supernet.loadStack('ranking', imageBatch(7, 101));
      expect(plain(supernet.rank(first))).to.deep.equal(large);
    });
  });

  describe('recalibrate and evaluate', () => {
    it('give the same bits whatever was there before: nothing of one candidate leaks into the next', () => {
      const alone = evaluated(supernet, first);
      expect(evaluated(supernet, first)).to.deep.equal(alone);
      for (const other of [second, third]) {
        evaluated(supernet, other);
        supernet.rank(other);
        expect(evaluated(supernet, first), `after ${other}`).to.deep.equal(alone);
      }
    });

    it('recover from statistics that are not finite', () => {
      const healthy = openTrained();
      const expected = evaluated(healthy, first);
      const folder = mkdtempSync(join(tmpdir(), 'greedynas-supernet-'));
      healthy.save(join(folder, 'weights'));
      healthy.trainStep(second, imageBatch(8, 1), 1e30);
      healthy.trainStep(second, imageBatch(8, 2), 1e30);
      expect(evaluated(healthy, second).loss).to.satisfy(Number.isNaN);
      healthy.restore(join(folder, 'weights'));
      expect(evaluated(healthy, first)).to.deep.equal(expected);
      healthy.close();
      rmSync(folder, { recursive: true });
    });

    it('use the statistics of the calibration images, not those of the images evaluated', () => {
      const stack = imageBatch(5, 60);
      supernet.loadStack('calibration', stack);
      supernet.loadStack('validation', partOf(stack, 0, 1));
      const { losses } = evaluated(supernet, first);
      supernet.loadStack('validation', stack);
      // The first image alone and among others: the same, up to the order of sums.
      expectClose(evaluated(supernet, first).losses.slice(0, 1), losses, 'loss of the first image', 1e-5);
      // With batch statistics a single image is normalised by itself.
      supernet.loadStack('ranking', partOf(stack, 0, 1));
      expect(Math.abs(supernet.rank(first).loss - losses[0]!)).to.be.above(1e-2);
      loadStacks(supernet);
    });

    it('average over all batches of the calibration stack', () => {
      const [start, end] = [imageBatch(5, 80), imageBatch(5, 81)];
      const joined = (...parts: readonly ImageBatch[]): ImageBatch => ({
        images: Uint8Array.from(parts.flatMap(({ images }) => Array.from(images))),
        labels: Int32Array.from(parts.flatMap(({ labels }) => Array.from(labels))),
      });
      const lossAfter = (...parts: readonly ImageBatch[]): number => {
        supernet.loadStack('calibration', joined(...parts));
        return evaluated(supernet, first).loss;
      };
      const alone = lossAfter(start);
      expectClose([lossAfter(start, start)], [alone], 'the same batch twice', 1e-6);
      const both = lossAfter(start, end);
      expectClose([lossAfter(end, start)], [both], 'in the other order', 1e-5);
      for (const other of [alone, lossAfter(end)]) expect(Math.abs(both - other)).to.be.above(1e-4);
      loadStacks(supernet);
    });

    it('change with the calibration images', () => {
      const before = evaluated(supernet, first);
      supernet.loadStack('calibration', imageBatch(11, 70));
      expect(evaluated(supernet, first).loss).to.not.equal(before.loss);
      loadStacks(supernet);
      expect(evaluated(supernet, first)).to.deep.equal(before);
    });

    it('do not smooth labels', () => {
      const raw = openTrained({ labelSmoothing: 0 });
      const smooth = openTrained();
      for (const each of [raw, smooth]) each.initialise(5);
      expect(evaluated(smooth, first)).to.deep.equal(evaluated(raw, first));
      raw.close();
      smooth.close();
    });

    it('refuse to evaluate a path that was not recalibrated last, or was trained, initialised or restored since', () => {
      const message = 'recalibrate this path before evaluating it';
      supernet.recalibrate(first);
      expect(() => supernet.evaluate(second)).to.throw(message);
      supernet.recalibrate(second);
      expect(() => supernet.evaluate(first)).to.throw(message);
      supernet.recalibrate(first);
      supernet.rank(second);
      supernet.evaluate(first);
      supernet.trainStep(second, imageBatch(4, 1), 0);
      expect(() => supernet.evaluate(first)).to.throw(message);
      const fresh = createSupernetSession(smallSpace, sessionOptions());
      fresh.initialise(1);
      loadStacks(fresh);
      expect(() => fresh.evaluate(first)).to.throw(message);
      fresh.recalibrate(first);
      fresh.initialise(1);
      expect(() => fresh.evaluate(first)).to.throw(message);
      fresh.close();
    });
  });

  describe('batches', () => {
    it('may have any size, also one image: training, ranking, calibration and evaluation', () => {
      for (const count of [1, 3, 7, 10]) {
        for (const path of paths) {
          const { loss, correct } = supernet.trainStep(path, imageBatch(count, count), 1e-4);
          expect(loss, `${count} images`).to.satisfy(Number.isFinite);
          expect(correct).to.be.within(0, count);
        }
      }
      for (const count of [1, 5]) {
        for (const name of ['ranking', 'validation', 'calibration'] as const)
          supernet.loadStack(name, imageBatch(count, 9));
        for (const path of paths) {
          expect(supernet.rank(path).losses).to.have.length(count);
          expect(evaluated(supernet, path).loss).to.satisfy(Number.isFinite);
        }
      }
      loadStacks(supernet);
    });

    it('are refused where images and labels do not fit, and the session lives on', () => {
      const { images, labels } = imageBatch(4, 1);
      expect(() => supernet.trainStep(first, { images, labels: labels.slice(1) }, 0.1)).to.throw(
        RangeError,
        'a feed of shape [3, 16, 16, 3] needs 2304 values, got 3072',
      );
      expect(() => supernet.loadStack('ranking', { images: images.slice(1), labels })).to.throw(RangeError);
      expect(supernet.rank(first).losses).to.have.length(7);
    });
  });

  describe('refuses', () => {
    it('a stack that was not loaded, and says how to load it', () => {
      const fresh = createSupernetSession(smallSpace, sessionOptions());
      fresh.initialise(1);
      expect(() => fresh.rank(first)).to.throw("the ranking images are not loaded: call loadStack('ranking', …) first");
      expect(() => fresh.recalibrate(first)).to.throw('the calibration images are not loaded');
      fresh.loadStack('calibration', imageBatch(3, 1));
      fresh.recalibrate(first);
      expect(() => fresh.evaluate(first)).to.throw('the validation images are not loaded');
      fresh.close();
    });

    it('a path of another length, in every endpoint', () => {
      for (const path of [[0, 1, 0], [0, 1, 0, 1, 0], []]) {
        const message = new RegExp(`path: ${path.length} operations`);
        expect(() => supernet.trainStep(path, imageBatch(2, 1), 0.1)).to.throw(message);
        expect(() => supernet.rank(path)).to.throw(message);
        expect(() => supernet.recalibrate(path)).to.throw(message);
      }
    });

    it('an operation that the layer does not have: TensorFlow would take the last one without a word', () => {
      for (const operation of [3, -1, 0.5, Number.NaN]) {
        const path = [0, operation, 0, 0];
        expect(() => supernet.trainStep(path, imageBatch(2, 1), 0.1), String(operation)).to.throw(/layer2/);
        expect(() => supernet.rank(path)).to.throw(/layer2/);
        expect(() => supernet.recalibrate(path)).to.throw(/layer2/);
      }
    });
  });

  it('leaves no tensor behind, whether calls succeed or fail', () => {
    const binding = engineBinding();
    evaluated(supernet, first);
    const before = binding.getNumOfTensors();
    for (let round = 0; round < 5; round++) {
      supernet.trainStep(paths[round % 3]!, imageBatch(4, round), 0.01);
      supernet.loadStack('ranking', imageBatch(7, 101));
      supernet.rank(second);
      evaluated(supernet, first);
      expect(() => supernet.restore('/nowhere/weights')).to.throw();
      expect(() => supernet.trainStep([0], imageBatch(4, round), 0.01)).to.throw();
    }
    expect(binding.getNumOfTensors()).to.equal(before);
  });
});

describe('seeds', () => {
  it('give bit-equal losses over six random paths in two sessions, others give other losses', () => {
    const losses = (seed: number): number[] => {
      const supernet = createSupernetSession(smallSpace, sessionOptions());
      supernet.initialise(seed);
      const stream = createStream(1, 'test paths');
      const found = Array.from({ length: 6 }, (_, step) => {
        const path = smallSpace.layers.map(({ operations }) => stream.integer(operations.length));
        return supernet.trainStep(path, imageBatch(8, step), 0.1).loss;
      });
      supernet.close();
      return found;
    };
    const once = losses(1);
    expect(losses(1)).to.deep.equal(once);
    for (const [index, loss] of losses(2).entries()) expect(loss).to.not.equal(once[index]);
  });
});

describe('dropout', () => {
  const batch = imageBatch(8, 1);
  it('drops by the seed of the step while training, and nothing when paths are scored', () => {
    const dropping = openTrained({ dropout: 0.4 });
    const none = openTrained();
    for (const each of [dropping, none]) each.initialise(3);
    const loss = (seed: number): number => dropping.trainStep(first, batch, 0, seed).loss;
    const once = loss(1);
    expect(loss(1)).to.equal(once);
    expect(loss(2)).to.not.equal(once);
    expect(none.trainStep(first, batch, 0, 1).loss).to.equal(none.trainStep(first, batch, 0, 2).loss);
    expect(plain(dropping.rank(first))).to.deep.equal(plain(none.rank(first)));
    expect(evaluated(dropping, first)).to.deep.equal(evaluated(none, first));
    dropping.close();
    none.close();
  });
});
