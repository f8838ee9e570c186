import { expect } from 'chai';
import { compileNetwork, feeds, fetches } from '../../src/supernet/compile.ts';
import { expectClose } from '../graph/close.ts';
import { type DecodedFunction, type DecodedNode, decodedShape, decodeGraph } from '../graph/decode.ts';
import { changed } from '../graph/training-graph.ts';
import { openNetwork } from './open-network.ts';
import { imageBatch, paths, recipe, smallSpace } from './small-space.ts';

/** Ops that abort the process, or fail, on an input of unknown rank. */
const needRank = /^(Conv2D|DepthwiseConv2dNative)|^FusedBatchNorm(Grad)?V3$|^BiasAdd/;

describe('the compiled graph keeps away from what aborts TensorFlow', () => {
  const graph = compileNetwork(smallSpace, { ...recipe, dropout: 0.2 });
  const { nodes, functions } = decodeGraph(graph.encode());
  const main = new Map(nodes.map((node) => [node.name, node]));
  const cases = nodes.filter(({ op }) => op === 'Case');
  const branchesOf = (node: DecodedNode): DecodedFunction[] =>
    node.attr.branches!.list!.func.map(({ name }) => functions.get(name)!);

  it('has a Case for each layer and pass, and its derivative for training', () => {
    const passes = ['train', 'rank', 'evaluate', 'recalibrate'];
    const expected = smallSpace.layers.flatMap(({ name }) => [
      ...passes.map((pass) => `${pass}_${name}`),
      `train_${name}_gradient`,
    ]);
    expect(cases.map(({ name }) => name).sort()).to.deep.equal(expected.sort());
  });

  it('checks the shape of everything fed, before anything else sees it', () => {
    const fed = nodes.filter(({ op }) => op === 'Placeholder').map(({ name }) => name);
    expect(fed.map((name) => `${name}:0`).sort()).to.deep.equal(Object.values(feeds).sort());
    for (const name of fed) {
      const users = nodes.filter(({ input }) => input.includes(`${name}:0`) || input.includes(name));
      expect(
        users.map(({ op }) => op),
        name,
      ).to.deep.equal(['EnsureShape']);
    }
  });

  it('lowers every Case to switch and merge, and states the rank of its outputs', () => {
    for (const { name, attr } of cases) {
      expect(attr._lower_using_switch_merge?.b, name).to.equal(true);
      const shapes = attr.output_shapes!.list!.shape.map(decodedShape);
      expect(shapes, name).to.have.length(attr.Tout!.list!.type.length);
    }
  });

  it('gives all branches of a Case the same signature, which is that of the Case', () => {
    for (const node of cases) {
      const bodies = branchesOf(node);
      expect(bodies.length, node.name).to.equal(3);
      for (const body of bodies) {
        const { name, inputArg, outputArg, isStateful } = body.signature;
        expect(isStateful, name).to.equal(true);
        expect(
          inputArg.map(({ type }) => type),
          name,
        ).to.deep.equal(node.attr.Tin!.list!.type);
        expect(
          outputArg.map(({ type }) => type),
          name,
        ).to.deep.equal(node.attr.Tout!.list!.type);
        expect(Object.keys(body.ret).sort(), name).to.deep.equal(outputArg.map((each) => each.name).sort());
      }
      // The index is the first input, the captured tensors follow.
      expect(node.input.filter((input) => !input.startsWith('^'))).to.have.length(node.attr.Tin!.list!.type.length + 1);
    }
  });

  it('states the shape of every argument, of known rank wherever a convolution or batch norm takes it', () => {
    let seen = 0;
    for (const { signature, argAttr, nodeDef } of functions.values()) {
      const shapes = signature.inputArg.map((_, position) => {
        const stated = argAttr[String(position)]?.attr._output_shapes?.list?.shape;
        expect(stated, `${signature.name} in${position}`).to.have.length(1);
        return decodedShape(stated![0]!);
      });
      for (const { op, input } of nodeDef) {
        if (!needRank.test(op)) continue;
        for (const [place, name] of input.entries()) {
          const argument = /^in(\d+)$/.exec(name);
          // The last reserve of batch norm has another rank on each device, and no op looks at it but its own gradient.
          if (!argument || (op === 'FusedBatchNormGradV3' && place === 5)) continue;
          expect(shapes[Number(argument[1])], `${signature.name}: ${op} takes ${name}`).to.not.equal(null);
          seen += 1;
        }
      }
    }
    expect(seen).to.be.above(50);
  });

  it('refers to tensors as node:output_name:index in branches and node:index in the main graph, and to nothing else', () => {
    for (const { signature, nodeDef, ret, controlRet } of functions.values()) {
      const names = new Set(nodeDef.map(({ name }) => name));
      const check = (reference: string): void => {
        if (/^in\d+$/.test(reference)) {
          expect(signature.inputArg.map(({ name }) => name)).to.include(reference);
        } else if (reference.startsWith('^')) {
          expect(names.has(reference.slice(1)), `${signature.name}: ${reference}`).to.equal(true);
        } else {
          expect(reference, signature.name).to.match(/^[^:]+:[a-z]\w*:\d+$/);
          expect(names.has(reference.split(':')[0]!), `${signature.name}: ${reference}`).to.equal(true);
        }
      };
      for (const { input } of nodeDef) for (const reference of input) check(reference);
      for (const reference of Object.values(ret)) check(reference);
      for (const name of Object.values(controlRet)) expect(names.has(name), name).to.equal(true);
      expect(Object.keys(controlRet).sort()).to.deep.equal([...signature.controlOutput].sort());
    }
    for (const { name, input } of nodes) {
      for (const reference of input) {
        expect(reference, name).to.match(/^(\^[^:]+|[^:]+:\d+)$/);
        expect(main.has(reference.replace(/^\^|:\d+$/g, '')), `${name}: ${reference}`).to.equal(true);
      }
    }
  });

  it('names variables in branches by the name and shape that they have outside, and passes no handles in', () => {
    const declared = new Map([...graph.variables.values()].map(({ name, shape }) => [name, shape]));
    for (const { signature, nodeDef } of functions.values()) {
      expect(
        signature.inputArg.map(({ type }) => type),
        signature.name,
      ).to.not.include(20);
      for (const { op, attr } of nodeDef) {
        if (op !== 'VarHandleOp') continue;
        const name = Buffer.from(attr.shared_name!.s!).toString();
        expect(decodedShape(attr.shape!.shape!), name).to.deep.equal(declared.get(name));
      }
    }
  });

  it('runs every update of a branch, each after the read of its variable', () => {
    let updates = 0;
    for (const { signature, nodeDef, controlRet } of functions.values()) {
      const handles = new Map(nodeDef.map((node) => [`${node.name}:resource:0`, node]));
      const readOf = new Map(
        nodeDef.filter(({ op }) => op === 'ReadVariableOp').map(({ name, input }) => [input[0]!, name]),
      );
      for (const { op, name, input } of nodeDef) {
        if (op !== 'ResourceApplyMomentum' && op !== 'AssignVariableOp') continue;
        updates += 1;
        expect(handles.has(input[0]!), `${signature.name}: ${name}`).to.equal(true);
        expect(Object.values(controlRet), `${signature.name}: ${name}`).to.include(name);
        const read = readOf.get(input[0]!);
        if (op === 'ResourceApplyMomentum' && read !== undefined) expect(input, name).to.include(`^${read}`);
      }
    }
    expect(updates).to.be.above(50);
    const trained = main.get('train/loss')!.input;
    for (const { name } of smallSpace.layers) expect(trained).to.include(`^train_${name}_gradient`);
  });

  it('computes no gradient of the images', () => {
    const stemFilter = 'stem/weights/read:0';
    const users = nodes.filter(({ input }) => input.includes(stemFilter)).map(({ op }) => op);
    expect(users).to.include('Conv2D').and.not.include('Conv2DBackpropInput');
  });

  it('has every endpoint that sessions ask for', () => {
    const fixed = decodeGraph(compileNetwork(smallSpace, recipe, paths[0]).encode());
    const own = new Set(fixed.nodes.map(({ name }) => `${name}:0`));
    for (const [name, outputs] of Object.entries(fetches)) {
      // update.test.ts looks at it: it takes a recipe that accumulates.
      if (name === 'update') continue;
      for (const output of outputs) {
        expect(own.has(output), `${output} of a fixed network`).to.equal(true);
        if (!['take', 'saveWeights', 'restoreWeights'].includes(name)) {
          expect(main.has(output.slice(0, -2)), output).to.equal(true);
        }
      }
    }
    expect(fixed.functions.size).to.equal(0);
    expect(fixed.nodes.some(({ op }) => op === 'Case')).to.equal(false);
  });
});

