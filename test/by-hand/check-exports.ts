/**
 * Every export format against our own network, in the programs that users have: by hand, since it needs Python packages.
 *
 *     node --import tsx test/by-hand/check-exports.ts checkpoints/default/subnets/12M-1 [data]
 *     node --import tsx test/by-hand/check-exports.ts GreedyNAS-B [data]
 *
 * A network without weights is trained for twenty steps on CIFAR-10's images, enlarged to its size, so that its batch norm is not
 * trivial and its logits are of the order of those of a trained one; it is checked on 32 others.
 *
 * GREEDYNAS_CHECK_PYTHON names a Python with numpy, onnx, onnxruntime, tensorflow (or tensorflow-cpu), torch, timm and
 * safetensors. The results of one machine stand in docs/results/export.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';
import { takeStack } from '../../src/data/batches.ts';
import { loadCifar10 } from '../../src/data/cifar10.ts';
import { loadTensorflowJs } from '../../src/engine/addon.ts';
import { type ExportFormat, type ExportTarget, exportFormats, exportSubnet } from '../../src/export/export-subnet.ts';
import { formatGenotype } from '../../src/space/genotype.ts';
import { buildSpace, spacePresets, tableDepths } from '../../src/space/presets.ts';
import { recogniseNetwork } from '../../src/space/recognise.ts';
import { readSubnet } from '../../src/supernet/subnet.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { channelsFirst, compareLogits, referenceLogits, writeSmallSubnet } from '../export/small-subnet.ts';
import { engine } from '../graph/engine.ts';

const [network, data = 'data'] = process.argv.slice(2);
const python = process.env.GREEDYNAS_CHECK_PYTHON ?? 'python3';
const script = fileURLToPath(new URL('./check_exports.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'greedynas-check-'));

function report(what: string, actual: ArrayLike<number>, expected: Float32Array, classes: number): void {
  const { largest, otherTop1 } = compareLogits(actual, expected, classes);
  console.log(`${what.padEnd(44)} largest difference ${largest.toExponential(1)}, other top-1: ${otherTop1}`);
}

async function realImages(directory: string): Promise<ImageBatch> {
  const { origin } = await readSubnet(directory);
  const set = await loadCifar10({ directory: data, validationImages: origin.heldOut, seed: origin.seed });
  return takeStack(set.validation, 256, origin.seed);
}

/** Square images, each pixel `factor` x `factor` times. */
function enlarged({ images, labels }: ImageBatch, side: number, factor: number): ImageBatch {
  const wide = side * factor;
  const pixel = (index: number): number => {
    const [image, row, column] = [Math.floor(index / wide ** 2), Math.floor(index / wide) % wide, index % wide];
    return (image * side + Math.floor(row / factor)) * side + Math.floor(column / factor);
  };
  const values = Uint8Array.from({ length: labels.length * wide ** 2 * 3 }, (_, index) => {
    return images[3 * pixel(Math.floor(index / 3)) + (index % 3)]!;
  });
  return { images: values, labels };
}

/** Batches of CIFAR-10's training images by number, enlarged to the size of a network. */
async function enlargedImages(resolution: number): Promise<(count: number, number: number) => ImageBatch> {
  const { train } = await loadCifar10({ directory: data, validationImages: 5000, seed: 0 });
  if (resolution % train.width !== 0) throw new Error(`${resolution} px are no multiple of ${train.width}`);
  return (count, number) => enlarged(takeStack(train, count, number), train.width, resolution / train.width);
}

/** A published network, trained briefly. */
async function brieflyTrained(text: string): Promise<string> {
  const { preset, space, path } = recogniseNetwork(text);
  const directory = join(folder, 'random');
  const { resolution, classes } = space;
  const strides = [...spacePresets[preset].strides];
  const options = { preset, resolution, classes, width: 1, strides, depths: tableDepths(spacePresets[preset]) };
  const training = { steps: 20, batch: 8, learningRate: 0.01, images: await enlargedImages(resolution) };
  await writeSmallSubnet(directory, { space: options, genotype: formatGenotype(space, path) }, training);
  return directory;
}

async function main(): Promise<void> {
  if (network === undefined) throw new Error('give the folder of a subnet or the name of a network');
  const real = existsSync(network);
  const subnet = real ? network : await brieflyTrained(network);
  const description = await readSubnet(subnet);
  const space = buildSpace(description.space);
  const side = space.resolution;
  const { classes } = space;
  const batch = real ? await realImages(subnet) : (await enlargedImages(side))(32, 1000);
  const images = batch.labels.length;
  const expected = referenceLogits(subnet, description, batch);
  const magnitude = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  console.log(`${description.path}\n${images} images, logits up to ${magnitude.toFixed(2)}`);

  const places: { format: ExportFormat; name: string; directory: string }[] = [];
  const write = async (format: ExportFormat, fold: boolean, target: ExportTarget = 'any'): Promise<void> => {
    const words = [format, ...(fold ? ['folded'] : []), ...(target === 'cpu' ? ['cpu'] : [])];
    const out = join(folder, words.join('-'));
    const { directory } = await exportSubnet({ subnet, format, fold, target, out, version: 'check', engine });
    places.push({ format, name: words.join(' '), directory });
  };
  for (const format of exportFormats) {
    for (const fold of format === 'safetensors' ? [false] : [false, true]) await write(format, fold);
  }
  await write('savedmodel', true, 'cpu');
  const tf = loadTensorflowJs(engine);
  const bytes = tf.tensor4d(Array.from(batch.images), [images, side, side, 3], 'int32');
  for (const { format, name, directory } of places) {
    if (format === 'onnx') {
      const session = await ort.InferenceSession.create(join(directory, 'model.onnx'));
      const input = new ort.Tensor('float32', channelsFirst(batch, side), [images, 3, side, side]);
      const { logits } = await session.run({ images: input });
      report(`${name}: onnxruntime-node`, logits!.data as Float32Array, expected, classes);
    } else if (format === 'savedmodel') {
      const model = await tf.node.loadSavedModel(directory);
      const output = model.predict({ images: bytes }) as Record<string, import('@tensorflow/tfjs-node-gpu').Tensor>;
      report(`${name}: tf.node.loadSavedModel`, output.logits!.dataSync(), expected, classes);
    } else if (format === 'tfjs') {
      const model = await tf.loadGraphModel(`file://${join(directory, 'model.json')}`);
      const output = model.execute(bytes, 'logits') as import('@tensorflow/tfjs-node-gpu').Tensor;
      report(`${name}: tf.loadGraphModel, node`, output.dataSync(), expected, classes);
    }
  }
  mkdirSync(join(folder, 'reference'));
  writeFileSync(join(folder, 'reference', 'images.bin'), batch.images);
  writeFileSync(
    join(folder, 'reference', 'logits.bin'),
    Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength),
  );
  const facts = { images, side, classes, params: description.params };
  writeFileSync(join(folder, 'reference', 'facts.json'), JSON.stringify(facts));
  for (const part of ['onnx', 'savedmodel', 'safetensors']) {
    const { status } = spawnSync(python, ['-W', 'ignore', script, folder, part], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    if (status !== 0) process.exitCode = 1;
  }
}

try {
  await main();
} finally {
  if (process.env.GREEDYNAS_CHECK_KEEP === undefined) rmSync(folder, { recursive: true, force: true });
  else console.log(folder);
}
