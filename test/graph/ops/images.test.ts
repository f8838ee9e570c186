import { expect } from 'chai';
import { Graph } from '../../../src/graph/graph.ts';
import { normaliseImages } from '../../../src/graph/ops/images.ts';
import { expectClose } from '../close.ts';
import { openGraph } from '../engine.ts';

describe('normaliseImages', () => {
  it('is (x / 255 − mean) / deviation for each colour', () => {
    const mean = [0.4914, 0.4822, 0.4465];
    const deviation = [0.247, 0.2435, 0.2616];
    const graph = new Graph();
    const images = graph.placeholder('images', 'uint8', [-1, 2, 4, 3]);
    graph.output('y', normaliseImages(graph.main, images, mean, deviation));
    const session = openGraph(graph);
    const bytes = Uint8Array.from({ length: 48 }, (_, index) => (index * 89) % 256);
    bytes.set([0, 255], 0);
    const [found] = session.run({ 'images:0': { shape: [2, 2, 4, 3], values: bytes } }, ['y:0']);
    session.close();
    const expected = Array.from(bytes, (byte, index) => (byte / 255 - mean[index % 3]!) / deviation[index % 3]!);
    expectClose(Array.from(found!, Number), expected, 'normalised');
  });

  it('needs a width, whose constants it writes out', () => {
    const graph = new Graph();
    const images = graph.placeholder('images', 'uint8', [-1, 2, -1, 3]);
    expect(() => normaliseImages(graph.main, images, [0, 0, 0], [1, 1, 1])).to.throw(
      '[?, 2, ?, 3] leaves the width open',
    );
  });
});
