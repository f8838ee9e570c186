import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Session } from '../../src/engine/session.ts';
import { addCheckpoint, addInitialise, nameHash, notFiniteVariable } from '../../src/graph/checkpoint.ts';
import { Graph, type VariableOptions } from '../../src/graph/graph.ts';
import { openGraph } from './engine.ts';

type Declared = Readonly<Record<string, VariableOptions>>;

interface Opened {
  initialise(seed: number): void;
  save(prefix: string): void;
  restore(prefix: string): void;
  read(name: string): number[];
  close(): void;
}

/** A graph of these variables; those with `saved: false` are not part of its checkpoints and are reset when one is read. */
function open(declared: Declared): Opened {
  const graph = new Graph();
  const variables = Object.entries(declared).map(([name, options]) => graph.variable(name, options));
  addInitialise(graph, variables, graph.placeholder('seed', 'int32', []), 'initialise');
  const saved = variables.filter((variable) => variable.saved);
  const others = variables.filter((variable) => !variable.saved);
  addCheckpoint(graph, saved, graph.placeholder('prefix', 'string', []), { save: 'save', restore: 'restore' }, others);
  for (const variable of variables) graph.output(`get/${variable.name}`, graph.main.read(variable));
  const session: Session = openGraph(graph);
  return {
    initialise: (seed) => void session.run({ 'seed:0': { shape: [], values: Int32Array.of(seed) } }, ['initialise:0']),
    save: (prefix) => void session.run({ 'prefix:0': { text: prefix } }, ['save:0']),
    restore: (prefix) => void session.run({ 'prefix:0': { text: prefix } }, ['restore:0']),
    read: (name) => Array.from(session.run({}, [`get/${name}:0`])[0]!, Number),
    close: () => session.close(),
  };
}

const normal = { kind: 'normal', deviation: 0.5 } as const;

describe('nameHash', () => {
  it('is FNV-1a (test vectors of its authors), as an int32', () => {
    const unsigned = (name: string): number => nameHash(name) >>> 0;
    expect(unsigned('')).to.equal(0x811c9dc5);
    expect(unsigned('a')).to.equal(0xe40c292c);
    expect(unsigned('foobar')).to.equal(0xbf9cf968);
    expect(nameHash('a')).to.equal(0xe40c292c | 0);
  });
});

describe('addInitialise', () => {
  const size = 20_000;
  const declared: Declared = {
    normal: { shape: [size], initial: normal },
    twin: { shape: [size], initial: normal },
    uniform: { shape: [size], initial: { kind: 'uniform', limit: 0.2 } },
    one: { shape: [3], initial: { kind: 'constant', value: 1 } },
    zero: { shape: [2, 2] },
    scalar: { shape: [], initial: { kind: 'constant', value: -2.5 } },
  };
  const moments = (values: readonly number[]): { mean: number; deviation: number } => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
  };
  let opened: Opened;
  before(() => {
    opened = open(declared);
    opened.initialise(7);
  });
  after(() => opened.close());

  it('draws normal values of the given deviation', () => {
    const { mean, deviation } = moments(opened.read('normal'));
    // Standard errors: 0.5 / √20000 = 0.0035, and 0.5 / √40000 = 0.0025.
    expect(mean).to.be.closeTo(0, 0.015);
    expect(deviation).to.be.closeTo(0.5, 0.01);
    // A normal distribution, not another of that deviation: 4.55 % lie beyond two deviations.
    const far = opened.read('normal').filter((value) => Math.abs(value) > 1).length / size;
    expect(far).to.be.closeTo(0.0455, 0.006);
  });

  it('draws uniform values between the limits', () => {
    const values = opened.read('uniform');
    const { mean, deviation } = moments(values);
    expect(mean).to.be.closeTo(0, 0.004);
    expect(deviation).to.be.closeTo(0.4 / Math.sqrt(12), 0.003);
    expect(Math.min(...values)).to.be.within(-0.2, -0.199);
    expect(Math.max(...values)).to.be.within(0.199, 0.2);
  });

  it('sets constants in every shape', () => {
    expect(opened.read('one')).to.deep.equal([1, 1, 1]);
    expect(opened.read('zero')).to.deep.equal([0, 0, 0, 0]);
    expect(opened.read('scalar')).to.deep.equal([-2.5]);
  });

  it('depends on seed and name alone: not on other variables, their order, or the session', () => {
    const first = opened.read('normal');
    expect(opened.read('twin')).to.not.deep.equal(first);
    const other = open({ extra: { shape: [5], initial: normal }, normal: declared.normal! });
    other.initialise(7);
    expect(other.read('normal')).to.deep.equal(first);
    other.initialise(8);
    expect(other.read('normal')).to.not.deep.equal(first);
    other.initialise(-1);
    other.initialise(7);
    expect(other.read('normal')).to.deep.equal(first);
    other.close();
  });

  it('draws independently for names and for seeds', () => {
    const first = opened.read('normal');
    const correlation = (second: readonly number[]): number =>
      first.reduce((sum, value, index) => sum + value * second[index]!, 0) / (size * 0.25);
    // Standard error 1 / √20000 = 0.007.
    expect(correlation(opened.read('twin'))).to.be.closeTo(0, 0.03);
    const other = open({ normal: declared.normal! });
    other.initialise(8);
    expect(correlation(other.read('normal'))).to.be.closeTo(0, 0.03);
    other.close();
  });
});

