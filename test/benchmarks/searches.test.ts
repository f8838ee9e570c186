import { expect } from 'chai';
import { rankValues } from '../../src/benchmarks/benchmark.ts';
import { drawDistinct } from '../../src/benchmarks/draw.ts';
import { localSearch } from '../../src/benchmarks/local-search.ts';
import { foundAfter, runTrial, type TableMethod } from '../../src/benchmarks/method.ts';
import { createMethod, parseMethod } from '../../src/benchmarks/methods.ts';
import { neuralPredictorSearch, weakNas } from '../../src/benchmarks/predictor-search.ts';
import { randomSearch } from '../../src/benchmarks/random-search.ts';
import { regularisedEvolution } from '../../src/benchmarks/regularised-evolution.ts';
import type { Predictor } from '../../src/predictors/predictor.ts';
import { createStream } from '../../src/random/stream.ts';
import { toyBenchmark } from './tables.ts';

const benchmark = toyBenchmark({ length: 6, base: 3 });
const truth = benchmark.searched.values;
const ranking = rankValues(benchmark.reported);

function trial(method: TableMethod, budget: number, seed = 1) {
  return runTrial({ benchmark, method, stream: createStream(seed, 'test'), budget });
}

/** What a method asks for, in order, with repetitions. */
function asked(method: TableMethod, count: number, seed = 1): number[] {
  const search = method({ benchmark, stream: createStream(seed, 'test'), budget: count });
  const rows: number[] = [];
  for (let step = search.next(); !step.done && rows.length < count; step = search.next(truth[step.value]!)) {
    rows.push(step.value);
  }
  return rows;
}

/** Knows the truth, and counts its fits. */
function oracle(noise = 0): Predictor<number> & { fits: number[][]; scans: number[] } {
  const fits: number[][] = [];
  const scans: number[] = [];
  return {
    fits,
    scans,
    fit(networks) {
      fits.push([...networks]);
    },
    predict(networks) {
      scans.push(networks.length);
      return Float32Array.from(networks, (row) => truth[row]! + noise * Math.sin(row));
    },
    close() {},
  };
}

const meanRank = (method: TableMethod, budget: number, seeds = 30): number => {
  const ranks = Array.from({ length: seeds }, (_, seed) =>
    ranking.rank(truth[foundAfter(trial(method, budget, seed), budget)]!),
  );
  return ranks.reduce((sum, rank) => sum + rank) / seeds;
};

describe('rankValues', () => {
  it('counts better values; equal ones share the better place', () => {
    const { best, bestRow, rank } = rankValues({ name: '', values: Float64Array.of(3, 9, 5, 9, 1) });
    expect([best, bestRow]).to.deep.equal([9, 1]);
    expect([9, 5, 3, 1].map(rank)).to.deep.equal([1, 3, 4, 5]);
  });
});

describe('drawDistinct', () => {
  it('draws each number once, the first ones uniformly', () => {
    expect([...drawDistinct(createStream(1, 'test'), 50)].sort((a, b) => a - b)).to.deep.equal([...Array(50).keys()]);
    const counts = new Array(10).fill(0);
    const stream = createStream(2, 'test');
    for (let round = 0; round < 5000; round++) {
      const [, second] = drawDistinct(stream, 10);
      counts[second!] += 1;
    }
    for (const count of counts) expect(count).to.be.within(400, 600);
  });
});

describe('runTrial', () => {
  it('counts distinct rows, and answers known ones for nothing', () => {
    const method: TableMethod = function* () {
      for (const row of [5, 5, 7, 5, 7, 100]) yield row;
    };
    const { queries, improvements } = trial(method, 10);
    expect(queries).to.equal(3);
    expect(improvements.map(([after]) => after)).to.include(1);
    expect(improvements[0]).to.deep.equal([1, 5]);
  });

  it('ends at the budget, or when only known rows are asked for', () => {
    expect(trial(randomSearch, 17).queries).to.equal(17);
    const stuck: TableMethod = function* () {
      for (;;) yield 3;
    };
    expect(trial(stuck, 17)).to.deep.equal({
      queries: 1,
      improvements: [[1, 3]],
      optimum: { searched: null, reported: null },
    });
  });

  it('notes when the best rows were queried, and ends once both were', () => {
    const order = [4, 9, 2, 6];
    const method: TableMethod = function* () {
      yield* order;
    };
    const until = (searchedRow: number, reportedRow: number) =>
      runTrial({
        benchmark,
        method,
        stream: createStream(1, 'test'),
        budget: 4,
        untilOptimum: { searchedRow, reportedRow },
      });
    expect(until(2, 9)).to.deep.include({ queries: 3, optimum: { searched: 3, reported: 2 } });
    expect(until(2, 700)).to.deep.include({ queries: 4, optimum: { searched: 3, reported: null } });
  });

  it('tells what was found after so many queries', () => {
    const result = {
      improvements: [
        [1, 40],
        [5, 41],
        [6, 42],
      ] as const,
    };
    expect([1, 4, 5, 100].map((queries) => foundAfter(result, queries))).to.deep.equal([40, 40, 41, 42]);
    expect(() => foundAfter(result, 0)).to.throw(RangeError);
  });
});

