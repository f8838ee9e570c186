/** Small spaces built by hand, so that the tests of sampling and search do not depend on the real tables. */
import type { Layer, Operation, Space } from '../../src/space/space.ts';

export function mbconv(expansion: number, kernel = 3): Operation {
  return { kind: 'mbconv', expansion, kernel, se: false };
}

/** A space of these layers behind a small stem convolution; 8 px images, 10 classes. */
export function spaceOf(layers: readonly Layer[]): Space {
  const inChannels = layers[0]!.inChannels;
  return {
    name: 'toy',
    resolution: 8,
    classes: 10,
    activation: 'relu',
    seRatio: 0.25,
    stem: [
      { kind: 'conv', name: 'stem', kernel: 3, stride: 1, inChannels: 3, outChannels: inChannels, activation: 'relu' },
    ],
    layers,
    head: [],
  };
}

/** `layers` equal layers of 8 channels whose operation i has expansion i + 1: cost grows with the index. */
export function toySpace(layers: number, operations: number): Space {
  return spaceOf(
    Array.from({ length: layers }, (_, index) => ({
      name: `layer${index}`,
      stride: 1,
      inChannels: 8,
      outChannels: 8,
      operations: Array.from({ length: operations }, (_, operation) => mbconv(operation + 1)),
    })),
  );
}

/** Every path of a space, in lexicographic order. */
export function allPaths(space: Space): number[][] {
  return space.layers.reduce<number[][]>(
    (paths, layer) => paths.flatMap((path) => layer.operations.map((_, operation) => [...path, operation])),
    [[]],
  );
}

/** Pearson's chi-square of counts against equal expectation. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** The value that chi-square exceeds with probability 1e-4 (Wilson and Hilferty's approximation; z = 3.719). */
export function chiSquareBound(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3;
}
