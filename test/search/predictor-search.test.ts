import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import type { Evaluate } from '../../src/search/evaluator.ts';
import { createPredictorSearch, type PredictorSearchOptions } from '../../src/search/predictor-search.ts';
import { createRandomSearch } from '../../src/search/random.ts';
import { runSearch } from '../../src/search/search.ts';
import { pathFlops } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';
import { createAdditivePredictor } from './additive-predictor.ts';

const space = toySpace(10, 5);

/** What an operation is worth depends on its layer, and a little on the operation after it. */
function evaluateBy(seed: number): Evaluate {
  const stream = createStream(seed, 'worth');
  const worth = space.layers.map(() => Array.from({ length: 5 }, () => stream.uniform()));
  const pairs = space.layers.map(() => Array.from({ length: 25 }, () => stream.uniform() / 3));
  return (path) => {
    const gain = path.reduce(
      (sum, operation, layer) =>
        sum + worth[layer]![operation]! + pairs[layer]![5 * operation + (path[layer + 1] ?? 0)]!,
      0,
    );
    return { top1: gain / 20, loss: 20 - gain };
  };
}

function options(changes: Partial<PredictorSearchOptions> = {}): PredictorSearchOptions {
  return {
    method: 'weaknas',
    predictor: createAdditivePredictor(space),
    space,
    limits: {},
    evaluate: evaluateBy(1),
    initial: [],
    evaluations: 120,
    examples: 40,
    queries: 10,
    top: 30,
    scan: 500,
    topK: 10,
    mutationProbability: 0.1,
    stream: createStream(1, 'search'),
    ...changes,
  };
}

const keys = (paths: readonly { readonly path: Path }[]): string[] => paths.map(({ path }) => path.join());

