import { expect } from 'chai';
import { epochKey } from '../../src/data/counter-hash.ts';
import { centralSquare, drawBox, drawFlip } from '../../src/data/crops.ts';

const range = { area: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
const draws = 10_000;

describe('drawBox', () => {
  const key = epochKey(42, 3);
  const boxes = Array.from({ length: draws }, (_, index) => drawBox(key, index, 500, 375, range));

  it('stays within the image', () => {
    for (const { top, left, height, width } of boxes) {
      expect(top).to.be.at.least(0);
      expect(left).to.be.at.least(0);
      expect(height).to.be.at.least(1);
      expect(width).to.be.at.least(1);
      expect(top + height).to.be.at.most(375);
      expect(left + width).to.be.at.most(500);
    }
  });

  it('has areas, ratios and places with the statistics of RandomResizedCrop, over 10,000 draws', () => {
    const shares = boxes.map(({ height, width }) => (height * width) / (500 * 375));
    expect(Math.min(...shares)).to.be.within(0.078, 0.085);
    expect(Math.max(...shares)).to.be.within(0.97, 1);
    // The shares of crops that fit are uniform up to where the widest ones no longer do: (375 / 500) / (4 / 3) … so half of
    // the draws below 0.5 lie below 0.29.
    const small = shares.filter((share) => share < 0.5);
    expect(small.filter((share) => share < 0.29).length / small.length).to.be.within(0.48, 0.52);
    const logRatios = boxes.filter((_, index) => shares[index]! < 0.5).map((box) => Math.log(box.width / box.height));
    const mean = logRatios.reduce((sum, each) => sum + each, 0) / logRatios.length;
    const deviation = Math.sqrt(logRatios.reduce((sum, each) => sum + (each - mean) ** 2, 0) / logRatios.length);
    expect(mean).to.be.within(-0.01, 0.01);
    // Of a uniform logarithm between ±ln(4/3).
    expect(deviation).to.be.closeTo(Math.log(4 / 3) / Math.sqrt(3), 0.005);
    expect(Math.min(...logRatios)).to.be.above(Math.log(3 / 4) - 0.03);
    expect(Math.max(...logRatios)).to.be.below(Math.log(4 / 3) + 0.03);
    const places = boxes.filter(({ width }) => width < 400).map(({ left, width }) => left / (500 - width));
    expect(places.filter((place) => place < 0.5).length / places.length).to.be.within(0.48, 0.52);
  });

  it('is a function of seed, epoch and image', () => {
    expect(drawBox(epochKey(42, 3), 17, 500, 375, range)).to.deep.equal(boxes[17]);
    expect(drawBox(epochKey(42, 4), 17, 500, 375, range)).to.not.deep.equal(boxes[17]);
    expect(drawBox(epochKey(43, 3), 17, 500, 375, range)).to.not.deep.equal(boxes[17]);
    expect(boxes[18]).to.not.deep.equal(boxes[17]);
  });

  it('takes the largest central crop of the range where none fits', () => {
    const wide = drawBox(key, 0, 1000, 10, { area: [1, 1], ratio: range.ratio });
    expect(wide).to.deep.equal({ top: 0, left: 493, height: 10, width: 13 });
    const tall = drawBox(key, 0, 10, 1000, { area: [1, 1], ratio: range.ratio });
    expect(tall).to.deep.equal({ top: 493, left: 0, height: 13, width: 10 });
    expect(drawBox(key, 0, 1, 1, range)).to.deep.equal({ top: 0, left: 0, height: 1, width: 1 });
  });
});

describe('drawFlip', () => {
  it('mirrors half of 10,000 images, others in another epoch, and does not go with the crop', () => {
    const flips = [0, 1].map((epoch) =>
      Array.from({ length: draws }, (_, index) => drawFlip(epochKey(42, epoch), index)),
    );
    // Four deviations of a fair coin: 0.02.
    for (const each of flips) expect(each.filter(Boolean).length / draws).to.be.within(0.48, 0.52);
    const agree = flips[0]!.filter((flip, index) => flip === flips[1]![index]).length;
    expect(agree / draws).to.be.within(0.48, 0.52);
    const key = epochKey(42, 0);
    const left = (index: number) => drawBox(key, index, 500, 375, range).left;
    const [flipped, plain] = [true, false].map((wanted) => {
      const indices = flips[0]!.flatMap((flip, index) => (flip === wanted ? [index] : []));
      return indices.reduce((sum, index) => sum + left(index), 0) / indices.length;
    });
    expect(flipped! / plain!).to.be.within(0.95, 1.05);
  });
});

describe('centralSquare', () => {
  it('scales the shorter side and takes the middle, rounded as torchvision does', () => {
    expect(centralSquare(500, 375, 256, 224)).to.deep.equal({
      scale: [256 / 375, 341 / 500],
      corner: [16, 58],
    });
    expect(centralSquare(64, 64, 64, 64)).to.deep.equal({ scale: [1, 1], corner: [0, 0] });
    // (35 − 32) / 2 = 1.5 is rounded to 2, (33 − 32) / 2 = 0.5 to 0.
    expect(centralSquare(35, 33, 33, 32).corner).to.deep.equal([0, 2]);
  });
});
