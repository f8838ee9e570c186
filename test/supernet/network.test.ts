import { expect } from 'chai';
import { pathParams } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path, Space } from '../../src/space/space.ts';
import { compileNetwork } from '../../src/supernet/compile.ts';
import { isStatistic } from '../../src/supernet/network.ts';
import { expectClose } from '../graph/close.ts';
import { openNetwork } from './open-network.ts';
import { referenceLosses } from './reference-network.ts';
import { imageBatch, paths, recipe, smallSpace } from './small-space.ts';

describe('the forward pass', () => {
  for (const activation of ['hswish', 'relu', 'relu6'] as const) {
    it(`with ${activation} is that of a plain reference: mean loss of each path`, () => {
      const space: Space = { ...smallSpace, activation };
      const network = openNetwork(space, recipe);
      network.initialise(4);
      // A few steps at a high rate first, so that scales, shifts and biases are no longer ones and zeros.
      for (const [step, path] of [...paths, ...paths].entries()) network.train(path, imageBatch(6, step), 0.3);
      for (const path of paths) {
        const batch = imageBatch(4, 20);
        const { losses } = referenceLosses(space, path, batch, network.read(), recipe);
        const expected = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        expectClose([network.train(path, batch, 0)], [expected], `path ${path.join('')}`, 2e-5);
      }
      network.close();
    });
  }
});

describe('the gradients of a path', () => {
  for (const activation of ['hswish', 'relu'] as const) {
    it(`with squeeze-and-excite and ${activation} are the slopes of the plain reference, for every variable`, () => {
      const space: Space = { ...smallSpace, activation };
      const plain = { ...recipe, momentum: 0, nesterov: false, weightDecay: 0 };
      const network = openNetwork(space, plain);
      network.initialise(4);
      for (const [step, path] of [...paths, ...paths].entries()) network.train(path, imageBatch(6, step), 0.1);
      const path = [1, 1, 0, 1];
      const batch = imageBatch(3, 30);
      const before = network.read();
      network.train(path, batch, 1);
      const after = network.read();
      const weights = Object.keys(before).filter((name) => !name.endsWith('/momentum'));
      const moved = weights.filter((name) => before[name]!.some((value, at) => value !== after[name]![at]));
      for (const part of ['squeeze/weights', 'squeeze/bias', 'excite/weights', 'excite/bias']) {
        // The path has three gates; ReLU may have closed one.
        expect(moved.filter((name) => name.endsWith(part)).length, part).to.be.within(2, 3);
      }
      for (const name of moved) {
        // Without momentum, decay and with rate 1 a step is the gradient, turned round.
        const gradient = before[name]!.map((value, at) => value - after[name]![at]!);
        const square = gradient.reduce((sum, value) => sum + value * value, 0);
        const lossAt = (distance: number): number => {
          const values = before[name]!.map((value, at) => value + (distance * gradient[at]!) / Math.sqrt(square));
          const { losses } = referenceLosses(space, path, batch, { ...before, [name]: values }, plain);
          return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        };
        const slope = (lossAt(1e-3) - lossAt(-1e-3)) / 2e-3;
        // A kink of ReLU within the distance, and float32's digits, cost some of the agreement. A shift that the next batch
        // norm takes away again has no slope, only rounding.
        expect(Math.abs(slope - Math.sqrt(square)), name).to.be.below(1e-4 + 0.03 * Math.sqrt(square));
      }
      network.close();
    });
  }
});

describe('a network written for oneDNN', () => {
  it('has the statistics of one written for any kernels and takes its steps, where expansions are joined with batch norm', () => {
    const space = buildSpace({ preset: 'nas-bench-macro', width: 0.5, resolution: 32 });
    const path = [1, 2, 2, 1, 0, 2, 1, 2];
    const results = (['any', 'onednn'] as const).map((kernels) => {
      const network = openNetwork(space, recipe, path, kernels);
      network.initialise(4);
      network.loadCalibration(imageBatch(24, 9, space));
      network.recalibrate(path, 0, 24, 1);
      const values = network.read();
      const losses = [0, 1, 2].map((step) => network.train(path, imageBatch(24, step, space), 0.02));
      network.close();
      return { losses, values };
    });
    const [plain, joined] = results as [(typeof results)[0], (typeof results)[0]];
    expectClose(joined.losses, plain.losses, 'losses', 1e-4);
    for (const [name, values] of Object.entries(plain.values)) {
      if (isStatistic({ name })) expectClose(joined.values[name]!, values, name, 1e-4);
    }
    const joins = (kernels: 'any' | 'onednn'): number =>
      compileNetwork(space, recipe, path, kernels).main.operations.filter(({ op }) => op === 'Rsqrt').length;
    expect(joins('any')).to.equal(0);
    expect(joins('onednn')).to.be.above(10);
  });
});

