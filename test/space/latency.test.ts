import { expect } from 'chai';
import fc from 'fast-check';
import { GreedynasError } from '../../src/errors.ts';
import { pathLatency } from '../../src/space/cost.ts';
import {
  formatLatency,
  longest,
  nanosecondsAbove,
  nanosecondsBelow,
  parseLatency,
  withLatency,
} from '../../src/space/latency.ts';
import { toySpace } from '../sampling/toy-space.ts';

describe('latency as text', () => {
  it('is read in each unit', () => {
    for (const [text, milliseconds] of [
      ['80ms', 80],
      ['0.08s', 80],
      ['800us', 0.8],
      ['800µs', 0.8],
      [' 1.5 MS ', 1.5],
      ['290us', 0.29],
    ] as const) {
      expect(parseLatency(text), text).to.equal(milliseconds);
    }
  });

  it('is refused without a unit, and where it is no time above zero', () => {
    for (const text of ['80', '', '-1ms', '0ms', '1e3ms', 'ms', '80 minutes', '99999999999s', 'x'.repeat(500)]) {
      expect(() => parseLatency(text), text)
        .to.throw(GreedynasError, 'such as 80ms, 0.08s or 800us')
        .with.property('code', 'usage');
    }
  });

  it('is written with four digits, and reads back within 0.05 %', () => {
    expect([0, 0.0123456, 0.8541, 0.99999, 7.7134, 80, 1234.5].map(formatLatency)).to.deep.equal([
      '0ms',
      '12.35us',
      '854.1us',
      '1ms',
      '7.713ms',
      '80ms',
      '1.234s',
    ]);
    fc.assert(
      fc.property(fc.double({ min: 1e-5, max: 1e6, noNaN: true }), (value) => {
        expect(parseLatency(formatLatency(value)) / value).to.be.closeTo(1, 5.001e-4);
      }),
    );
  });
});

describe('whole nanoseconds', () => {
  it('are the nearest ones that are not below, or not above', () => {
    expect(nanosecondsAbove(0.29)).to.equal(290_000);
    expect(nanosecondsBelow(0.29)).to.equal(290_000);
    expect(nanosecondsAbove(1.0000001)).to.equal(1_000_001);
    expect(nanosecondsBelow(1.0000009)).to.equal(1_000_000);
    fc.assert(
      fc.property(fc.double({ min: 0, max: longest, noNaN: true }), (milliseconds) => {
        const [above, below] = [nanosecondsAbove(milliseconds), nanosecondsBelow(milliseconds)];
        expect(above / 1e6).to.be.at.least(milliseconds);
        expect((above - 1) / 1e6).to.be.below(milliseconds);
        expect(below / 1e6).to.be.at.most(milliseconds);
        expect((below + 1) / 1e6).to.be.above(milliseconds);
      }),
    );
  });
});

describe('withLatency', () => {
  const space = toySpace(2, 2);

  it('gives paths a latency, the fixed part included', () => {
    const timed = withLatency(space, {
      fixed: 0.5,
      layers: [
        [0.1, 0.2],
        [0, 3],
      ],
    });
    expect(pathLatency(timed, [0, 0])).to.equal(0.6);
    expect(pathLatency(timed, [1, 1])).to.equal(3.7);
    expect(pathLatency(space, [1, 1])).to.equal(undefined);
    expect(withLatency(space, null)).to.equal(space);
  });

  it('refuses latencies of another space, and what is no time', () => {
    for (const layers of [
      [[1, 2]],
      [[1, 2], [3]],
      [
        [1, 2],
        [3, Number.NaN],
      ],
      [
        [1, 2],
        [3, -1],
      ],
    ]) {
      expect(() => withLatency(space, { fixed: 0, layers })).to.throw(RangeError, 'latenc');
    }
  });
});
