import { expect } from 'chai';
import fc from 'fast-check';
import { createTrainingBatches, drawCrop, sequentialBatches, takeStack } from '../../src/data/batches.ts';
import { epochKey } from '../../src/data/counter-hash.ts';
import type { ImageSet } from '../../src/data/dataset.ts';
import { GreedynasError } from '../../src/errors.ts';
import { chiSquare } from './chi-square.ts';

/** Images without zero bytes, so that padding can be told apart; the label is the index. */
function makeSet(count: number, height: number, width: number, label = (index: number) => index): ImageSet {
  const images = Uint8Array.from(
    { length: count * height * width * 3 },
    (_, byte) => 1 + ((Math.imul(byte, 0x9e3779b1) >>> 16) % 255),
  );
  return { images, labels: Int32Array.from({ length: count }, (_, index) => label(index)), count, height, width };
}

/** The crop written the slow way, pixel by pixel, from an image padded with zeros. */
function cropSlowly(set: ImageSet, index: number, crop: { down: number; right: number; flipped: boolean }): number[] {
  const output: number[] = [];
  for (let row = 0; row < set.height; row++) {
    for (let column = 0; column < set.width; column++) {
      const fromRow = row + crop.down;
      const fromColumn = (crop.flipped ? set.width - 1 - column : column) + crop.right;
      const inside = fromRow >= 0 && fromRow < set.height && fromColumn >= 0 && fromColumn < set.width;
      const byte = ((index * set.height + fromRow) * set.width + fromColumn) * 3;
      for (let channel = 0; channel < 3; channel++) output.push(inside ? set.images[byte + channel]! : 0);
    }
  }
  return output;
}

const standard = { padding: 4, flip: true };

