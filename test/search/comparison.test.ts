import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createPathComparison, type PathComparisonOptions } from '../../src/search/comparison.ts';
import type { Evaluate } from '../../src/search/evaluator.ts';
import { randomPaths } from '../../src/search/random.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';

const space = toySpace(4, 3);
const random = randomPaths({ space, limits: {}, count: 20, stream: createStream(5, 'baseline') });
const best = allPaths(space).find((path) => !random.some((other) => other.join() === path.join()))!;

function counted(): { evaluate: Evaluate; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    evaluate: (path) => {
      asked.push(path.join());
      // Some diverge, so that NaN has to survive JSON.
      return path[0] === 1
        ? { loss: Number.NaN, top1: Number.NaN }
        : { loss: path[1]!, top1: path.reduce((sum, gene) => sum + gene, 0) / 8 };
    },
  };
}

function options(changes: Partial<PathComparisonOptions> = {}): PathComparisonOptions {
  return {
    space,
    limits: {},
    best,
    count: 20,
    stream: createStream(5, 'baseline'),
    evaluate: counted().evaluate,
    known: [],
    ...changes,
  };
}

function finish(comparison: ReturnType<typeof createPathComparison>) {
  while (comparison.next() !== null);
  return comparison.result();
}

describe('createPathComparison', () => {
  it('evaluates the best, then the random paths, each once', () => {
    const { evaluate, asked } = counted();
    const comparison = createPathComparison(options({ evaluate }));
    const found = finish(comparison);
    expect(asked).to.deep.equal([best, ...random].map((path) => path.join()));
    expect(found.best.path).to.deep.equal(best);
    expect(found.random.map(({ path }) => path)).to.deep.equal(random);
    expect(comparison).to.include({ total: 21, done: 21, evaluations: 21 });
  });

  it('evaluates the best once where it is among the random paths, and keeps it there', () => {
    const { evaluate, asked } = counted();
    const comparison = createPathComparison(options({ best: random[7]!, evaluate }));
    const found = finish(comparison);
    expect(asked).to.have.length(20);
    expect(found.random).to.have.length(20);
    expect(found.random[7]).to.equal(found.best);
  });

  it('evaluates nothing that is known', () => {
    const known = finish(createPathComparison(options())).random.slice(0, 15);
    const { evaluate, asked } = counted();
    const comparison = createPathComparison(options({ evaluate, known }));
    finish(comparison);
    expect(asked).to.have.length(6);
    expect(comparison.evaluations).to.equal(6);
  });

  it('takes all paths there are where the limits leave fewer', () => {
    const comparison = createPathComparison(options({ count: 1000 }));
    expect(finish(comparison).random).to.have.length(81);
  });

  it('goes on from its state as JSON text after any path, evaluating none again', () => {
    const straight = createPathComparison(options());
    const whole = finish(straight);
    for (let before = 0; before <= 21; before++) {
      const first = createPathComparison(options());
      for (let index = 0; index < before; index++) first.next();
      const { evaluate, asked } = counted();
      const state: unknown = JSON.parse(JSON.stringify(first.state()));
      const second = createPathComparison(options({ evaluate, state }));
      expect(second.done).to.equal(before);
      expect(finish(second)).to.deep.equal(whole);
      expect(asked).to.have.length(21 - before);
      expect(JSON.stringify(second.state())).to.equal(JSON.stringify(straight.state()));
      expect(second.evaluations).to.equal(21);
    }
  });

  it('has no result before its end', () => {
    expect(() => createPathComparison(options()).result()).to.throw(Error, '0 of 21');
  });

  it('refuses a state that is damaged or of other paths', () => {
    const first = createPathComparison(options());
    first.next();
    const state = first.state();
    for (const [bad, place] of [
      [{}, 'the whole'],
      [[{ path: [9], loss: 1, top1: 1 }], '[0].path'],
      [[...state, ...state], '[1]: is of another path'],
      [[{ ...state[0], top1: 'x' }], '[0].top1'],
    ] as const) {
      expect(() => createPathComparison(options({ state: bad })), place)
        .to.throw(GreedynasError, place)
        .with.property('code', 'io');
    }
  });
});
