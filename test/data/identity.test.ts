import { expect } from 'chai';
import type { DataSet, ImageFiles } from '../../src/data/dataset.ts';
import { identifyData } from '../../src/data/identity.ts';

/** Three images of two classes; images and held out are the same, as far as the identity is concerned. */
function files(folder: string, changes: Partial<ImageFiles> = {}): DataSet {
  const source: ImageFiles = {
    stored: { records: false } as unknown as ImageFiles['stored'],
    names: ['a.jpg', 'b.jpg', 'c.jpg'].map((name) => `${folder}/${name}`),
    file: Int32Array.of(0, 1, 2),
    offset: new Float64Array(3),
    labels: Int32Array.of(0, 1, 1),
    count: 3,
    bytes: null,
    widths: Uint16Array.of(64, 64, 50),
    heights: Uint16Array.of(64, 48, 64),
    resolution: 32,
    resize: 36,
    ...changes,
  };
  return {
    name: 'three',
    classes: ['cat', 'dog'],
    mean: [0, 0, 0],
    std: [1, 1, 1],
    train: source,
    validation: source,
    loadTest: async () => source,
  };
}

describe('data/identity', () => {
  it('is that of the images, wherever they lie', () => {
    const identity = identifyData(files('/one'));
    expect(identity).to.include({ train: 3, validation: 3, classes: 2 });
    expect(identity.sha256).to.match(/^[0-9a-f]{64}$/);
    expect(identifyData(files('/other/place'))).to.deep.equal(identity);
  });

  const changes: Record<string, Partial<ImageFiles>> = {
    'a file name': { names: ['/one/a.jpg', '/one/b.jpg', '/one/d.jpg'] },
    'the order': { file: Int32Array.of(1, 0, 2) },
    'a place in a file': { offset: Float64Array.of(0, 0, 1) },
    'a class': { labels: Int32Array.of(1, 1, 1) },
    'a width': { widths: Uint16Array.of(64, 64, 51) },
    'a height': { heights: Uint16Array.of(64, 49, 64) },
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`changes with ${what}`, () => {
      expect(identifyData(files('/one', change)).sha256).to.not.equal(identifyData(files('/one')).sha256);
    });
  }

  it('does not depend on how images are scored, which the config says', () => {
    expect(identifyData(files('/one', { resize: 40, bytes: 7 }))).to.deep.equal(identifyData(files('/one')));
  });
});