describe('search methods on a table', () => {
  const methods: Record<string, () => TableMethod> = {
    random: () => randomSearch,
    evolution: () => regularisedEvolution({ population: 10, tournament: 3 }),
    'local search': () => localSearch,
    WeakNAS: () => weakNas(oracle(), { kind: 'all' }, { initial: 20, queries: 5, top: 10 }),
    'WeakNAS, part of the table': () =>
      weakNas(oracle(), { kind: 'part', rows: 40 }, { initial: 20, queries: 5, top: 10 }),
    'Neural Predictor': () => neuralPredictorSearch(oracle(), 20),
  };
  for (const [name, method] of Object.entries(methods)) {
    it(`${name}: the same seed gives the same search, another one another`, () => {
      expect(asked(method(), 80)).to.deep.equal(asked(method(), 80));
      expect(asked(method(), 80)).not.to.deep.equal(asked(method(), 80, 2));
    });
  }

  it('evolution and local search beat random search, which is as good as chance', () => {
    const random = meanRank(randomSearch, 60);
    // The best of n of N has rank (N + 1) / (n + 1) on average.
    expect(random).to.be.within(6, 20);
    expect(meanRank(regularisedEvolution({ population: 10, tournament: 3 }), 60)).to.be.below(random / 2);
    expect(meanRank(localSearch, 60)).to.be.below(random / 2);
  });

  it('evolution goes on from a random network where it knows all around', () => {
    const isolated = { ...benchmark, mutate: (genotype: number) => genotype };
    const method = regularisedEvolution({ population: 3, tournament: 2 });
    const { queries } = runTrial({ benchmark: isolated, method, stream: createStream(1, 'test'), budget: 50 });
    expect(queries).to.equal(50);
  });

  it('local search asks for every neighbour of the best before it moves', () => {
    const rows = asked(localSearch, 13);
    expect(new Set(rows.slice(1))).to.deep.equal(new Set(benchmark.neighbours(rows[0]!)));
    const best = rows.slice(1).reduce((a, b) => (truth[b]! > truth[a]! ? b : a));
    const next = asked(localSearch, 25).slice(13);
    expect(new Set(next)).to.deep.equal(new Set(benchmark.neighbours(best)));
  });
});

describe('WeakNAS on a table', () => {
  const settings = { initial: 20, queries: 5, top: 10 };

  it('fits anew each iteration on all that is known, and queries M of the N best that are not', () => {
    const predictor = oracle();
    const rows = asked(weakNas(predictor, { kind: 'all' }, settings), 30);
    expect(predictor.fits.map((networks) => networks.length)).to.deep.equal([20, 25, 30]);
    expect(predictor.fits[1]).to.deep.equal(rows.slice(0, 25));
    expect(predictor.scans.slice(0, 2)).to.deep.equal([3 ** 6 - 20, 3 ** 6 - 25]);
    const known = new Set(rows.slice(0, 20));
    const best = [...truth.keys()].filter((row) => !known.has(row)).sort((a, b) => truth[b]! - truth[a]!);
    const chosen = rows.slice(20, 25);
    for (const row of chosen) expect(best.slice(0, 10)).to.include(row);
    expect(new Set(rows).size).to.equal(30);
    // Drawn from the ten, not the best five.
    expect(chosen.toSorted()).not.to.deep.equal(best.slice(0, 5).toSorted());
  });

  it('takes the best predictions themselves where N is M, as `--top 10` asks for', () => {
    const choice = parseMethod('weaknas@20');
    const method = createMethod(choice, benchmark, oracle(), { scan: { kind: 'all' }, top: 10 });
    const rows = asked(method, 30);
    const known = new Set(rows.slice(0, 20));
    const best = [...truth.keys()].filter((row) => !known.has(row)).sort((a, b) => truth[b]! - truth[a]!);
    expect(rows.slice(20).toSorted()).to.deep.equal(best.slice(0, 10).toSorted());
  });

  it('looks at a part of the table if told: fresh random rows, and neighbours of the best known', () => {
    const predictor = oracle();
    const rows = asked(weakNas(predictor, { kind: 'part', rows: 40 }, settings), 25);
    const known = rows.slice(0, 20);
    const near = new Set(known.flatMap((row) => benchmark.neighbours(row)).filter((row) => !known.includes(row)));
    expect(predictor.scans[0])
      .to.be.within(near.size, near.size + 40)
      .and.below(3 ** 6 - 20);
  });

  it('queries the whole of a small table and ends', () => {
    const { queries } = trial(weakNas(oracle(), { kind: 'all' }, { ...settings, queries: 100, top: 200 }), 10_000);
    expect(queries).to.equal(3 ** 6);
  });

  it('is far better than random search where its predictor is any good', () => {
    const method = weakNas(oracle(2), { kind: 'all' }, settings);
    expect(meanRank(method, 60, 10)).to.be.below(2);
  });
});

describe('the Neural Predictor on a table', () => {
  it('fits once on N random networks and queries the best predictions, best first', () => {
    const predictor = oracle();
    const rows = asked(neuralPredictorSearch(predictor, 20), 30);
    expect(predictor.fits).to.deep.equal([rows.slice(0, 20)]);
    const known = new Set(rows.slice(0, 20));
    const best = [...truth.keys()].filter((row) => !known.has(row)).sort((a, b) => truth[b]! - truth[a]!);
    expect(rows.slice(20)).to.deep.equal(best.slice(0, 10));
  });

  it('spends a budget below N on random networks and fits nothing', () => {
    const predictor = oracle();
    const { queries } = trial(neuralPredictorSearch(predictor, 20), 15);
    expect(queries).to.equal(15);
    expect(predictor.fits).to.deep.equal([]);
  });
});
