import { expect } from 'chai';
import fc from 'fast-check';
import { crowdingDistances, dominates, type Point, sortFronts } from '../../src/search/pareto.ts';

describe('dominates', () => {
  it('asks for nowhere worse and somewhere better', () => {
    expect(dominates([1, 2], [1, 3])).to.equal(true);
    expect(dominates([1, 2], [1, 2])).to.equal(false);
    expect(dominates([0, 4], [1, 3])).to.equal(false);
    expect(dominates([Number.NaN, 1], [5, 5])).to.equal(false);
  });
});

describe('sortFronts', () => {
  it('sorts a case done by hand', () => {
    // (1,5) (2,3) (4,1) trade off; (3,4) loses to (2,3) alone, (5,2) to (4,1) alone; (5,5) loses to both of these.
    const points: Point[] = [
      [5, 5],
      [1, 5],
      [3, 4],
      [2, 3],
      [5, 2],
      [4, 1],
    ];
    expect(sortFronts(points)).to.deep.equal([[1, 3, 5], [2, 4], [0]]);
  });

  it('is what peeling off the undominated again and again gives', () => {
    const points = fc.integer({ min: 1, max: 4 }).chain((objectives) =>
      fc.array(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: objectives, maxLength: objectives }), {
        maxLength: 40,
      }),
    );
    fc.assert(
      fc.property(points, (given) => {
        let left = given.map((_, index) => index);
        const expected: number[][] = [];
        while (left.length > 0) {
          const front = left.filter((one) => !left.some((other) => dominates(given[other]!, given[one]!)));
          expected.push(front);
          left = left.filter((index) => !front.includes(index));
        }
        expect(sortFronts(given)).to.deep.equal(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('crowdingDistances', () => {
  it('adds up the gaps between the neighbours, as shares of the range; the ends are infinite', () => {
    // Sorted by the first: (0,10) (2,6) (6,5) (10,0). Inner: (6−0)/10 + (10−5)/10 = 1.1; (10−2)/10 + (6−0)/10 = 1.4.
    const front: Point[] = [
      [6, 5],
      [0, 10],
      [10, 0],
      [2, 6],
    ];
    const [third, first, last, second] = crowdingDistances(front);
    expect([first, last]).to.deep.equal([Infinity, Infinity]);
    expect(second).to.be.closeTo(1.1, 1e-12);
    expect(third).to.be.closeTo(1.4, 1e-12);
  });

  it('knows one point, equal points, and an objective in which all are equal', () => {
    expect(crowdingDistances([])).to.deep.equal([]);
    expect(crowdingDistances([[3, 4]])).to.deep.equal([0]);
    expect(
      crowdingDistances([
        [1, 1],
        [1, 1],
      ]),
    ).to.deep.equal([0, 0]);
    expect(
      crowdingDistances([
        [1, 7],
        [2, 7],
        [4, 7],
      ]),
    ).to.deep.equal([Infinity, 1, Infinity]);
  });

  it('is the sum over the objectives of what each alone gives', () => {
    const points = fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(points, points, (some, others) => {
        const count = Math.min(some.length, others.length);
        const front = some.slice(0, count).map((value, index) => [value, others[index]!]);
        const gaps = (objective: number): number[] => {
          const sorted = front.map((point) => point[objective]!).sort((a, b) => a - b);
          const range = sorted.at(-1)! - sorted[0]!;
          return front.map((point) => {
            const place = sorted.indexOf(point[objective]!);
            const [below, above] = [sorted[place - 1], sorted[place + 1]];
            return below === undefined || above === undefined ? Infinity : (above - below) / range;
          });
        };
        const [first, second] = [gaps(0), gaps(1)];
        for (const [index, distance] of crowdingDistances(front).entries()) {
          const expected = first[index]! + second[index]!;
          if (expected === Infinity) expect(distance).to.equal(Infinity);
          else expect(distance).to.be.closeTo(expected, 1e-9);
        }
      }),
    );
  });
});
