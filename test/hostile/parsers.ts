/** Everything that reads what users or disks hand over, with inputs to attack it: what may come out is a value or a named error. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { modelMetrics, readNasBench101Records } from '../../src/benchmarks/nas-bench-101-records.ts';
import { parseConfig, stringifyConfig } from '../../src/config/load.ts';
import { maskedCrc32c } from '../../src/data/crc32c.ts';
import { decodeImage, encodeExample } from '../../src/data/example.ts';
import { readImageHeader } from '../../src/data/image-header.ts';
import { emptyIndex, encodeIndex, readIndex } from '../../src/data/image-index.ts';
import { ArchiveError, readTarGz } from '../../src/data/tar.ts';
import { indexTar } from '../../src/data/tar-index.ts';
import { frameRecord, readRecords, recordHeaderBytes } from '../../src/data/tfrecord.ts';
import { isRecordDamaged } from '../../src/data/unreadable.ts';
import { GreedynasError } from '../../src/errors.ts';
import { createStream } from '../../src/random/stream.ts';
import { createGreedySampler, type GreedySampler } from '../../src/sampling/greedy.ts';
import { formatPool, parsePool } from '../../src/sampling/pool-file.ts';
import { rankingOf } from '../../src/sampling/ranking.ts';
import { openEvaluationLog } from '../../src/search/evaluation-log.ts';
import { formatSavedSearch, parseSavedSearch } from '../../src/search/saved-search.ts';
import { parseFlops } from '../../src/space/flops.ts';
import { formatGenotype, parseGenotype, pathFromDigits } from '../../src/space/genotype.ts';
import { formatOwnTable } from '../../src/space/latency-own.ts';
import { parseLatencyTable } from '../../src/space/latency-table.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { acquireLock } from '../../src/storage/lock.ts';
import { DamagedFolder, NewerFolder, verifySealedFolder } from '../../src/storage/sealed-folder.ts';
import { findCheckpoint, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { noTime } from '../../src/training/ledger.ts';
import { keptLines } from '../../src/training/metrics.ts';
import { runDirectory } from '../../src/training/run-folder.ts';
import { sealAgain } from '../storage/seal-again.ts';
import { smallConfig } from '../training/small-run.ts';
import { edited, editedBytes, editedJson, noise } from './generators.ts';

/** A parser under attack. */
export interface Attack {
  readonly name: string;
  readonly inputs: fc.Arbitrary<unknown>;
  /** Reads an input; `folder` is empty at the first call and its own. May throw what `expected` takes. */
  readonly read: (input: unknown, folder: string) => unknown;
  readonly expected: (error: unknown) => boolean;
}

function attack<T>(
  name: string,
  inputs: fc.Arbitrary<T>,
  read: (input: T, folder: string) => unknown,
  expected: (error: unknown) => boolean = (error) => error instanceof GreedynasError,
): Attack {
  // The inputs are those of this very arbitrary.
  return { name, inputs, read: (input, folder) => read(input as T, folder), expected };
}

const space = buildSpace(smallConfig.space);
const wide = buildSpace({ preset: 'mobilenet-13-se', resolution: 32, classes: 10 });
const genotypes = [0, 1, 2].map((seed) => {
  const stream = createStream(seed, 'genotype');
  return formatGenotype(
    wide,
    wide.layers.map(({ operations }) => stream.integer(operations.length)),
  );
});

function sampler(state?: unknown): GreedySampler {
  const stream = createStream(1, 'sampler');
  const stop = { alpha: 0.01, every: 10 };
  const sizes = { paths: 10, keep: 5, pool: 20, flopsLimit: null, epsilon: 0.8, warmupSteps: 2, totalSteps: 60 };
  return createGreedySampler({ space, stream, stop, ...sizes, state });
}

const used = sampler();
for (let step = 0; step < 23; step++)
  used.next(step, ({ paths }) => rankingOf(paths.map((_, index) => 2 + index / 10)));
const samplerState: unknown = JSON.parse(JSON.stringify(used.state()));

