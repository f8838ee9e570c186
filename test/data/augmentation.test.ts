import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  type DrawnOperation,
  drawErasing,
  drawOperations,
  type OperationPolicy,
  operationAt,
  operationColumns,
  operationsPerImage,
  type PlannedOperation,
} from '../../src/data/augmentation.ts';
import { epochKey } from '../../src/data/counter-hash.ts';

const recipe = { layers: 2, magnitude: 9, deviation: 0.5, increasing: false } as const;
const side = 224;

/** How strong a planned operation is, in the terms of timm's level functions. */
function strength({ operation, values }: PlannedOperation): number | null {
  const [first = 0, second = 0, third = 0, fourth = 0, , sixth = 0] = values;
  if (operation === 'posterize') return 8 - Math.log2(first);
  if (operation !== 'affine') return values.length === 0 ? null : first;
  // A movement is one of a shear, a shift and a turn.
  if (Math.abs(values[0]! - 1) > 1e-9) return (Math.abs(Math.asin(second)) * 180) / Math.PI;
  if (second !== 0 || fourth !== 0) return Math.abs(second + fourth);
  return Math.abs(third + sixth) / side;
}

describe('drawOperations', () => {
  /** Made by generate.py beside it, with timm. */
  const fixture: {
    readonly levels: readonly number[];
    readonly arguments: Readonly<Record<string, readonly (number | null)[]>>;
    readonly increasing: Readonly<Record<string, readonly (number | null)[]>>;
  } = JSON.parse(readFileSync(new URL('../fixtures/augmentation/operations.json', import.meta.url), 'utf8'));

  it("gives operations timm's arguments at every level", () => {
    const ownName = (name: string) => name.replace(/Rel$|Increasing$/, '') as DrawnOperation;
    for (const [table, increasing] of [
      [fixture.arguments, false],
      [fixture.increasing, true],
    ] as const) {
      for (const [name, expected] of Object.entries(table)) {
        for (const [index, level] of fixture.levels.entries()) {
          const found = operationAt(ownName(name), level, 1, increasing, side);
          const enhancer = ['color', 'contrast', 'brightness', 'sharpness'].includes(found.operation);
          const value = strength(found);
          const compared = value !== null && enhancer && increasing ? Math.abs(value - 1) : value;
          if (expected[index] === null) expect(compared, name).to.equal(null);
          else expect(compared, `${name} at ${level}`).to.be.closeTo(expected[index]!, 1e-6);
        }
      }
    }
  });

  it('draws each of the 15 operations equally often, half of them left out, at levels around the magnitude', () => {
    const key = epochKey(5, 3);
    const count = 10_000;
    const counts = new Map<string, number>();
    const rotations: number[] = [];
    let left = 0;
    for (let index = 0; index < count; index++) {
      const planned = drawOperations(key, index, { colorJitter: 0, randAugment: recipe }, side);
      expect(planned).to.have.length(2);
      for (const each of planned) {
        if (each.operation === 'none') {
          left += 1;
          continue;
        }
        counts.set(each.operation, (counts.get(each.operation) ?? 0) + 1);
        if (each.operation === 'affine' && Math.abs(each.values[0]! - 1) > 1e-9) {
          rotations.push((Math.asin(each.values[1]!) * 180) / Math.PI);
        }
      }
    }
    // 20,000 Bernoulli draws: a standard deviation of 71.
    expect(left).to.be.closeTo(count, 4 * 71);
    const applied = 2 * count - left;
    expect(counts.get('affine')! / applied).to.be.closeTo(5 / 15, 0.02);
    for (const operation of ['autocontrast', 'equalize', 'posterize', 'solarize-add', 'sharpness']) {
      expect(counts.get(operation)! / applied, operation).to.be.closeTo(1 / 15, 0.01);
    }
    const sizes = rotations.map(Math.abs);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    // Levels of 9 ± 0.5, those above 10 cut off: 27 degrees, less the mean of what is cut, 0.004 levels.
    expect(mean).to.be.closeTo(27, 0.25);
    expect(Math.max(...sizes)).to.be.at.most(30 + 1e-9);
    const deviation = Math.sqrt(sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length);
    expect(deviation).to.be.closeTo(1.5, 0.15);
    expect(rotations.filter((turn) => turn > 0).length / rotations.length).to.be.closeTo(0.5, 0.06);
  });

  it('jitters colours by factors within the range, in every order', () => {
    const key = epochKey(1, 0);
    const policy: OperationPolicy = { colorJitter: 0.4, randAugment: null };
    const orders = new Set<string>();
    const factors: number[] = [];
    for (let index = 0; index < 2000; index++) {
      const planned = drawOperations(key, index, policy, side);
      orders.add(planned.map(({ operation }) => operation).join());
      factors.push(...planned.map(({ values }) => values[0]!));
    }
    expect(orders.size).to.equal(6);
    expect(Math.min(...factors)).to.be.within(0.6, 0.602);
    expect(Math.max(...factors)).to.be.within(1.398, 1.4);
    expect(factors.reduce((sum, each) => sum + each, 0) / factors.length).to.be.closeTo(1, 0.01);
  });

  it('is a function of seed, epoch and image, and counts what a plan needs', () => {
    const policy: OperationPolicy = { colorJitter: 0.1, randAugment: recipe };
    const draw = (seed: number, epoch: number, index: number) =>
      JSON.stringify(drawOperations(epochKey(seed, epoch), index, policy, side));
    expect(draw(1, 2, 3)).to.equal(draw(1, 2, 3));
    expect(new Set([draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]).size).to.equal(4);
    expect(operationsPerImage(policy)).to.equal(5);
    expect(operationsPerImage({ colorJitter: 0, randAugment: null })).to.equal(0);
    const { operations, values } = operationColumns(
      [
        [
          { operation: 'none', values: [] },
          { operation: 'color', values: [0.5] },
        ],
      ],
      2,
    );
    expect(Array.from(operations)).to.deep.equal([0, 8]);
    expect(Array.from(values)).to.deep.equal([0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0]);
  });
});

describe('drawErasing', () => {
  it('covers as many images as asked, by areas and ratios in the range, within the image', () => {
    const key = epochKey(9, 1);
    const boxes = Array.from({ length: 10_000 }, (_, index) => drawErasing(key, index, 0.2, side)).filter(
      (box) => box !== null,
    );
    // A standard deviation of 40.
    expect(boxes.length).to.be.closeTo(2000, 160);
    for (const { top, left, height, width } of boxes) {
      expect(top).to.be.within(0, side - height);
      expect(left).to.be.within(0, side - width);
      expect(height).to.be.below(side);
      expect(width).to.be.below(side);
      expect((height * width) / side ** 2).to.be.within(0.019, 0.336);
      expect(height / width).to.be.within(0.28, 3.6);
    }
    const mean = boxes.reduce((sum, { height, width }) => sum + (height * width) / side ** 2, 0) / boxes.length;
    expect(mean).to.be.closeTo((0.02 + 1 / 3) / 2, 0.01);
    expect(drawErasing(key, 0, 0, side)).to.equal(null);
  });
});
