import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Path } from '../../src/space/space.ts';
import { compileNetwork } from '../../src/supernet/compile.ts';
import { createSubnetSession, createSupernetSession } from '../../src/supernet/session.ts';
import type { Supernet } from '../../src/supernet/supernet.ts';
import { receivedBy } from '../../src/supernet/update.ts';
import { trainPaths } from '../../src/training/train-paths.ts';
import { expectClose } from '../graph/close.ts';
import { decodeGraph } from '../graph/decode.ts';
import { checkpointTensors } from './checkpoint-tensors.ts';
import { imageBatch, paths, recipe, sessionOptions, smallSpace } from './small-space.ts';

type Values = ReadonlyMap<string, Float32Array>;

const rate = 0.07;
const accumulating = { accumulate: true } as const;
const [first, second] = paths as readonly [Path, Path, Path];

describe('update', () => {
  let folder: string;
  let supernet: Supernet;
  /** Gives gradients: with neither momentum nor decay, the slot after a step at rate 0 is the gradient itself. */
  let bare: Supernet;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-update-'));
    supernet = createSupernetSession(smallSpace, sessionOptions(accumulating));
    bare = createSupernetSession(smallSpace, sessionOptions({ momentum: 0, nesterov: false, weightDecay: 0 }));
  });
  after(() => {
    supernet.close();
    bare.close();
    rmSync(folder, { recursive: true });
  });

  const saved = (network: Supernet, name: string): Values => {
    const prefix = join(folder, name);
    network.save(prefix);
    return new Map(
      [...checkpointTensors(prefix)].map(([key, bytes]) => [
        key,
        new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
      ]),
    );
  };
  const gradientsOf = (path: Path, seed: number): Values => {
    bare.restore(join(folder, 'start'));
    const before = saved(bare, 'bare');
    bare.trainStep(path, imageBatch(6, seed), 0);
    const after = saved(bare, 'bare');
    const own = [...before].filter(([name, values]) => !bitEqual(values, after.get(name)!));
    return new Map(own.map(([name]) => [name.replace(/\/momentum$/, ''), after.get(name)!]));
  };
  /** Weights and slots after one update with these gradients, by the formula of Sutskever et al. */
  const byHand = (start: Values, gradients: readonly Values[], factor: number): Values => {
    const expected = new Map(start);
    for (const name of new Set(gradients.flatMap((each) => [...each.keys()]))) {
      const weight = start.get(name)!;
      const decay = name.endsWith('/weights') ? recipe.weightDecay : 0;
      const total = weight.map(
        (value, index) => factor * sum(gradients.map((each) => each.get(name)?.[index] ?? 0)) + decay * value,
      );
      const slot = start.get(`${name}/momentum`)!.map((value, index) => recipe.momentum * value + total[index]!);
      expected.set(`${name}/momentum`, slot);
      expected.set(
        name,
        weight.map((value, index) => value - rate * (total[index]! + recipe.momentum * slot[index]!)),
      );
    }
    return expected;
  };

  for (const [name, trained, factor] of [
    ['all paths of a fair step', paths, 1],
    [
      'two paths that share operations',
      [
        [0, 1, 0, 1],
        [0, 1, 1, 0],
      ],
      1,
    ],
    ['one path twice, as a batch in two parts', [first, first], 0.5],
  ] as const) {
    it(`moves once, by the sum, what received gradients, and nothing else: ${name}`, () => {
      supernet.initialise(5);
      for (const path of paths) supernet.trainStep(path, imageBatch(6, 1), rate);
      const start = saved(supernet, 'start');
      const gradients = trained.map((path, index) => gradientsOf(path, 30 + index));
      for (const [index, path] of trained.entries()) {
        supernet.accumulate(path, imageBatch(6, 30 + index));
      }
      supernet.update(rate, factor);
      const end = saved(supernet, 'end');
      const expected = byHand(start, gradients, factor);
      for (const [variable, values] of expected) expectClose(end.get(variable)!, values, variable, 1e-5);
      const moved = [...start.keys()].filter((variable) => !bitEqual(start.get(variable)!, end.get(variable)!));
      const received = [...new Set(gradients.flatMap((each) => [...each.keys()]))];
      expect(moved.sort()).to.deep.equal(received.flatMap((variable) => [variable, `${variable}/momentum`]).sort());
      if (trained === paths) expect(moved).to.have.length(start.size);
      else expect(moved.length).to.be.below(start.size);
    });
  }

  it('of one path is the training step of a network that does not accumulate', () => {
    const plain = createSupernetSession(smallSpace, sessionOptions());
    for (const network of [supernet, plain]) network.initialise(6);
    for (const [step, path] of [...paths, first].entries()) {
      const batch = imageBatch(6, step);
      expect(supernet.trainStep(path, batch, rate)).to.deep.equal(plain.trainStep(path, batch, rate));
    }
    const [found, expected] = [saved(supernet, 'found'), saved(plain, 'expected')];
    expect([...found.keys()]).to.deep.equal([...expected.keys()]);
    for (const [name, values] of expected) expectClose(found.get(name)!, values, name, 1e-6);
    plain.close();
  });

  it('of a fixed network moves all of it', () => {
    const whole = createSubnetSession(smallSpace, first, sessionOptions(accumulating));
    const plain = createSubnetSession(smallSpace, first, sessionOptions());
    for (const network of [whole, plain]) network.initialise(6);
    const batch = imageBatch(6, 1);
    for (let part = 0; part < 3; part++) whole.accumulate(first, batch);
    whole.update(rate, 1 / 3);
    plain.trainStep(first, batch, rate);
    const [found, expected] = [saved(whole, 'found'), saved(plain, 'expected')];
    for (const [name, values] of expected) expectClose(found.get(name)!, values, name, 1e-5);
    for (const each of [whole, plain]) each.close();
  });

  it('leaves a state that a checkpoint holds whole: resumed, fair training goes on with the same bits', () => {
    const steps = (network: Supernet, from: number) =>
      [0, 1].map((each) => trainPaths(network, paths, imageBatch(6, from + each), rate, from + each).loss);
    const recipe = { ...accumulating, dropout: 0.3 };
    const straight = createSupernetSession(smallSpace, sessionOptions(recipe));
    straight.initialise(8);
    steps(straight, 0);
    straight.save(join(folder, 'middle'));
    const losses = steps(straight, 2);
    const resumed = createSupernetSession(smallSpace, sessionOptions(recipe));
    // What an interrupted update has left must not come along.
    resumed.initialise(9);
    resumed.accumulate(first, imageBatch(6, 50));
    resumed.restore(join(folder, 'middle'));
    expect(steps(resumed, 2)).to.deep.equal(losses);
    const [found, expected] = [saved(resumed, 'found'), saved(straight, 'expected')];
    for (const [name, values] of expected) expect(bitEqual(found.get(name)!, values), name).to.equal(true);
    for (const each of [straight, resumed]) each.close();
  });

  it('drops something else in each part of an update, and the same when it is repeated', () => {
    const dropping = createSupernetSession(smallSpace, sessionOptions({ ...accumulating, dropout: 0.5 }));
    const batch = imageBatch(6, 3);
    const losses = (): number[] => {
      dropping.initialise(4);
      return [0, 1].map(() => dropping.accumulate(first, batch, 7).loss);
    };
    const [one, two] = losses();
    expect(one).to.not.equal(two);
    expect(losses()).to.deep.equal([one, two]);
    dropping.initialise(4);
    expect(dropping.trainStep(first, batch, 0, 7).loss).to.equal(one);
    dropping.close();
  });

  it('is refused where it makes no sense', () => {
    supernet.initialise(1);
    expect(() => supernet.update(rate)).to.throw('call accumulate first');
    supernet.accumulate(second, imageBatch(4, 1));
    expect(() => supernet.save(join(folder, 'half'))).to.throw('call update before save');
    expect(() => supernet.trainStep(second, imageBatch(4, 1), rate)).to.throw('call update before trainStep');
    supernet.update(rate);
    supernet.save(join(folder, 'whole'));
    bare.initialise(1);
    expect(() => bare.accumulate(second, imageBatch(4, 1))).to.throw('recipe.accumulate');
    expect(() => trainPaths(bare, [], imageBatch(4, 1), rate, 0)).to.throw(RangeError);
  });

  it('is in the graph only where the recipe asks for it', () => {
    const plain = decodeGraph(compileNetwork(smallSpace, recipe).encode());
    const names = [...plain.nodes.map(({ name }) => name), ...plain.functions.keys()];
    expect(names.filter((name) => /accumulator|update|received/.test(name))).to.deep.equal([]);
    const graph = compileNetwork(smallSpace, { ...recipe, accumulate: true });
    const { nodes, functions } = decodeGraph(graph.encode());
    const trained = smallSpace.layers.flatMap(({ name }) => [0, 1, 2].map((each) => `train_${name}_gradient_${each}`));
    for (const name of trained) {
      const ops = functions.get(name)!.nodeDef.map(({ op }) => op);
      expect(ops, name).to.not.include('ResourceApplyMomentum');
    }
    // 12 operations, of which two (layer2's and layer4's identity) have no weights.
    expect(nodes.filter(({ name }) => name.startsWith('update_'))).to.have.length(10);
    for (const { name, saved } of graph.variables.values()) {
      if (name.endsWith('/accumulator')) expect(saved, name).to.equal(false);
    }
  });
});

describe('receivedBy', () => {
  it('marks each operation of any of the paths once', () => {
    expect([
      ...receivedBy(smallSpace, [
        [0, 1, 0, 1],
        [0, 0, 2, 1],
      ]),
    ]).to.deep.equal([1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0]);
  });
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function bitEqual(one: Float32Array, other: Float32Array): boolean {
  return Buffer.from(one.buffer).equals(Buffer.from(other.buffer));
}
