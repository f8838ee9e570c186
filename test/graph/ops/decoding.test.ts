import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { cast } from '../../../src/graph/ops/arithmetic.ts';
import { mirrored, resizeTo } from '../../../src/graph/ops/decoding.ts';
import { createStream } from '../../../src/random/stream.ts';
import { openGraph } from '../engine.ts';

describe('decoding', () => {
  it('scales between pixel centres, rounded, up and down', () => {
    const graph = new Graph();
    const image = graph.placeholder('image', 'uint8', [-1, -1, 3]);
    graph.output('scaled', cast(graph.main, resizeTo(graph.main, image, 16), 'int32'));
    const session = openGraph(graph);
    const stream = createStream(5, 'pixels');
    for (const [height, width] of [
      [16, 16],
      [9, 31],
      [40, 23],
      [1, 1],
      [300, 5],
    ] as const) {
      const values = Uint8Array.from({ length: height * width * 3 }, () => stream.integer(256));
      const scaled = session.run({ 'image:0': { shape: [height, width, 3], values } }, ['scaled:0'])[0] as Int32Array;
      const expected = bilinear(values, height, width, 16);
      expect(scaled).to.have.length(expected.length);
      let sum = 0;
      for (const [place, value] of expected.entries()) {
        expect(scaled![place], `${height}x${width}, value ${place}`).to.be.closeTo(value, 1.5);
        sum += Number(scaled![place]) - value;
      }
      // Rounded, not cut off: no brighter and no darker on the whole.
      expect(sum / expected.length, `${height}x${width}`).to.be.closeTo(0, 0.1);
      if (height === 16) expect(Array.from(scaled!)).to.deep.equal(Array.from(values));
    }
    session.close();
  });

  it('mirrors left to right where it is told to', () => {
    const graph = new Graph();
    const image = graph.placeholder('image', 'uint8', [2, 3, 3]);
    const flip = graph.placeholder('flip', 'uint8', []);
    graph.output('mirrored', cast(graph.main, mirrored(graph.main, image, flip), 'int32'));
    const session = openGraph(graph);
    const values = Uint8Array.from({ length: 18 }, (_, index) => index);
    const run = (turn: number): number[] => {
      const feeds = {
        'image:0': { shape: [2, 3, 3], values },
        'flip:0': { shape: [], values: Uint8Array.of(turn) },
      };
      return Array.from(session.run(feeds, ['mirrored:0'])[0] as Int32Array);
    };
    expect(run(0)).to.deep.equal(Array.from(values));
    expect(run(1)).to.deep.equal([6, 7, 8, 3, 4, 5, 0, 1, 2, 15, 16, 17, 12, 13, 14, 9, 10, 11]);
    session.close();
  });
});

/** In fractions, as torchvision's `resize` without antialiasing has it. */
function bilinear(values: Uint8Array, height: number, width: number, side: number): number[] {
  const at = (row: number, column: number, colour: number): number =>
    values[(Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))) * 3 + colour]!;
  return Array.from({ length: side * side * 3 }, (_, place) => {
    const colour = place % 3;
    const [y, x] = [Math.floor(place / 3 / side), Math.floor(place / 3) % side];
    const [row, column] = [((y + 0.5) * height) / side - 0.5, ((x + 0.5) * width) / side - 0.5];
    const [top, left] = [Math.floor(row), Math.floor(column)];
    const [down, right] = [row - top, column - left];
    const above = at(top, left, colour) * (1 - right) + at(top, left + 1, colour) * right;
    const below = at(top + 1, left, colour) * (1 - right) + at(top + 1, left + 1, colour) * right;
    return above * (1 - down) + below * down;
  });
}
