import { expect } from 'chai';
import fc from 'fast-check';
import { dealByClass, type ImageSet, selectImages, splitValidation } from '../../src/data/dataset.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';

/** A set of 1x2 images whose bytes spell out their index. */
function numbered(labels: readonly number[]): ImageSet {
  const images = new Uint8Array(labels.length * 6);
  for (let index = 0; index < labels.length; index++) {
    for (let byte = 0; byte < 6; byte++) images[index * 6 + byte] = (index >> (byte * 8)) & 255;
  }
  return { images, labels: Int32Array.from(labels), count: labels.length, height: 1, width: 2 };
}

function indicesOf(set: ImageSet): number[] {
  return Array.from(
    { length: set.count },
    (_, position) => set.images[position * 6]! + set.images[position * 6 + 1]! * 256,
  );
}

function countsOf(labels: Iterable<number>): number[] {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts.values()];
}

const spread = (values: number[]) => Math.max(...values) - Math.min(...values);
const balanced = Array.from({ length: 1000 }, (_, index) => (index * 7) % 10);

describe('selectImages', () => {
  it('copies images and labels in the order asked for', () => {
    const set = numbered([5, 6, 7, 8]);
    const chosen = selectImages(set, Int32Array.of(3, 0));
    expect(indicesOf(chosen)).to.deep.equal([3, 0]);
    expect(Array.from(chosen.labels)).to.deep.equal([8, 5]);
    chosen.images.fill(255);
    expect(indicesOf(set)).to.deep.equal([0, 1, 2, 3]);
  });
});

describe('dealByClass', () => {
  it('gives different indices, balanced in every beginning', () => {
    const labels = Int32Array.from(balanced);
    const dealt = Array.from(dealByClass(labels, 1000, createStream(1, 'test')));
    expect(new Set(dealt).size).to.equal(1000);
    for (const count of [10, 55, 250, 999]) {
      expect(spread(countsOf(dealt.slice(0, count).map((index) => labels[index]!)))).to.be.at.most(1);
    }
  });

  it('starts the same whatever the count', () => {
    const labels = Int32Array.from(balanced);
    const deal = (count: number) => Array.from(dealByClass(labels, count, createStream(5, 'test')));
    expect(deal(900).slice(0, 123)).to.deep.equal(deal(123));
  });

  it('passes over classes that have run out', () => {
    const dealt = dealByClass(Int32Array.of(0, 0, 0, 0, 1), 4, createStream(1, 'test'));
    expect(Array.from(dealt).filter((index) => index === 4)).to.have.lengthOf(1);
    expect(() => dealByClass(Int32Array.of(0, 1), 3, createStream(1, 'test'))).to.throw(RangeError, 'there are 2');
  });
});

describe('splitValidation', () => {
  it('divides every balanced set without loss or overlap, class by class', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 2, max: 30 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (classes, each, seed, share) => {
          const labels = Array.from({ length: classes * each }, (_, index) => (index * 13 + (index >> 3)) % classes);
          const smallest = Math.min(...countsOf(labels));
          const held = Math.floor(share * (smallest - 1) * classes);
          const { train, validation } = splitValidation(numbered(labels), held, seed);
          expect(validation.count).to.equal(held);
          const all = [...indicesOf(train), ...indicesOf(validation)].sort((one, other) => one - other);
          expect(all).to.deep.equal(labels.map((_, index) => index));
          for (const part of [train, validation]) {
            expect(Array.from(part.labels)).to.deep.equal(indicesOf(part).map((index) => labels[index]));
          }
          if (held >= classes) expect(spread(countsOf(validation.labels))).to.be.at.most(1);
        },
      ),
      { numRuns: 60 },
    ));

  it('depends on the seed and nothing else', () => {
    const validation = (seed: number) => indicesOf(splitValidation(numbered(balanced), 100, seed).validation);
    expect(validation(3)).to.deep.equal(validation(3));
    expect(validation(3)).to.not.deep.equal(validation(4));
  });

  it('keeps the original order in both parts', () => {
    const { train, validation } = splitValidation(numbered(balanced), 500, 9);
    for (const indices of [indicesOf(train), indicesOf(validation)]) {
      expect(indices).to.deep.equal([...indices].sort((one, other) => one - other));
    }
  });

  it('can hold out nothing', () => {
    const { train, validation } = splitValidation(numbered(balanced), 0, 1);
    expect([train.count, validation.count]).to.deep.equal([1000, 0]);
  });

  for (const wrong of [-1, 2.5, Number.NaN, 991, 1000, 5000]) {
    it(`refuses ${wrong} of 1,000 images`, () => {
      expect(() => splitValidation(numbered(balanced), wrong, 1))
        .to.throw(
          GreedynasError,
          `data.validationImages: ${wrong} cannot be held out of 1000 training images; allowed: 0 to 990`,
        )
        .with.property('code', 'usage');
    });
  }

  it('allows as many as it says', () => {
    expect(splitValidation(numbered(balanced), 990, 1).train.count).to.equal(10);
  });
});