describe('createTrainingBatches', () => {
  it('crops and mirrors exactly as the definition says', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(6),
        fc.boolean(),
        fc.nat(),
        (height, width, wantedPadding, flip, seed) => {
          const set = makeSet(6, height, width);
          const augmentation = { padding: Math.min(wantedPadding, height - 1, width - 1), flip };
          const batches = createTrainingBatches({ set, batchSize: 3, seed, augmentation });
          for (let step = 0; step < 4; step++) {
            const { images, labels } = batches.batch(step);
            const key = epochKey(seed, Math.floor(step / 2));
            const wanted = Array.from(labels).flatMap((index) =>
              cropSlowly(set, index, drawCrop(key, index, augmentation)),
            );
            expect(Array.from(images)).to.deep.equal(wanted);
          }
        },
      ),
      { numRuns: 150 },
    ));

  it('gives the images as they are without augmentation', () => {
    const set = makeSet(8, 3, 5);
    const { images, labels } = createTrainingBatches({
      set,
      batchSize: 8,
      seed: 1,
      augmentation: { padding: 0, flip: false },
    }).batch(0);
    for (const [position, index] of labels.entries()) {
      expect(images.subarray(position * 45, position * 45 + 45)).to.deep.equal(
        set.images.subarray(index * 45, index * 45 + 45),
      );
    }
  });

  it('is pure: any order of steps and any instance give the same bytes', () => {
    const set = makeSet(50, 8, 8);
    const make = () => createTrainingBatches({ set, batchSize: 8, seed: 7, augmentation: standard });
    const forwards = make();
    const all = Array.from({ length: 20 }, (_, step) => forwards.batch(step));
    for (const step of [19, 3, 0, 11, 3]) expect(make().batch(step), `fresh, step ${step}`).to.deep.equal(all[step]);
    for (const step of [19, 3, 0, 11, 3]) expect(forwards.batch(step), `again, step ${step}`).to.deep.equal(all[step]);
  });

  it('gives arrays that belong to the caller', () => {
    const set = makeSet(8, 8, 8);
    const batches = createTrainingBatches({ set, batchSize: 4, seed: 7, augmentation: standard });
    const before = batches.batch(0);
    const kept = Uint8Array.from(before.images);
    before.images.fill(0);
    before.labels.fill(0);
    expect(batches.batch(0).images).to.deep.equal(kept);
  });

  it('shows each image once an epoch, in another order each epoch, and drops the rest', () => {
    const set = makeSet(53, 6, 6);
    const batches = createTrainingBatches({ set, batchSize: 10, seed: 3, augmentation: standard });
    expect(batches.stepsPerEpoch).to.equal(5);
    const epoch = (number: number) =>
      Array.from({ length: 5 }, (_, step) => Array.from(batches.batch(number * 5 + step).labels)).flat();
    expect(new Set(epoch(0)).size).to.equal(50);
    expect(epoch(0)).to.not.deep.equal(epoch(1));
    const left = new Set(Array.from({ length: 40 }, (_, number) => epoch(number)).flat());
    expect(left.size, 'over the epochs every image has its turn').to.equal(53);
  });

  it('treats an image the same whatever the batch size', () => {
    const set = makeSet(48, 6, 6);
    const seen = (batchSize: number) => {
      const batches = createTrainingBatches({ set, batchSize, seed: 3, augmentation: standard });
      const images = new Map<number, string>();
      for (let step = 0; step < batches.stepsPerEpoch; step++) {
        const batch = batches.batch(step);
        for (const [position, label] of batch.labels.entries()) {
          images.set(label, Buffer.from(batch.images).toString('hex', position * 108, position * 108 + 108));
        }
      }
      return [...images].sort(([one], [other]) => one - other);
    };
    expect(seen(6)).to.deep.equal(seen(16));
  });

  it('depends on the seed', () => {
    const set = makeSet(48, 6, 6);
    const labels = (seed: number) =>
      createTrainingBatches({ set, batchSize: 48, seed, augmentation: standard }).batch(0).labels;
    expect(labels(1)).to.not.deep.equal(labels(2));
  });

  for (const batchSize of [0, -1, 1.5, 49, Number.NaN]) {
    it(`refuses batch size ${batchSize} of 48 images`, () => {
      expect(() => createTrainingBatches({ set: makeSet(48, 6, 6), batchSize, seed: 1, augmentation: standard }))
        .to.throw(GreedynasError, `training.batch: ${batchSize} `)
        .with.property('code', 'usage');
    });
  }

  for (const padding of [-1, 0.5, 6]) {
    it(`refuses padding ${padding} of images of 6x8`, () => {
      expect(() =>
        createTrainingBatches({ set: makeSet(4, 6, 8), batchSize: 2, seed: 1, augmentation: { padding, flip: true } }),
      )
        .to.throw(
          GreedynasError,
          `data.padding: ${padding} is not possible with images of 8x6; allowed: an integer from 0 to 5`,
        )
        .with.property('code', 'usage');
    });
  }

  it('refuses what is no step', () => {
    const batches = createTrainingBatches({ set: makeSet(4, 6, 6), batchSize: 2, seed: 1, augmentation: standard });
    for (const step of [-1, 0.5, Number.NaN]) expect(() => batches.batch(step)).to.throw(RangeError);
  });

  it('is fast: the median of 128 images of 32x32 is under 2 ms', () => {
    const batches = createTrainingBatches({
      set: makeSet(1000, 32, 32),
      batchSize: 128,
      seed: 1,
      augmentation: standard,
    });
    const times = Array.from({ length: 60 }, (_, step) => {
      const start = performance.now();
      batches.batch(step % batches.stepsPerEpoch);
      return performance.now() - start;
    }).sort((one, other) => one - other);
    expect(times[30]).to.be.below(2);
  });
});

describe('drawCrop', () => {
  const draws = 10_000;

  for (const [name, draw] of [
    ['images of one epoch', (counter: number) => drawCrop(epochKey(42, 3), counter, standard)],
    ['epochs of one image', (counter: number) => drawCrop(epochKey(42, counter), 17, standard)],
  ] as const) {
    it(`has uniform offsets and half of them mirrored, over the ${name}`, () => {
      const outcomes = new Array<number>(162).fill(0);
      for (let counter = 0; counter < draws; counter++) {
        const { down, right, flipped } = draw(counter);
        outcomes[((down + 4) * 9 + right + 4) * 2 + (flipped ? 1 : 0)]!++;
      }
      // The 0.999 quantile of chi-square with 161 degrees of freedom is 222.2; three standard deviations of the flips are 150.
      expect(chiSquare(outcomes), 'all combinations equally often').to.be.below(222.2);
      const mirrored = outcomes.filter((_, outcome) => outcome % 2 === 1).reduce((sum, count) => sum + count, 0);
      expect(mirrored).to.be.within(draws / 2 - 150, draws / 2 + 150);
    });
  }

  it('never mirrors where that is off', () => {
    for (let index = 0; index < 100; index++)
      expect(drawCrop(1, index, { padding: 4, flip: false }).flipped).to.equal(false);
  });
});