describe('a training step of the supernet', () => {
  const steps = 3;
  const rate = 0.1;

  for (const path of paths) {
    it(`equals that of the network of path ${path.join('')} built without choices: loss, weights and slots`, () => {
      const supernet = openNetwork(smallSpace, recipe);
      const fixed = openNetwork(smallSpace, recipe, path);
      supernet.initialise(3);
      fixed.initialise(3);
      const start = supernet.read();
      const own = Object.keys(fixed.read());
      expect(changed(pick(start, own), fixed.read()), 'initial values').to.deep.equal([]);
      for (let step = 0; step < steps; step++) {
        const batch = imageBatch(5, 10 + step);
        const expected = fixed.train(path, batch, rate);
        expectClose([supernet.train(path, batch, rate)], [expected], `loss of step ${step + 1}`, 1e-6);
      }
      const end = supernet.read();
      const expected = fixed.read();
      for (const name of own) expectClose(end[name]!, expected[name]!, name, 1e-6);
      // Every trained variable of the path has moved, and nothing else has.
      const trained = own.filter((name) => !/\/(mean|variance)$/.test(name));
      expect(changed(start, end).sort()).to.deep.equal(trained.sort());
      supernet.close();
      fixed.close();
    });
  }

  it('lowers the loss when it is repeated', () => {
    const supernet = openNetwork(smallSpace, recipe);
    supernet.initialise(1);
    const batch = imageBatch(16, 5);
    const losses = Array.from({ length: 25 }, () => supernet.train(paths[0]!, batch, 0.1));
    supernet.close();
    expect(losses.at(-1)).to.be.below(losses[0]! - 0.5);
  });
});

