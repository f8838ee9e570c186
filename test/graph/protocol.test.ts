import { expect } from 'chai';
import { type AttributeProto, encodeSavedModel, savedModelTag } from '../../src/graph/protocol.ts';
import { attribute, tensorProto } from '../../src/graph/types.ts';
import { decodedShape, decodeModel } from './decode.ts';

const attributes: Record<string, AttributeProto> = {
  type: attribute.type('bfloat16'),
  types: attribute.types(['float32', 'resource']),
  shape: attribute.shape([-1, 0, 3]),
  scalar: attribute.shape([]),
  unknown: attribute.shape(null),
  shapes: attribute.shapes([[2], null]),
  int: attribute.int(-5),
  ints: attribute.ints([1, -1, 3]),
  float: attribute.float(0.1),
  yes: attribute.bool(true),
  no: attribute.bool(false),
  text: attribute.text('NHWC'),
  functions: attribute.functions(['a', 'b']),
  tensor: attribute.tensor(tensorProto('float32', [1], [2])),
  texts: attribute.tensor(tensorProto('string', [2], ['x', 'y'])),
};

describe('encodeSavedModel', () => {
  const bytes = encodeSavedModel({
    node: [
      { name: 'a', op: 'Const', input: [], attr: attributes },
      { name: 'b', op: 'Identity', input: ['a:0', '^c'], attr: {} },
    ],
    library: {
      function: [
        {
          signature: {
            name: 'f',
            inputArg: [{ name: 'in0', type: 1 }],
            outputArg: [{ name: 'out0', type: 3 }],
            isStateful: true,
            controlOutput: ['update'],
          },
          nodeDef: [{ name: 'n', op: 'NoOp', input: [], attr: {} }],
          ret: { out0: 'n:output:0' },
          controlRet: { update: 'n' },
          argAttr: { 0: { attr: { _output_shapes: attribute.shapes([[1]]) } } },
        },
      ],
    },
  });
  const model = decodeModel(bytes);
  const graph = model.metaGraphs[0]!.graphDef;

  it('writes one graph under the tag that is loaded, with a version and a schema version', () => {
    expect(model.savedModelSchemaVersion).to.equal(1);
    expect(model.metaGraphs).to.have.length(1);
    expect(model.metaGraphs[0]!.metaInfoDef.tags).to.deep.equal([savedModelTag]);
    expect(graph.versions.producer).to.be.at.least(1);
  });

  it('writes nodes in order, with their data and control inputs', () => {
    expect(graph.node.map(({ name, op, input }) => ({ name, op, input }))).to.deep.equal([
      { name: 'a', op: 'Const', input: [] },
      { name: 'b', op: 'Identity', input: ['a:0', '^c'] },
    ]);
  });

  it('writes every kind of attribute so that it reads back', () => {
    const found = graph.node[0]!.attr;
    expect(Object.keys(found).sort()).to.deep.equal(Object.keys(attributes).sort());
    expect(found.type!.type).to.equal(14);
    expect(found.types!.list!.type).to.deep.equal([1, 20]);
    expect(decodedShape(found.shape!.shape!)).to.deep.equal([-1, 0, 3]);
    expect(decodedShape(found.scalar!.shape!)).to.deep.equal([]);
    expect(decodedShape(found.unknown!.shape!)).to.equal(null);
    expect(found.shapes!.list!.shape.map(decodedShape)).to.deep.equal([[2], null]);
    expect(found.int!.i).to.equal(-5);
    expect(found.ints!.list!.i).to.deep.equal([1, -1, 3]);
    expect(found.float!.f).to.equal(Math.fround(0.1));
    expect([found.yes!.b, found.no!.b]).to.deep.equal([true, false]);
    expect(Buffer.from(found.text!.s!).toString()).to.equal('NHWC');
    expect(found.functions!.list!.func).to.deep.equal([{ name: 'a' }, { name: 'b' }]);
    expect([...found.tensor!.tensor!.tensorContent]).to.deep.equal([0, 0, 0, 0x40]);
    expect(found.texts!.tensor!.stringVal.map(String)).to.have.length(2);
  });

  it('writes functions with signature, results, control outputs and argument shapes', () => {
    const [f] = graph.library.function;
    expect(f!.signature).to.deep.equal({
      name: 'f',
      inputArg: [{ name: 'in0', type: 1 }],
      outputArg: [{ name: 'out0', type: 3 }],
      isStateful: true,
      controlOutput: ['update'],
    });
    expect(f!.ret).to.deep.equal({ out0: 'n:output:0' });
    expect(f!.controlRet).to.deep.equal({ update: 'n' });
    expect(f!.nodeDef.map(({ op }) => op)).to.deep.equal(['NoOp']);
    expect(f!.argAttr['0']!.attr._output_shapes!.list!.shape.map(decodedShape)).to.deep.equal([[1]]);
  });
});