describe('addCheckpoint', () => {
  const declared: Declared = {
    'layer/weights': { shape: [3, 4], initial: normal },
    'layer/weights/momentum': { shape: [3, 4], initial: normal, trainable: false },
    scalar: { shape: [], initial: normal },
    temporary: { shape: [2], initial: { kind: 'constant', value: 4 }, saved: false },
  };
  let folder: string;
  let prefix: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-checkpoint-'));
    prefix = join(folder, 'weights');
    const first = open(declared);
    first.initialise(1);
    first.save(prefix);
    first.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('writes the two files of a TensorFlow checkpoint', () => {
    expect(readdirSync(folder).sort()).to.deep.equal(['weights.data-00000-of-00001', 'weights.index']);
    // 12 + 12 + 1 numbers; what is not saved is not there.
    expect(statSync(`${prefix}.data-00000-of-00001`).size).to.equal(25 * 4);
    const index = readFileSync(`${prefix}.index`, 'latin1');
    for (const name of ['layer/weights', 'scalar']) expect(index).to.include(name);
    expect(index).to.not.include('temporary');
  });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    it(`writes no file where a value is ${value}, and names the variable`, () => {
      const graph = open({
        good: { shape: [2], initial: normal },
        'bad/weights': { shape: [2], initial: { kind: 'constant', value } },
      });
      graph.initialise(1);
      let message = '';
      try {
        graph.save(join(folder, 'diverged'));
      } catch (error) {
        message = error instanceof Error ? error.message : '';
      }
      graph.close();
      expect(notFiniteVariable(message), message).to.equal('bad/weights');
      expect(readdirSync(folder).filter((name) => name.startsWith('diverged'))).to.deep.equal([]);
    });
  }

  it('names no variable in other failures', () => {
    expect(notFiniteVariable('NOT_FOUND: bad/weights; No such file')).to.equal(null);
  });

  it('reads it back bit for bit, also into a session that was never initialised', () => {
    const expected = open(declared);
    expected.initialise(1);
    for (const seed of [2, null]) {
      const found = open(declared);
      if (seed !== null) found.initialise(seed);
      found.restore(prefix);
      for (const name of Object.keys(declared)) expect(found.read(name), name).to.deep.equal(expected.read(name));
      found.close();
    }
    expected.close();
  });

  it('takes a part of it: the names that the graph has', () => {
    const part = open({ scalar: declared.scalar! });
    part.restore(prefix);
    const whole = open(declared);
    whole.restore(prefix);
    expect(part.read('scalar')).to.deep.equal(whole.read('scalar'));
    part.close();
    whole.close();
  });

  it('names what a checkpoint does not hold', () => {
    const other = open({ ...declared, 'layer/missing': { shape: [2] } });
    expect(() => other.restore(prefix)).to.throw(/layer\/missing/);
    other.close();
  });

  it('names the path of one that is not there', () => {
    const opened = open(declared);
    expect(() => opened.restore(join(folder, 'nothing'))).to.throw(/nothing/);
    opened.close();
  });

  it('refuses other shapes, and then leaves every variable as it was', () => {
    const large: VariableOptions = { shape: [300, 300], initial: normal };
    const writer = open({ a: large, b: { shape: [4, 3], initial: normal }, c: large, d: large });
    const path = join(folder, 'other');
    writer.initialise(3);
    writer.save(path);
    writer.close();
    const reader = open({ a: large, b: { shape: [3, 4], initial: normal }, c: large, d: large });
    reader.initialise(4);
    const before = ['a', 'b', 'c', 'd'].map((name) => reader.read(name));
    expect(() => reader.restore(path)).to.throw(/\[4,3\].*\[3,4\].*restore\/b/s);
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      expect(reader.read(name), name).to.deep.equal(before[index]);
    }
    reader.close();
  });
});