describe('recalibration', () => {
  const path = paths[0]!;
  const statistics = (values: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> =>
    pick(
      values,
      Object.keys(values).filter((name) => /\/(mean|variance)$/.test(name)),
    );

  it('averages the statistics of the batches, and touches no weights and no other operation', () => {
    const network = openNetwork(smallSpace, recipe);
    network.initialise(1);
    network.loadCalibration(imageBatch(9, 1));
    const before = network.read();
    const alone = [0, 3, 6].map((start) => {
      network.recalibrate(path, start, 3, 1);
      return statistics(network.read());
    });
    for (const [index, start] of [0, 3, 6].entries()) network.recalibrate(path, start, 3, 1 / (index + 1));
    const after = network.read();
    const moved = changed(before, after);
    const fixed = openNetwork(smallSpace, recipe, path);
    fixed.initialise(1);
    expect(moved.sort()).to.deep.equal(Object.keys(statistics(fixed.read())).sort());
    for (const name of moved) {
      const mean = Array.from(
        after[name]!,
        (_, channel) => alone.reduce((sum, each) => sum + each[name]![channel]!, 0) / 3,
      );
      expectClose(after[name]!, mean, name, 1e-5);
    }
    network.close();
    fixed.close();
  });
});

function pick(values: Readonly<Record<string, Float32Array>>, names: readonly string[]): Record<string, Float32Array> {
  return Object.fromEntries(names.map((name) => [name, values[name]!]));
}