const trainingState = {
  format: 2,
  step: 7,
  ledger: { optimised: 56, evaluated: 20 },
  window: { steps: 3, images: 24, loss: 6.5, correct: 4, fromPool: 1 },
  skipped: { total: 0, inRow: 0 },
  sampler: samplerState,
} as const;

const savedSearch = formatSavedSearch({
  checkpoint: { step: 60, sha256: 'f'.repeat(64) },
  limits: { flops: 60_000_000 },
  overrides: ['search.generations=3'],
  config: smallConfig,
  latency: null,
  phase: 'exploration',
  seconds: 3.5,
  exploration: null,
  comparison: null,
  subnets: 0,
});

/** A checkpoint of step 7 in a folder, written once. */
async function checkpointIn(folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return saveCheckpoint({
    runDirectory: folder,
    state: trainingState,
    seconds: { ...noTime, train: 1, rank: 1, save: 1 },
    saveWeights: (prefix) => writeFileSync(`${prefix}.index`, 'weights'),
    keep: 1,
  });
}

function tar(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  padded.write(content);
  return Buffer.concat([header, padded, Buffer.alloc(1024)]);
}

const archive = tar('package/a.txt', 'some content');
/** The same as an archive of archives. */
const nested = Buffer.concat([tar('train/n01.tar', archive.toString('latin1')).subarray(0, -1024), archive]);

const records = Buffer.concat(
  ['', 'a record', 'another record '.repeat(20)].map((text) => frameRecord(Buffer.from(text))),
);

/** The head of a record whose CRC fits, with whatever length, and a few bytes more. */
const falseLengths = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(63), fc.uint8Array({ maxLength: 40 }))
  .map(([length, shift, rest]) => {
    const head = Buffer.alloc(recordHeaderBytes);
    head.writeBigUInt64LE(length >> BigInt(shift));
    head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
    return Buffer.concat([head, rest]);
  });

const example = encodeExample({
  encoded: Buffer.from('a picture'),
  ...{ height: 4, width: 3, channels: 3, label: 2, synset: 'n01', text: 'tench', filename: 'a.jpg' },
});
// A field of the map named `__proto__` (field 1 of Features, whose key is field 1 and whose value is field 2).
const prototypeFeature = Buffer.from('0a0f0a0d0a095f5f70726f746f5f5f1200', 'hex');
/** A message in itself in itself …, as unknown groups: field 15, wire types 3 and 4. */
const manyGroups = Buffer.concat([Buffer.alloc(50_000, 0x7b), Buffer.alloc(50_000, 0x7c)]);

const training = { epochs: 108, adjacency: '0100001000010000', operations: 'input,conv3x3-bn-relu,maxpool3x3,output' };
const evaluation = { currentEpoch: 108, trainingTime: 9, trainAccuracy: 1, validationAccuracy: 0.9, testAccuracy: 0.8 };
const metrics = modelMetrics
  .encode(modelMetrics.fromObject({ evaluationData: [evaluation, evaluation, evaluation], trainableParameters: 7 }))
  .finish();

function recordOf({ epochs, adjacency, operations }: typeof training, encoded: Uint8Array): string {
  return JSON.stringify(['00aa', epochs, adjacency, operations, Buffer.from(encoded).toString('base64')]);
}

/** Writes a file of its own and reads it. */
function fromFile(read: (file: string) => Promise<unknown>): (bytes: Uint8Array, folder: string) => Promise<void> {
  return async (bytes, folder) => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'file');
    writeFileSync(file, bytes);
    await read(file);
  };
}

const readAllRecords = fromFile(async (file) => {
  let place = -1;
  for await (const { offset } of readRecords(file)) {
    if (offset <= place) throw new Error(`record at ${offset} after ${place}`);
    place = offset;
  }
});
const readBenchmarkRecord = fromFile((file) => readNasBench101Records(file, 'validation', 10));

const jpeg = Buffer.from('ffd8ffe000104a46494600010101004800480000ffc0001108001000200301220002110103110100', 'hex');
const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000100000002008020000', 'hex');

