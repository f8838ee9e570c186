import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { operationAt, type PlannedOperation } from '../../../src/data/augmentation.ts';
import type { Session } from '../../../src/engine/session.ts';
import { Graph } from '../../../src/graph/graph.ts';
import { cast } from '../../../src/graph/ops/arithmetic.ts';
import { addImageOperations, imageOperations, operationValues } from '../../../src/graph/ops/augmentation.ts';
import { openGraph } from '../engine.ts';

interface Fixture {
  readonly side: number;
  readonly fill: readonly number[];
  readonly images: Readonly<Record<string, readonly number[]>>;
  readonly results: readonly {
    readonly image: string;
    readonly operation: string;
    readonly argument: number | null;
    readonly pixels: readonly number[];
  }[];
}

/** Made by generate.py beside it, with timm on Pillow. */
const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/augmentation/operations.json', import.meta.url), 'utf8'),
);
const { side, fill, images, results } = fixture;

/** The operation with timm's argument, through the level that gives it. */
function planned(operation: string, argument: number | null): PlannedOperation {
  const number = argument ?? 0;
  const [size, sign] = [Math.abs(number), Math.sign(number)];
  switch (operation) {
    case 'Rotate':
      return operationAt('Rotate', size / 3, sign, false, side);
    case 'ShearX':
    case 'ShearY':
      return operationAt(operation, size / 0.03, sign, false, side);
    case 'TranslateXRel':
      return operationAt('TranslateX', size / 0.045, sign, false, side);
    case 'TranslateYRel':
      return operationAt('TranslateY', size / 0.045, sign, false, side);
    case 'Posterize':
      return { operation: 'posterize', values: [2 ** (8 - number)] };
    case 'SolarizeAdd':
      return { operation: 'solarize-add', values: [number] };
    default:
      return {
        operation: imageOperations.find((each) => each === operation.toLowerCase())!,
        values: argument === null ? [] : [number],
      };
  }
}

describe('image operations in the graph', () => {
  let session: Session;
  before(() => {
    const graph = new Graph();
    const scope = graph.main;
    const runner = addImageOperations(scope, side, fill);
    const image = graph.placeholder('image', 'uint8', [side, side, 3]);
    const operation = graph.placeholder('operation', 'int32', []);
    const values = graph.placeholder('values', 'float32', [operationValues]);
    graph.output('out', cast(scope, runner(scope, image, operation, values), 'int32'));
    session = openGraph(graph);
  });
  after(() => session.close());

  const run = (pixels: readonly number[], { operation, values }: PlannedOperation): number[] => {
    const row = new Float32Array(operationValues);
    row.set(values);
    const [out] = session.run(
      {
        'image:0': { shape: [side, side, 3], values: Uint8Array.from(pixels) },
        'operation:0': { shape: [], values: Int32Array.of(imageOperations.indexOf(operation)) },
        'values:0': { shape: [operationValues], values: row },
      },
      ['out:0'],
    );
    return Array.from(out as Int32Array);
  };

  for (const [number, { image, operation, argument, pixels }] of results.entries()) {
    it(`${operation} ${argument ?? ''} of the image ${image} is timm's (${number})`, () => {
      const step = planned(operation, argument);
      const found = run(images[image]!, step);
      const differences = found.map((value, index) => Math.abs(value - pixels[index]!));
      const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
      if (step.operation === 'affine') {
        // At the edge of the image Pillow repeats the last pixel for half a pixel, TensorFlow mixes it with the fill.
        const exact = differences.filter((each) => each <= 1).length / differences.length;
        expect(exact).to.be.above(0.88);
        expect(mean).to.be.below(4);
      } else {
        expect(Math.max(...differences)).to.be.at.most(1);
        expect(mean).to.be.below(0.02);
      }
      // It did something, unless timm's does not either.
      if (pixels.some((value, index) => value !== images[image]![index])) {
        expect(found).to.not.deep.equal(images[image]);
      }
    });
  }

  it('leaves an image alone where the plan says so', () => {
    expect(run(images.noise!, { operation: 'none', values: [] })).to.deep.equal(images.noise);
  });
});
