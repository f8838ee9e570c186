/**
 * One shard of more than 4 GB, for real: prepared, read in sequence and at random, and by the loader beyond byte 2^32; by hand, since it takes minutes and
 * 5 GB of disk.
 *
 *     node --import tsx test/by-hand/check-large-shard.ts <class folders of JPEGs> [a folder with room]
 *
 * The images are linked under as many names as it takes. Every record's image must be one of them, byte for byte; 512 records beyond 4 GB
 * must give the loader the same pixels as the files themselves. The results of one machine stand in docs/results/data.md.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type ImageFiles, selectFiles } from '../../src/data/dataset.ts';
import { decodeImage } from '../../src/data/example.ts';
import { loadImageFolder } from '../../src/data/image-folder.ts';
import { readIndex } from '../../src/data/image-index.ts';
import { createPlannedBatches, planStack } from '../../src/data/plans.ts';
import { prepareImages } from '../../src/data/prepare.ts';
import { openSource } from '../../src/data/source-files.ts';
import { readRecord, readRecords } from '../../src/data/tfrecord.ts';
import { Graph } from '../../src/graph/graph.ts';
import { cast } from '../../src/graph/ops/arithmetic.ts';
import { createStream, permutation } from '../../src/random/stream.ts';
import { addLoader } from '../../src/supernet/loader.ts';
import { driveLoader } from '../../src/supernet/loader-driver.ts';
import { engine, openGraph } from '../graph/engine.ts';

const border = 2 ** 32;
const resolution = 64;
const batchSize = 64;
const [source, room = tmpdir()] = process.argv.slice(2);
if (source === undefined) {
  console.log('check-large-shard.ts: skipped, needs class folders of JPEGs (see its head)');
} else {
  const folder = mkdtempSync(join(room, 'greedynas-large-shard-'));
  try {
    await check(resolve(source), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function check(root: string, folder: string): Promise<void> {
  const { files, close } = await openSource(root);
  await close();
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const copies = Math.ceil((1.05 * border) / bytes);
  const tree = join(folder, 'tree');
  const pathOf = new Map<string, string>();
  for (const { path } of files) {
    const original = join(root, path);
    pathOf.set(hashOf(readFileSync(original)), original);
    for (let copy = 0; copy < copies; copy++) {
      const link = join(tree, dirname(path), `${copy}-${path.split('/').at(-1)}`);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(original, link);
    }
  }
  console.log(`${files.length} images of ${bytes} bytes, each ${copies} times`);

  const directory = join(folder, 'prepared');
  const options = {
    shorterSide: null,
    quality: 90,
    shards: 1,
    heldOutPerClass: 0,
    seed: 1,
    onCorrupt: 'fail',
  } as const;
  const watch = { notice: () => {}, interrupted: () => false };
  await timed('prepared', () => prepareImages(tree, directory, { ...options, validationList: null }, watch));
  const shard = join(directory, 'train-00000-of-00001.tfrecord');
  const index = await readIndex(join(directory, 'train.index'));
  const { size } = statSync(shard);
  ok(size > border && index.count === files.length * copies);
  console.log(`${index.count} records in one shard of ${size} bytes`);

  const originals: string[] = [];
  await timed('read in sequence, each with both CRCs', async () => {
    for await (const { number, offset, data } of readRecords(shard)) {
      strictEqual(offset, index.offset[number]);
      const original = pathOf.get(hashOf(decodeImage(data, shard)));
      ok(original !== undefined, `record ${number} holds an image that is not in ${root}`);
      originals.push(original);
    }
  });
  strictEqual(originals.length, index.count);

  const far = Int32Array.from(originals.keys()).filter((row) => index.offset[row]! > border);
  const stream = createStream(2, 'far');
  const chosen = Int32Array.from(permutation(stream, far.length).subarray(0, 512), (place) => far[place]!);
  const handle = await open(shard, 'r');
  for (const row of chosen) {
    const record = await readRecord(handle, shard, index.offset[row]!, row);
    strictEqual(pathOf.get(hashOf(decodeImage(record!.data, shard))), originals[row]);
  }
  await handle.close();
  console.log(`${far.length} records begin beyond 2^32; ${chosen.length} of them read at random, checked`);

  const data = await loadImageFolder({
    directory,
    validationImages: 0,
    seed: 1,
    resolution,
    classes: new Set(index.label).size,
    resize: null,
  });
  const records = selectFiles(data.train as ImageFiles, chosen);
  const plain: ImageFiles = {
    ...records,
    stored: { container: 'files', encoding: 'jpeg' },
    names: Array.from(chosen, (row) => originals[row]!),
    file: Int32Array.from(chosen.keys()),
    offset: new Float64Array(chosen.length),
    bytes: null,
  };
  const expected = pixelsOf(plain, 0);
  deepStrictEqual(pixelsOf({ ...records, bytes: null }, 0), expected);
  deepStrictEqual(pixelsOf({ ...records, bytes: 1 }, 1), expected);
  console.log(
    `the loader gives the same ${expected.length} values of them as of their files: in training batches read from the shard and kept in memory, and scored`,
  );
}

/** One epoch of training batches, and all images as they are scored. */
function pixelsOf(set: ImageFiles, mostKept: number): Int32Array {
  const graph = new Graph();
  const loader = addLoader(graph, resolution, set.stored);
  graph.output('pixels', cast(graph.main, loader.images, 'int32'));
  graph.output('stack', cast(graph.main, loader.stack.images, 'int32'));
  const session = openGraph(graph);
  const driver = driveLoader(session, engine);
  const { stepsPerEpoch, batch } = createPlannedBatches({
    set,
    batchSize,
    seed: 3,
    augmentation: { crop: { area: [0.25, 1], ratio: [3 / 4, 4 / 3] }, flip: true },
    supernet: { keepImages: driver.keep, startLoader: driver.start, advance: driver.advance },
    mostKept,
  });
  const parts = [];
  for (let step = 0; step < stepsPerEpoch; step++) {
    batch(step);
    parts.push(session.run({}, ['pixels:0'])[0] as Int32Array);
  }
  parts.push(driver.run(driver.stackFeeds(planStack(set)), ['stack:0'])[0] as Int32Array);
  session.close();
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