describe('takeStack', () => {
  const set = makeSet(200, 2, 2, (index) => index % 10);

  it('takes different images with equal class counts, and their labels', () => {
    const { images, labels } = takeStack(set, 100, 5);
    const keys = new Set<string>();
    for (const [position, label] of labels.entries()) {
      const key = Buffer.from(images).toString('hex', position * 12, position * 12 + 12);
      keys.add(key);
      const index = Array.from({ length: 200 }, (_, candidate) => candidate).find(
        (candidate) => Buffer.from(set.images).toString('hex', candidate * 12, candidate * 12 + 12) === key,
      );
      expect(label).to.equal(index! % 10);
    }
    expect(keys.size).to.equal(100);
    for (let first = 0; first < 100; first += 20) {
      const counts = new Array<number>(10).fill(0);
      for (const label of labels.subarray(first, first + 20)) counts[label]!++;
      expect(counts, 'each batch of the stack is balanced').to.deep.equal(new Array(10).fill(2));
    }
  });

  it('is a function of the seed, and a smaller stack begins a larger one', () => {
    const large = takeStack(set, 150, 5);
    expect(takeStack(set, 150, 5)).to.deep.equal(large);
    expect(takeStack(set, 30, 5).images).to.deep.equal(large.images.slice(0, 360));
    expect(takeStack(set, 150, 6).images).to.not.deep.equal(large.images);
  });

  it('after the first n images shares none with the stack of those n, and goes on in the same order, balanced', () => {
    const whole = takeStack(set, 200, 5);
    const bytes = 2 * 2 * 3;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 199 }), fc.double({ min: 0, max: 1, noNaN: true }), (skip, share) => {
        const count = 1 + Math.floor(share * (199 - skip));
        const { images, labels } = takeStack(set, count, 5, skip);
        expect(images).to.deep.equal(whole.images.slice(skip * bytes, (skip + count) * bytes));
        expect(labels).to.deep.equal(whole.labels.slice(skip, skip + count));
        const counts = new Array<number>(10).fill(0);
        for (const label of labels) counts[label]!++;
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      }),
    );
  });

  it('refuses more images than there are after the first n', () => {
    expect(() => takeStack(set, 21, 1, 180))
      .to.throw(
        GreedynasError,
        'a stack of 21 images after the first 180 cannot be taken from a set of 200; allowed: an integer from 1 to 20',
      )
      .with.property('code', 'usage');
    for (const skip of [200, 300]) expect(() => takeStack(set, 1, 1, skip)).to.throw(GreedynasError, 'no image left');
    for (const skip of [-1, 0.5]) expect(() => takeStack(set, 1, 1, skip)).to.throw(RangeError, 'skip');
  });

  for (const count of [0, -5, 201, 1.5]) {
    it(`refuses ${count} of 200 images`, () => {
      expect(() => takeStack(set, count, 1))
        .to.throw(
          GreedynasError,
          `a stack of ${count} images cannot be taken from a set of 200; allowed: an integer from 1 to 200`,
        )
        .with.property('code', 'usage');
    });
  }
});

describe('sequentialBatches', () => {
  it('goes through the whole set once, the last batch smaller', () => {
    const set = makeSet(10, 2, 2);
    const batches = [...sequentialBatches(set, 4)];
    expect(batches.map((batch) => batch.labels.length)).to.deep.equal([4, 4, 2]);
    expect(Uint8Array.from(batches.flatMap((batch) => Array.from(batch.images)))).to.deep.equal(set.images);
    expect(batches.flatMap((batch) => Array.from(batch.labels))).to.deep.equal(Array.from(set.labels));
  });

  it('refuses a size that never ends', () => {
    expect(() => [...sequentialBatches(makeSet(3, 2, 2), 0)]).to.throw(RangeError);
  });
});