const times = { fixed: 1.5, layers: space.layers.map(({ operations }) => operations.map((_, index) => index / 2)) };
const latencyTables = [
  formatOwnTable(space, times, { device: 'a device' }),
  '{"conv_1_shape": {"mean": 1.5}, "expanded_conv-input:16x16x8-output:16x16x8-expand:3-kernel:3-stride:1-idskip:0": {"mean": 2}}',
  JSON.stringify({ Conv: { mean: 1 }, Logits: 3, constructor: 4 }),
];
const damaged = (error: unknown) => error instanceof DamagedFolder || error instanceof NewerFolder;

export const attacks: readonly Attack[] = [
  attack('genotype', fc.oneof(noise, edited(...genotypes)), (text) => parseGenotype(wide, text)),
  attack('digits of a path', fc.oneof(noise, edited('01201201')), (text) => pathFromDigits(space, text)),
  attack('FLOPs', fc.oneof(noise, edited('330M', '0.33G', '330000000', '1.5e3K')), parseFlops),
  attack('run name', fc.oneof(noise, edited('default', 'a/../b', 'C:\\x')), (name) => {
    const directory = runDirectory('checkpoints', name);
    if (!/^checkpoints\/[^/]+$/.test(directory)) throw new Error(`${directory} is outside`);
  }),
  attack('config', fc.oneof(noise, edited(stringifyConfig(smallConfig), 'training: {steps: 5}\n')), (text) =>
    parseConfig(text, { file: 'config.yaml' }),
  ),
  attack(
    '--set',
    fc.oneof(noise, edited('training.steps=5', 'sampling.stop={alpha: 0.1}', 'space.strides=[1,2]')),
    (text) => parseConfig('seed: 1', { file: 'config.yaml', overrides: [text] }),
  ),
  attack(
    'checkpoint manifest',
    editedJson({
      format: 2,
      kind: 'checkpoint',
      files: { 'state.json': { bytes: 7, sha256: 'x' }, weights: { bytes: 7, sha256: 'y' } },
    }),
    async (manifest, folder) => {
      const directory = join(folder, 'step-00000007');
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'state.json'), 'content');
      writeFileSync(join(directory, 'manifest.json'), '{"format":2,"kind":"checkpoint","files":{}}');
      // With a hash of itself that fits, as its writer could have made it.
      sealAgain(directory, () => Object(manifest));
      await verifySealedFolder(directory, { kind: 'checkpoint', format: 2, required: ['state.json'] });
    },
    damaged,
  ),
  attack(
    'text of a checkpoint manifest',
    fc.oneof(
      noise,
      edited(
        '{"format": 2, "kind": "checkpoint", "files": {"state.json": {"bytes": 7, "sha256": "x"}}, "sha256": "y"}',
      ),
    ),
    async (text, folder) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'manifest.json'), text);
      await verifySealedFolder(folder, { kind: 'checkpoint', format: 2, required: [] });
    },
    damaged,
  ),
  attack('state of a checkpoint', editedJson(trainingState), async (state, folder) => {
    const directory = join(folder, 'step-00000007');
    const { existsSync } = await import('node:fs');
    if (!existsSync(directory)) await checkpointIn(folder);
    writeFileSync(join(directory, 'state.json'), JSON.stringify(state));
    sealAgain(directory);
    const { checkpoint } = await findCheckpoint(folder);
    sampler(checkpoint!.state.sampler);
  }),
  attack('state of the sampler', editedJson(samplerState), (state) => {
    const restored = sampler(state);
    for (let step = 23; step < 40; step++) restored.next(step, ({ paths }) => rankingOf(paths.map(() => 1)));
  }),
  attack('pool.json', editedJson(JSON.parse(JSON.stringify(formatPool(space, used.pool)))), (pool) =>
    parsePool(space, pool),
  ),
  attack('state of a search', fc.oneof(noise, edited(savedSearch)), (text) => parseSavedSearch(text, 'state.json')),
  attack('state of a search with a hash that fits', editedJson(JSON.parse(savedSearch).search), (search) =>
    parseSavedSearch(formatSavedSearch(search as Parameters<typeof formatSavedSearch>[0]), 'state.json'),
  ),
  attack(
    'log of evaluations',
    edited('{"step":1,"generation":0,"path":"e3k3","flops":1,"params":1,"loss":1,"top1":0.5}\n'.repeat(3)),
    async (text, folder) => {
      mkdirSync(folder, { recursive: true });
      const path = join(folder, 'population.jsonl');
      writeFileSync(path, text);
      (await openEvaluationLog(path, space)).close();
    },
  ),
  attack('metrics.jsonl', fc.oneof(noise, edited('{"step":10,"loss":2}\n{"step":20,"loss":1}\n')), (text) => {
    const steps = keptLines(text, 50).kept.map((line) => JSON.parse(line).step);
    if (steps.some((step, index) => index > 0 && step <= steps[index - 1]))
      throw new Error('the steps do not increase');
  }),
  attack(
    'lock of a run',
    fc.oneof(noise, edited('{"pid":4194305,"host":"elsewhere","born":"x 1"}')),
    async (text, folder) => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      writeFileSync(join(folder, 'lock.1'), text);
      await (await acquireLock(folder, 'use another --run')).release();
    },
  ),
  attack(
    'tar archive',
    editedBytes(archive),
    async (bytes) => {
      for await (const { name } of readTarGz(gzipSync(bytes, { level: 1 }), ['package/a.txt'])) {
        if (name !== 'package/a.txt') throw new Error(`${name} was not asked for`);
      }
    },
    (error) => error instanceof ArchiveError,
  ),
  attack(
    'gzip of an archive',
    editedBytes(gzipSync(archive)),
    async (bytes) => {
      for await (const _ of readTarGz(bytes, ['package/a.txt']));
    },
    (error) => error instanceof ArchiveError,
  ),
  attack(
    'tar archive that is indexed',
    editedBytes(nested, archive),
    fromFile(async (file) => {
      const { files } = await indexTar(file);
      const outside = files.find(({ path }) => path.startsWith('/') || path.split('/').includes('..'));
      if (outside !== undefined) throw new Error(`${outside.path} is outside`);
    }),
  ),
  attack('TFRecord file', fc.oneof(editedBytes(records), falseLengths), readAllRecords),
  attack(
    'record that the graph could not read',
    fc.oneof(editedBytes(records), falseLengths),
    async (bytes, folder) => {
      mkdirSync(folder, { recursive: true });
      const file = join(folder, 'file');
      writeFileSync(file, bytes);
      isRecordDamaged(file, 0);
    },
  ),
  attack(
    'tf.train.Example',
    editedBytes(example, prototypeFeature, Buffer.concat([example, prototypeFeature]), manyGroups),
    (bytes) => decodeImage(bytes, 'a record'),
  ),
  attack('ModelMetrics of NAS-Bench-101', editedBytes(metrics, Buffer.concat([metrics, manyGroups])), (bytes, folder) =>
    readBenchmarkRecord(frameRecord(Buffer.from(recordOf(training, bytes))), folder),
  ),
  attack('record of NAS-Bench-101', fc.oneof(noise, edited(recordOf(training, metrics))), (text, folder) =>
    readBenchmarkRecord(frameRecord(Buffer.from(text)), folder),
  ),
  attack('header of an image', editedBytes(jpeg, png), (bytes) => readImageHeader(bytes)),
  attack('index of images', editedBytes(encodeIndex(emptyIndex(3))), fromFile(readIndex)),
  attack('latency table', fc.oneof(noise, edited(...latencyTables)), (text) =>
    parseLatencyTable(text, 'table', space, null),
  ),
];

/** Reads one input. Returns what is wrong with what came out, or null. */
export async function withstands({ read, expected }: Attack, input: unknown, folder: string): Promise<string | null> {
  try {
    await read(input, folder);
  } catch (error) {
    if (!expected(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof Error && error.message.length > 20_000)
      return `a message of ${error.message.length} characters`;
  }
  return Reflect.get({}, 'polluted') === undefined ? null : 'Object.prototype was changed';
}