describe('createPredictorSearch', () => {
  it('WeakNAS: fits anew after every M evaluations, on all that is known; the last batch is what is left', () => {
    const predictor = createAdditivePredictor(space);
    const search = createPredictorSearch(options({ predictor, evaluations: 65 }));
    runSearch(search);
    expect(search.evaluated).to.equal(65);
    expect(search.ended).to.equal('complete');
    expect(predictor.fits.map((targets) => targets.length)).to.deep.equal([40, 50, 60]);
    expect(predictor.fits[1]).to.deep.equal(
      search
        .candidates()
        .slice(0, 50)
        .map(({ top1 }) => top1),
    );
    expect(predictor.scans).to.deep.equal([500, 500, 500]);
  });

  it('Neural Predictor: fits once and evaluates its best predictions, the best first', () => {
    const predictor = createAdditivePredictor(space);
    const search = createPredictorSearch(options({ method: 'neural-predictor', predictor }));
    runSearch(search);
    expect(predictor.fits.map((targets) => targets.length)).to.deep.equal([40]);
    const predicted = predictor.predict(
      search
        .candidates()
        .slice(40)
        .map(({ path }) => path),
    );
    expect(Array.from(predicted)).to.deep.equal(Array.from(predicted).sort((a, b) => b - a));
  });

  it('Neural Predictor: fits again where the scan had fewer paths than evaluations are left', () => {
    const predictor = createAdditivePredictor(space);
    runSearch(createPredictorSearch(options({ method: 'neural-predictor', predictor, scan: 30 })));
    expect(predictor.fits.map((targets) => targets.length)).to.deep.equal([40, 70, 100]);
  });

  it('begins with 100 and 172 examples as the papers do, or with half of the evaluations', () => {
    for (const [method, evaluations, first] of [
      ['weaknas', 1000, 100],
      ['neural-predictor', 1000, 172],
      ['weaknas', 120, 60],
      ['neural-predictor', 120, 60],
    ] as const) {
      const predictor = createAdditivePredictor(space);
      const search = createPredictorSearch(options({ method, predictor, evaluations, examples: null }));
      for (let index = 0; index < first; index++) search.next();
      expect(predictor.fits, `${method} ${evaluations}`).to.deep.equal([]);
      search.next();
      expect(predictor.fits.map((targets) => targets.length)).to.deep.equal([first]);
    }
  });

  it('takes half of the examples from the pool, and its others into every scan', () => {
    const pool = allPaths(toySpace(10, 2)).slice(0, 60);
    const search = createPredictorSearch(options({ initial: pool }));
    runSearch(search);
    const first = keys(search.candidates().slice(0, 40));
    expect(first.slice(0, 20)).to.deep.equal(pool.slice(0, 20).map((path) => path.join()));
    expect(first.slice(20).filter((key) => pool.some((path) => path.join() === key)).length).to.be.below(5);
    // A predictor that likes the pool best is given it.
    const predictor = {
      fit() {},
      predict: (paths: ArrayLike<Path>) =>
        Float32Array.from(paths, (path) => -path.reduce((a, b) => Math.max(a, b), 0)),
      close() {},
    };
    const liking = createPredictorSearch(options({ initial: pool, predictor, method: 'neural-predictor', scan: 100 }));
    runSearch(liking);
    expect(keys(liking.candidates().slice(40, 80))).to.include.members(pool.slice(20).map((path) => path.join()));
  });

  it('beats random search at equal evaluations', () => {
    for (const method of ['weaknas', 'neural-predictor'] as const) {
      let wins = 0;
      for (let seed = 0; seed < 8; seed++) {
        const evaluate = evaluateBy(seed);
        const found = runSearch(createPredictorSearch(options({ method, evaluate, stream: createStream(seed, 'a') })));
        const stream = createStream(seed, 'b');
        const random = runSearch(createRandomSearch({ space, limits: {}, count: 120, evaluate, stream }));
        wins += Number(found[0]!.top1 > random[0]!.top1);
      }
      expect(wins, method).to.be.at.least(7);
    }
  });

  it('ranks and learns by the loss where that is the objective; what diverged counts as the worst', () => {
    const predictor = createAdditivePredictor(space);
    const evaluate: Evaluate = (path) =>
      path[0] === 0 ? { loss: Number.NaN, top1: Number.NaN } : { loss: 1 + path[0]! + path[1]!, top1: 0.5 };
    const search = createPredictorSearch(options({ predictor, evaluate, objective: 'loss' }));
    const best = runSearch(search)[0]!;
    expect(best.loss).to.equal(2);
    const losses = search
      .candidates()
      .slice(0, 40)
      .map(({ loss }) => loss);
    const worst = Math.max(...losses.filter(Number.isFinite));
    expect(losses.some(Number.isNaN)).to.equal(true);
    expect(predictor.fits[0]).to.deep.equal(losses.map((loss) => -(Number.isNaN(loss) ? worst : loss)));
    const nothing = createPredictorSearch(options({ evaluate: () => ({ loss: Number.NaN, top1: Number.NaN }) }));
    expect(runSearch(nothing)).to.have.length(120);
  });

  it('keeps the limit in the largest space, and is done with choosing within seconds', () => {
    const large = buildSpace({ preset: 'mobilenet-13-se' });
    const limits = { flops: 330e6, params: 5e6 };
    const began = performance.now();
    const search = createPredictorSearch(
      options({
        space: large,
        predictor: createAdditivePredictor(large),
        limits,
        evaluate: (path) => ({ top1: path.reduce((a, b) => a + b, 0) / 1000, loss: 1 }),
        scan: 10_000,
        evaluations: 60,
      }),
    );
    for (const { path, params } of runSearch(search)) {
      expect(pathFlops(large, path)).to.be.at.most(limits.flops);
      expect(params).to.be.at.most(limits.params);
    }
    expect(performance.now() - began).to.be.below(30_000);
  }).timeout(40_000);

  it('refuses a state that is damaged or of other limits, and options out of range', () => {
    const search = createPredictorSearch(options());
    for (let index = 0; index < 55; index++) search.next();
    const good = search.state() as Record<string, unknown> & { evaluated: object[]; batch: Path[] };
    const bad: [unknown, string][] = [
      [null, 'the whole'],
      [{ ...good, method: 'neural-predictor' }, 'method'],
      [{ ...good, batch: [] }, 'batch'],
      [{ ...good, batch: good.batch.toReversed() }, 'batch: contradicts'],
      [{ ...good, pool: [[9]] }, 'pool'],
      [{ ...good, evaluated: [...good.evaluated, good.evaluated[3]] }, 'twice'],
      [{ ...good, ended: 'complete' }, 'ended'],
      [{ ...good, ended: 'exhausted' }, 'batch: contradicts'],
      [{ ...good, stream: 3 }, 'stream'],
    ];
    for (const [state, place] of bad) {
      expect(() => createPredictorSearch(options({ state })), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
    const cheap = { flops: 1 + Math.min(...search.candidates().map(({ flops }) => flops)) };
    expect(() => createPredictorSearch(options({ state: good, limits: cheap }))).to.throw('over the limits');
    for (const [change, key] of [
      [{ evaluations: 0 }, 'search.evaluations'],
      [{ examples: 1 }, 'search.predictor.examples'],
      [{ queries: 0 }, 'search.predictor.queries'],
      [{ top: 1.5 }, 'search.predictor.top'],
      [{ scan: 0 }, 'search.predictor.scan'],
      [{ topK: 0 }, 'search.topK'],
      [{ mutationProbability: 2 }, 'search.mutationProbability'],
    ] as const) {
      expect(() => createPredictorSearch(options(change)))
        .to.throw(GreedynasError, key)
        .with.property('code', 'usage');
    }
  });
});
