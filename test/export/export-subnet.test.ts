import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import ort from 'onnxruntime-node';
import { loadTensorflowJs } from '../../src/engine/addon.ts';
import { openSession } from '../../src/engine/session.ts';
import { type ExportFormat, type ExportTarget, exportSubnet } from '../../src/export/export-subnet.ts';
import { imagesOfPiece } from '../../src/export/savedmodel.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { readSubnet, type SubnetDescription } from '../../src/supernet/subnet.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { engine, engineBinding } from '../graph/engine.ts';
import { checkpointTensors } from '../supernet/checkpoint-tensors.ts';
import { imageBatch } from '../supernet/small-space.ts';
import { rejection } from '../training/temporary.ts';
import { channelsFirst, compareLogits, referenceLogits, smallSubnets, writeSmallSubnet } from './small-subnet.ts';

const classes = 10;
const images = 24;

for (const [kind, small] of Object.entries(smallSubnets)) {
  describe(`export/export-subnet of a ${kind} network`, () => {
    let folder: string;
    let subnet: string;
    let description: SubnetDescription;
    let batch: ImageBatch;
    let expected: Float32Array;
    const side = small.space.resolution;

    before(async function () {
      this.timeout(60_000);
      folder = mkdtempSync(join(tmpdir(), 'greedynas-export-'));
      subnet = join(folder, 'subnets', 'small-1');
      mkdirSync(join(folder, 'subnets'));
      await writeSmallSubnet(subnet, small);
      description = await readSubnet(subnet);
      batch = imageBatch(images, 5, buildSpace(small.space));
      expected = referenceLogits(subnet, description, batch);
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const write = (format: ExportFormat, fold: boolean, target: ExportTarget = 'any') =>
      exportSubnet({ subnet, format, fold, target, out: null, version: '9.9.9', engine });
    const check = (logits: ArrayLike<number>, fold: boolean): void => {
      const { largest, otherTop1 } = compareLogits(logits, expected, classes);
      expect(largest).to.be.below(fold ? 1e-3 : 1e-4);
      expect(otherTop1).to.equal(0);
    };

    it('has logits that tell images apart, so that the comparisons below mean something', () => {
      const first = expected.subarray(0, classes);
      const { largest } = compareLogits(expected.subarray(classes, 2 * classes), Float32Array.from(first), classes);
      expect(largest).to.be.above(0.01);
    });

    for (const fold of [false, true]) {
      const how = fold ? ', folded' : '';

      it(`onnx${how}: onnxruntime gives the same logits, at any batch size`, async () => {
        const { directory } = await write('onnx', fold);
        const session = await ort.InferenceSession.create(join(directory, 'model.onnx'));
        const input = channelsFirst(batch, side);
        const run = async (count: number): Promise<Float32Array> => {
          const tensor = new ort.Tensor('float32', input.slice(0, count * 3 * side * side), [count, 3, side, side]);
          const { logits } = await session.run({ images: tensor });
          return logits!.data as Float32Array;
        };
        check(await run(images), fold);
        const { largest } = compareLogits(await run(1), expected.slice(0, classes), classes);
        expect(largest).to.be.below(fold ? 1e-3 : 1e-4);
        await session.release();
      });

      it(`savedmodel${how}: tf.node.loadSavedModel gives the same logits from bytes and from shares`, async function () {
        this.timeout(60_000);
        const { directory } = await write('savedmodel', fold);
        const tf = loadTensorflowJs(engine);
        const bytes = tf.tensor4d(Array.from(batch.images), [images, side, side, 3], 'int32');
        for (const [signature, input] of [
          ['serving_default', bytes],
          ['serving_float', tf.div(tf.cast(bytes, 'float32'), 255)],
        ] as const) {
          const model = await tf.node.loadSavedModel(directory, ['serve'], signature);
          const output = model.predict({ images: input }) as Record<string, import('@tensorflow/tfjs-node-gpu').Tensor>;
          check(output.logits!.dataSync() as Float32Array, fold);
          const names = (await output.class_name!.data()) as unknown as string[];
          const best = Array.from(output.class!.dataSync());
          expect(names).to.deep.equal(best.map((index) => `class ${index}`));
          const shares = Array.from(output.probabilities!.dataSync()).slice(0, classes);
          expect(shares.reduce((sum, share) => sum + share, 0)).to.be.closeTo(1, 1e-5);
          model.dispose();
        }
      });

      it(`tfjs${how}: tf.loadGraphModel gives the same logits`, async function () {
        this.timeout(60_000);
        const { directory } = await write('tfjs', fold);
        const tf = loadTensorflowJs(engine);
        const model = await tf.loadGraphModel(`file://${join(directory, 'model.json')}`);
        const bytes = tf.tensor4d(Array.from(batch.images), [images, side, side, 3], 'int32');
        const logits = model.execute(bytes, 'logits') as import('@tensorflow/tfjs-node-gpu').Tensor;
        check(logits.dataSync() as Float32Array, fold);
        model.dispose();
      });
    }

    it('savedmodel, folded, for a CPU: the bits of the plain one, whatever is left for the last piece, also nothing', async () => {
      const open = async (target: ExportTarget) =>
        openSession(
          engineBinding(),
          readFileSync(join((await write('savedmodel', true, target)).directory, 'saved_model.pb')),
        );
      const [whole, pieces] = [await open('any'), await open('cpu')];
      const size = imagesOfPiece(side);
      for (const [placeholder, fetch, of] of [
        ['images:0', 'default/logits:0', (bytes: Uint8Array) => bytes],
        ['images_float:0', 'float/logits:0', (bytes: Uint8Array) => Float32Array.from(bytes, (value) => value / 255)],
      ] as const) {
        for (const count of [1, size, size + 1]) {
          const { images: bytes } = imageBatch(count, 6, buildSpace(small.space));
          const feed = { [placeholder]: { shape: [count, side, side, 3], values: of(bytes) } };
          const [expectedBits, bits] = [whole, pieces].map((session) => session.run(feed, [fetch])[0] as Float32Array);
          expect(Buffer.from(bits!.buffer).equals(Buffer.from(expectedBits!.buffer)), `${fetch}, ${count}`).to.equal(
            true,
          );
        }
        const none = { [placeholder]: { shape: [0, side, side, 3], values: of(new Uint8Array(0)) } };
        expect(pieces.run(none, [fetch])[0]).to.have.length(0);
      }
      whole.close();
      pieces.close();
      const bytesOf = (name: string): number => statSync(join(folder, 'exports', name, 'saved_model.pb')).size;
      expect(bytesOf('small-1-savedmodel-folded-cpu')).to.be.below(1.1 * bytesOf('small-1-savedmodel-folded'));
    });

    it('folding takes every batch norm out', async () => {
      const bytes = (name: string): Buffer => readFileSync(join(folder, 'exports', name, 'model.onnx'));
      expect(bytes('small-1-onnx').includes('BatchNormalization')).to.equal(true);
      expect(bytes('small-1-onnx-folded').includes('BatchNormalization')).to.equal(false);
    });

    it('the SavedModel has the weights to train on beside it, under their names', () => {
      const mine = checkpointTensors(join(subnet, 'weights'));
      for (const name of ['small-1-savedmodel', 'small-1-savedmodel-folded']) {
        const theirs = checkpointTensors(join(folder, 'exports', name, 'checkpoint', 'weights'));
        expect([...theirs.keys()]).to.deep.equal([...mine.keys()]);
        for (const [key, values] of mine) expect(theirs.get(key)!.equals(values), key).to.equal(true);
      }
    });

    it('the SavedModel has variables, and folded constants alone', () => {
      const names = (name: string): string[] => readdirSync(join(folder, 'exports', name)).sort();
      expect(names('small-1-savedmodel')).to.deep.equal(['checkpoint', 'export.json', 'saved_model.pb', 'variables']);
      expect(names('small-1-savedmodel-folded')).to.deep.equal(['checkpoint', 'export.json', 'saved_model.pb']);
      const holds = (name: string, word: string): boolean =>
        readFileSync(join(folder, 'exports', name, 'saved_model.pb')).includes(word);
      for (const word of ['VarHandleOp', 'RestoreV2']) {
        expect(holds('small-1-savedmodel', word), word).to.equal(true);
        expect(holds('small-1-savedmodel-folded', word), `folded ${word}`).to.equal(false);
      }
    });

    it('the demo page knows the side and the class names, and has its own tfjs', () => {
      const files = join(folder, 'exports', 'small-1-tfjs');
      const page = readFileSync(join(files, 'index.html'), 'utf8');
      expect(page).to.include(`const facts = {"side":${side},"classes":["class 0","class 1"`);
      expect(readFileSync(join(files, 'tf.min.js'), 'utf8')).to.include('loadGraphModel');
    });

    it('goes into exports/ of the run, with a record of what it is', async () => {
      const result = await write('onnx', true);
      expect(result).to.deep.include({ format: 'onnx', folded: true, path: small.genotype });
      expect(result.directory).to.equal(join(folder, 'exports', 'small-1-onnx-folded'));
      const record = JSON.parse(readFileSync(join(result.directory, 'export.json'), 'utf8'));
      expect(record).to.deep.include({ kind: 'greedynas export', version: 1, folded: true, network: description });
      expect(readdirSync(result.directory).sort()).to.deep.equal(['export.json', 'model.onnx']);
    });
  });
}

describe('export/export-subnet refuses', () => {
  let folder: string;
  let subnet: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-export-'));
    subnet = join(folder, 'net');
    await writeSmallSubnet(subnet, smallSubnets.macro);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const plain = { fold: false, target: 'any', version: '1', engine } as const;
  const attempt = (changes: Partial<Parameters<typeof exportSubnet>[0]>) =>
    rejection(exportSubnet({ ...plain, subnet, format: 'onnx', out: null, ...changes }));

  it('to fold what is to be trained', async () => {
    const error = await attempt({ format: 'safetensors', fold: true });
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('--fold does not go with safetensors');
  });

  it('to write what is for a CPU in another way than as a folded SavedModel', async () => {
    for (const [format, fold] of [
      ['savedmodel', false],
      ['onnx', true],
    ] as const) {
      const error = await attempt({ format, fold, target: 'cpu' });
      expect(error.code).to.equal('usage');
      expect(error.message).to.include(
        `--target cpu goes with --format savedmodel --fold alone, here: --format ${format}`,
      );
    }
  });

  it('to replace anything but an export', async () => {
    const out = join(folder, 'mine');
    mkdirSync(out);
    writeFileSync(join(out, 'thesis.tex'), 'x');
    const error = await attempt({ out });
    expect(error.code).to.equal('usage');
    expect(error.message).to.include(out);
    expect(readdirSync(out)).to.deep.equal(['thesis.tex']);
    rmSync(join(out, 'thesis.tex'));
    await exportSubnet({ ...plain, subnet, format: 'onnx', out });
    await exportSubnet({ ...plain, subnet, format: 'safetensors', out });
    expect(readdirSync(out)).to.include('model.safetensors').and.not.include('model.onnx');
  });

  it('a folder that is no subnet, and one that is damaged; nothing is left behind', async () => {
    expect((await attempt({ subnet: join(folder, 'nothing') })).message).to.match(/nothing is no usable subnet/);
    const damaged = join(folder, 'damaged');
    await writeSmallSubnet(damaged, smallSubnets.macro);
    truncateSync(join(damaged, 'weights.data-00000-of-00001'), 100);
    const error = await attempt({ subnet: damaged });
    expect(error.code).to.equal('io');
    expect(error.message).to.match(/weights\.data-00000-of-00001 has 100 bytes/);
    expect(existsSync(join(folder, 'exports'))).to.equal(false);
  });

  it('a place that cannot be written to', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const error = await attempt({ out: join(file, 'out') });
    expect(error.code).to.equal('io');
    expect(error.message).to.include(file);
  });
});