describe('the variables of a network', () => {
  const trained = (space: Space, path: Path) =>
    [...compileNetwork(space, recipe, path).variables.values()].filter(({ trainable }) => trainable);
  const count = (space: Space, path: Path): number =>
    trained(space, path).reduce((sum, { shape }) => sum + (shape ?? []).reduce((size, each) => size * each, 1), 0);

  it('are as many numbers as the cost table counts parameters', () => {
    for (const path of paths) expect(count(smallSpace, path), path.join('')).to.equal(pathParams(smallSpace, path));
    const large = buildSpace({ preset: 'mobilenet-13-se', width: 0.5 });
    const path = large.layers.map(({ operations }, index) => (index * 5) % operations.length);
    expect(count(large, path)).to.equal(pathParams(large, path));
  });

  it('are those of the supernet, by name, shape and initial value', () => {
    const all = compileNetwork(smallSpace, recipe).variables;
    for (const path of paths) {
      for (const variable of trained(smallSpace, path)) expect(all.get(variable.name)).to.deep.equal(variable);
    }
  });

  it('decay where they are weights of convolutions or the classifier, not in biases and batch norm', () => {
    const { variables } = compileNetwork(smallSpace, recipe);
    for (const { name, decay, trainable } of variables.values()) {
      expect(decay, name).to.equal(trainable && name.endsWith('/weights'));
    }
  });

  it('are saved with their slots; statistics only in a fixed network, stacks of images never', () => {
    const supernet = [...compileNetwork(smallSpace, recipe).variables.values()];
    const fixed = [...compileNetwork(smallSpace, recipe, paths[0]).variables.values()];
    for (const variable of [...supernet, ...fixed]) {
      if (variable.trainable || variable.name.endsWith('/momentum'))
        expect(variable.saved, variable.name).to.equal(true);
      if (variable.name.startsWith('stack/')) expect(variable.saved, variable.name).to.equal(false);
    }
    expect(supernet.filter(isStatistic).some(({ saved }) => saved)).to.equal(false);
    expect(fixed.filter(isStatistic).every(({ saved }) => saved)).to.equal(true);
    expect(fixed.filter(isStatistic).length).to.be.above(10);
  });
});

describe('initial values', () => {
  const space: Space = {
    ...smallSpace,
    classes: 200,
    layers: [
      {
        name: 'layer',
        stride: 1,
        inChannels: 4,
        outChannels: 4,
        operations: [
          { kind: 'mbconv', expansion: 64, kernel: 7, se: true },
          { kind: 'mbconv', expansion: 64, kernel: 3, se: false },
        ],
      },
    ],
    head: [{ kind: 'conv', name: 'head', kernel: 3, stride: 1, inChannels: 4, outChannels: 128, activation: 'relu' }],
  };
  let values: Readonly<Record<string, Float32Array>>;
  let names: readonly string[];
  before(() => {
    const network = openNetwork(space, recipe);
    network.initialise(9);
    values = network.read();
    names = Object.keys(values);
    network.close();
  });

  const expectDeviation = (name: string, expected: number): void => {
    const drawn = values[name]!;
    const square = drawn.reduce((sum, value) => sum + value * value, 0) / drawn.length;
    // The standard error of a deviation is deviation / √(2 · count); four of these.
    expect(Math.sqrt(square), name).to.be.closeTo(expected, (4 * expected) / Math.sqrt(2 * drawn.length));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    expect(mean, `mean of ${name}`).to.be.closeTo(0, (4 * expected) / Math.sqrt(drawn.length));
  };

  it('of convolutions are normal with deviation √(2 / fan-out); a depthwise one has a fan-out of its kernel', () => {
    expectDeviation('layer/e64k7se/expand/weights', Math.sqrt(2 / 256));
    expectDeviation('layer/e64k7se/depthwise/weights', Math.sqrt(2 / 49));
    expectDeviation('layer/e64k3/depthwise/weights', Math.sqrt(2 / 9));
    expectDeviation('layer/e64k7se/squeeze/weights', Math.sqrt(2 / 64));
    expectDeviation('layer/e64k7se/excite/weights', Math.sqrt(2 / 256));
    expectDeviation('layer/e64k7se/project/weights', Math.sqrt(2 / 4));
    expectDeviation('head/weights', Math.sqrt(2 / (9 * 128)));
  });

  it('of the classifier are uniform up to 1 / √inputs', () => {
    const limit = 1 / Math.sqrt(128);
    expectDeviation('classifier/weights', limit / Math.sqrt(3));
    const highest = values['classifier/weights']!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(highest).to.be.within(limit * 0.999, limit);
  });

  it('are 1 for scales and variances, 0 for shifts, biases, means and slots', () => {
    for (const name of names) {
      if (name.endsWith('/weights')) continue;
      const expected = /\/(gamma|variance)$/.test(name) ? 1 : 0;
      expect(
        values[name]!.every((value) => value === expected),
        name,
      ).to.equal(true);
    }
    expect(names.filter((name) => name.endsWith('/momentum')).length).to.be.above(10);
  });

  it('differ between variables of the same shape, and between seeds; the same seed gives the same bits', () => {
    const network = openNetwork(space, recipe);
    network.initialise(10);
    const other = network.read();
    network.initialise(9);
    const again = network.read();
    network.close();
    const twins = ['layer/e64k7se/expand/weights', 'layer/e64k3/expand/weights'] as const;
    expect(Array.from(values[twins[0]]!)).to.not.deep.equal(Array.from(values[twins[1]]!));
    for (const name of names) {
      expect(Array.from(again[name]!), name).to.deep.equal(Array.from(values[name]!));
      if (name.endsWith('/weights'))
        expect(Array.from(other[name]!), name).to.not.deep.equal(Array.from(values[name]!));
    }
  });
});
