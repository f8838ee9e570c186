/** Writes a subnet in a format of other programs, into a folder of its own that is whole or not there. */
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import type { EngineOptions } from '../engine/addon.ts';
import { GreedynasError } from '../errors.ts';
import { parseGenotype } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import { createFolder, explained, systemCode } from '../storage/durable.ts';
import { writeWholeFolder } from '../storage/whole-folder.ts';
import { readSubnet, type SubnetDescription, subnetWeights } from '../supernet/subnet.ts';
import { readWeights } from './checkpoint.ts';
import { encodeOnnx } from './onnx.ts';
import { foldBatchNorm, type WeightedProgram, writeProgram } from './program.ts';
import { encodeSafetensors } from './safetensors.ts';
import { encodeFrozen, encodeServing, imagesOfPiece } from './savedmodel.ts';
import { encodeTfjs } from './tfjs.ts';
import { describeForTimm, pytorchTensors } from './timm.ts';

export const exportFormats = ['savedmodel', 'onnx', 'safetensors', 'tfjs'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** `cpu`: a batch goes through the network in pieces, side by side; a GPU would starve on them. */
export const exportTargets = ['any', 'cpu'] as const;
export type ExportTarget = (typeof exportTargets)[number];

export interface ExportRequest {
  /** The subnet's folder. */
  readonly subnet: string;
  readonly format: ExportFormat;
  /** Works batch norm into the convolutions. */
  readonly fold: boolean;
  /** Where it will be served; `cpu` is for a folded SavedModel. */
  readonly target: ExportTarget;
  /** The folder to write; null: `exports/<subnet>-<format>` in the run's folder. An older export there goes. */
  readonly out: string | null;
  /** Of this program, for the record. */
  readonly version: string;
  /** What reads the weights. */
  readonly engine: EngineOptions;
}

export interface ExportResult {
  readonly format: ExportFormat;
  readonly folded: boolean;
  readonly target: ExportTarget;
  readonly directory: string;
  readonly bytes: number;
  readonly path: string;
  readonly flops: number;
  readonly params: number;
}

const markerFile = 'export.json';
const markerKind = 'greedynas export';

/**
 * @throws GreedynasError `io` if the folder is no whole subnet or the export cannot be written; `usage` if something else
 * than an export lies where it would go, or the format does not go with folding or the target
 */
export async function exportSubnet(request: ExportRequest): Promise<ExportResult> {
  const { format, fold, target } = request;
  if (format === 'safetensors' && fold) {
    throw new GreedynasError(
      'usage',
      '--fold does not go with safetensors: its weights are for training in PyTorch, whose network has batch norm',
    );
  }
  if (target === 'cpu' && (format !== 'savedmodel' || !fold)) {
    throw new GreedynasError(
      'usage',
      `--target cpu goes with --format savedmodel --fold alone, here: --format ${format}${fold ? ' --fold' : ''}`,
    );
  }
  const subnet = await readSubnet(request.subnet);
  const directory = request.out ?? defaultDirectory(request);
  await requireReplaceable(directory);
  const space = buildSpace(subnet.space);
  const path = parseGenotype(space, subnet.path);
  const program = writeProgram(space, path, subnet);
  const prefix = subnetWeights(request.subnet);
  const unfolded = { program, weights: readWeights(prefix, program.shapes, request.engine) };
  const network = fold ? foldBatchNorm(unfolded) : unfolded;

  await createFolder(dirname(resolve(directory)));
  await writeWholeFolder(directory, `${format} export`, async (folder) => {
    await writers[format]({ folder, subnet, network, request, prefix });
    const marker = { kind: markerKind, version: 1, ...summary(request, subnet), network: subnet };
    await writeFile(join(folder, markerFile), `${JSON.stringify(marker, null, 2)}\n`);
  });
  return { ...summary(request, subnet), directory, bytes: await folderBytes(directory) };
}

function summary({ format, fold, target }: ExportRequest, { path, flops, params }: SubnetDescription) {
  return { format, folded: fold, target, path, flops, params };
}

interface Job {
  readonly folder: string;
  readonly subnet: SubnetDescription;
  readonly network: WeightedProgram;
  readonly request: ExportRequest;
  /** Of the subnet's own checkpoint. */
  readonly prefix: string;
}

const checkpointParts = ['index', 'data-00000-of-00001'];

const writers: Readonly<Record<ExportFormat, (job: Job) => Promise<void>>> = {
  async savedmodel({ folder, subnet, network, request, prefix }) {
    const { classNames } = subnet;
    const piece = request.target === 'cpu' ? imagesOfPiece(network.program.resolution) : undefined;
    const bytes = request.fold ? encodeFrozen(network, classNames, piece) : encodeServing(network.program, classNames);
    await writeFile(join(folder, 'saved_model.pb'), bytes);
    if (!request.fold) await mkdir(join(folder, 'variables'));
    // Beside it what can be trained on: weights, and batch norm with its statistics, under their own names.
    await mkdir(join(folder, 'checkpoint'));
    for (const part of checkpointParts) {
      await copyFile(`${prefix}.${part}`, join(folder, 'checkpoint', `weights.${part}`));
      if (!request.fold) await copyFile(`${prefix}.${part}`, join(folder, 'variables', `variables.${part}`));
    }
  },
  async onnx({ folder, subnet, network, request }) {
    const metadata = {
      genotype: subnet.path,
      space: subnet.space.preset,
      class_names: JSON.stringify(subnet.classNames),
      flops: String(subnet.flops),
    };
    await writeFile(join(folder, 'model.onnx'), encodeOnnx(network, { metadata, producerVersion: request.version }));
  },
  async safetensors({ folder, subnet, network }) {
    const space = buildSpace(subnet.space);
    const { network: timm, weights } = describeForTimm(space, parseGenotype(space, subnet.path));
    const model = {
      genotype: subnet.path,
      space: subnet.space,
      flops: subnet.flops,
      params: subnet.params,
      timm,
      pretrained_cfg: {
        input_size: [3, space.resolution, space.resolution],
        num_classes: space.classes,
        mean: subnet.mean,
        std: subnet.deviation,
        label_names: subnet.classNames,
        first_conv: 'conv_stem',
        classifier: 'classifier',
      },
    };
    await writeFile(join(folder, 'model.json'), `${JSON.stringify(model, null, 2)}\n`);
    const bytes = encodeSafetensors(pytorchTensors(weights, network.weights), { format: 'pt', genotype: subnet.path });
    await writeFile(join(folder, 'model.safetensors'), bytes);
    await copyFile(new URL('./greedynas_timm.py', import.meta.url), join(folder, 'greedynas_timm.py'));
  },
  async tfjs({ folder, subnet, network, request }) {
    const { model, shards } = encodeTfjs(network, request.version);
    await writeFile(join(folder, 'model.json'), model);
    for (const [name, bytes] of shards) await writeFile(join(folder, name), bytes);
    const page = await readFile(new URL('./demo.html', import.meta.url), 'utf8');
    const facts = { side: subnet.space.resolution, classes: subnet.classNames };
    // "<" would let a class name end the script.
    const json = JSON.stringify(facts).replaceAll('<', '\\u003c');
    await writeFile(
      join(folder, 'index.html'),
      page.replace('/* facts */ null', () => json),
    );
    // The page works without any other server.
    await copyFile(tfjsBundle(), join(folder, 'tf.min.js'));
  },
};

/** The browser's bundle of the tfjs that tfjs-node-gpu depends on. */
function tfjsBundle(): string {
  const node = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
  const tfjs = createRequire(node).resolve('@tensorflow/tfjs/package.json');
  return join(dirname(tfjs), 'dist', 'tf.min.js');
}

/** `checkpoints/<run>/subnets/<id>` goes to `checkpoints/<run>/exports/<id>-<format>`, any other `<folder>` to `exports/` beside it. */
function defaultDirectory({ subnet, format, fold, target }: ExportRequest): string {
  const folder = resolve(subnet);
  const parent = dirname(folder);
  const base = basename(parent) === 'subnets' ? dirname(parent) : parent;
  return join(
    base,
    'exports',
    `${basename(folder)}-${format}${fold ? '-folded' : ''}${target === 'cpu' ? '-cpu' : ''}`,
  );
}

/** Whatever is no export of ours stays. */
async function requireReplaceable(directory: string): Promise<void> {
  await explained('read', directory, async () => {
    let names: string[];
    try {
      names = await readdir(directory);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    if (names.length === 0) return;
    const marker = names.includes(markerFile) ? await readFile(join(directory, markerFile), 'utf8') : '';
    if (marker.includes(`"kind": "${markerKind}"`)) return;
    throw new GreedynasError(
      'usage',
      `--out ${directory}: it holds other files, allowed: a folder that is not there, is empty, or holds an older export`,
    );
  });
}

async function folderBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
