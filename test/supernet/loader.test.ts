import { readFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { operationColumns, type PlannedOperation } from '../../src/data/augmentation.ts';
import type { ImageFiles } from '../../src/data/dataset.ts';
import { encodeExample } from '../../src/data/example.ts';
import { createPlannedBatches, createTrainingPlans, planStack } from '../../src/data/plans.ts';
import { frameRecord } from '../../src/data/tfrecord.ts';
import type { Session } from '../../src/engine/session.ts';
import { Graph } from '../../src/graph/graph.ts';
import { cast } from '../../src/graph/ops/arithmetic.ts';
import { createStream } from '../../src/random/stream.ts';
import {
  addLoader,
  type LoaderOperations,
  loaderFeeds,
  loaderFetches,
  type StoredImages,
} from '../../src/supernet/loader.ts';
import type { PlannedImages, StackPlan, TrainingPlan } from '../../src/supernet/supernet.ts';
import { openGraph } from '../graph/engine.ts';

interface OpenLoader {
  readonly session: Session;
  keep(images: PlannedImages): void;
  start(plan: TrainingPlan, workers?: number): void;
  /** Pixels and labels of the next batch. */
  next(): { pixels: number[]; labels: number[] };
  stack(plan: StackPlan): { pixels: number[]; labels: number[] };
}

function openLoader(resolution: number, stored: StoredImages, operations?: LoaderOperations): OpenLoader {
  const graph = new Graph();
  const loader = addLoader(graph, resolution, stored, operations);
  const readable = { pixels: loader.images, stackPixels: loader.stack.images };
  for (const [name, tensor] of Object.entries(readable)) graph.output(name, cast(graph.main, tensor, 'int32'));
  graph.output('labels', loader.labels);
  graph.output('stackLabels', loader.stack.labels);
  const session = openGraph(graph);
  const feeds = (plan: PlannedImages, batch: number, workers: number) => ({
    [loaderFeeds.names]: { text: plan.names },
    [loaderFeeds.file]: { shape: [plan.labels.length, 2], values: plan.file },
    [loaderFeeds.offset]: { shape: [plan.labels.length], values: plan.offset },
    [loaderFeeds.labels]: { shape: [plan.labels.length], values: plan.labels },
    [loaderFeeds.batch]: { shape: [], values: Int32Array.of(batch) },
    [loaderFeeds.workers]: { shape: [], values: Int32Array.of(workers) },
  });
  const operationFeeds = ({ operations, labels }: TrainingPlan) =>
    operations === undefined
      ? {}
      : {
          [loaderFeeds.operations]: {
            shape: [labels.length, operations.operations.length / labels.length],
            values: operations.operations,
          },
          [loaderFeeds.values]: {
            shape: [labels.length, operations.values.length / labels.length],
            values: operations.values,
          },
        };
  const read = (more: Record<string, { shape: number[]; values: Float32Array }>, fetches: string[]) => {
    const [pixels, labels] = session.run(more, fetches);
    return { pixels: Array.from(pixels as Int32Array), labels: Array.from(labels as Int32Array) };
  };
  return {
    session,
    keep(images) {
      session.run(feeds(images, images.labels.length, 2), loaderFetches.keep);
    },
    start(plan, workers = 2) {
      const { rows } = plan;
      const count = plan.labels.length;
      session.run(
        {
          ...feeds(plan, plan.batch, workers),
          [loaderFeeds.boxes]: { shape: [count, 4], values: plan.boxes },
          [loaderFeeds.flips]: { shape: [count], values: plan.flips },
          ...operationFeeds(plan),
          ...(rows === undefined ? {} : { [loaderFeeds.rows]: { shape: [count], values: rows } }),
        },
        rows === undefined ? loaderFetches.start : loaderFetches.startKept,
      );
    },
    next() {
      session.run({}, loaderFetches.advance);
      return read({}, ['pixels:0', 'labels:0']);
    },
    stack(plan) {
      const count = plan.labels.length;
      const [pixels, labels] = session.run(
        {
          ...feeds(plan, count, 2),
          [loaderFeeds.scale]: { shape: [count, 2], values: plan.scale },
          [loaderFeeds.corner]: { shape: [count, 2], values: plan.corner },
        },
        ['stackPixels:0', 'stackLabels:0'],
      );
      return { pixels: Array.from(pixels as Int32Array), labels: Array.from(labels as Int32Array) };
    },
  };
}

const augmentation = { crop: { area: [0.25, 1], ratio: [3 / 4, 4 / 3] }, flip: true } as const;

describe('the loader in the graph', () => {
  let folder: string;
  let records: ImageFiles;
  let files: ImageFiles;
  const count = 12;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greedynas-loader-'));
    const stream = createStream(3, 'images');
    const names: string[] = [];
    const widths = new Uint16Array(count);
    const heights = new Uint16Array(count);
    const offsets = new Float64Array(count);
    const framed: Buffer[] = [];
    let end = 0;
    for (let index = 0; index < count; index++) {
      const [width, height] = [20 + stream.integer(20), 20 + stream.integer(20)];
      const pixels = Buffer.from(Array.from({ length: width * height * 3 }, () => stream.integer(256)));
      const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 90 })
        .toBuffer();
      // A name that is no ASCII shows that places in the names are bytes.
      const name = join(folder, `bild-ä-${index}.jpg`);
      await writeFile(name, jpeg);
      names.push(name);
      [widths[index], heights[index], offsets[index]] = [width, height, end];
      const example = {
        encoded: jpeg,
        width,
        height,
        channels: 3,
        label: index,
        synset: 's',
        text: 't',
        filename: 'f',
      };
      framed.push(frameRecord(encodeExample(example)));
      end += framed.at(-1)!.length;
    }
    const shard = join(folder, 'train.tfrecord');
    await writeFile(shard, Buffer.concat(framed));
    const shared = {
      labels: Int32Array.from({ length: count }, (_, index) => index),
      count,
      widths,
      heights,
      bytes: null,
      resolution: 16,
      resize: 18,
    };
    records = {
      ...shared,
      stored: { container: 'records', encoding: 'jpeg' },
      names: [shard],
      file: new Int32Array(count),
      offset: offsets,
    };
    files = {
      ...shared,
      stored: { container: 'files', encoding: 'jpeg' },
      names,
      file: Int32Array.from({ length: count }, (_, index) => index),
      offset: new Float64Array(count),
    };
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Steps of a run through a loader, as supernets do it. */
  const run = (set: ImageFiles, steps: readonly number[], workers = 2, mostKept?: number) => {
    const loader = openLoader(16, set.stored);
    try {
      const supernet = {
        keepImages: loader.keep,
        startLoader: (plan: TrainingPlan) => loader.start(plan, workers),
        advance: () => ({ loaded: 4 }),
      };
      const batches = createPlannedBatches({
        set,
        batchSize: 4,
        seed: 9,
        augmentation,
        supernet,
        ...(mostKept === undefined ? {} : { mostKept }),
      });
      return steps.map((step) => {
        batches.batch(step);
        return loader.next();
      });
    } finally {
      loader.session.close();
    }
  };

  it('brings every image once an epoch, in another order the next time', () => {
    const labels = run(records, [0, 1, 2, 3, 4, 5]).map((batch) => batch.labels);
    const epochs = [labels.slice(0, 3).flat(), labels.slice(3).flat()];
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).to.deep.equal(Array.from(records.labels));
    expect(epochs[0]).to.not.deep.equal(epochs[1]);
  });

  it('brings the same bits with one thread and with four, and when it starts in the middle of an epoch', () => {
    const all = run(records, [0, 1, 2, 3, 4, 5], 1);
    expect(run(records, [0, 1, 2, 3, 4, 5], 4)).to.deep.equal(all);
    expect(run(records, [4, 5])).to.deep.equal(all.slice(4));
  });

  it('brings the same bits of records that are kept in memory as of those that are read again', async () => {
    const moved = { ...records, names: [join(folder, 'moved.tfrecord')], bytes: 1000 };
    await copyFile(records.names[0]!, moved.names[0]!);
    expect(run(moved, [0, 1, 2, 3], 2, 1000)).to.deep.equal(run(moved, [0, 1, 2, 3], 2, 999));
    // Kept: what is asked of memory is never read again, and damage is found before the first step.
    const loader = openLoader(16, moved.stored);
    const supernet = { keepImages: loader.keep, startLoader: loader.start, advance: () => ({ loaded: 4 }) };
    const batches = createPlannedBatches({ set: moved, batchSize: 4, seed: 9, augmentation, supernet });
    batches.batch(0);
    await rm(moved.names[0]!);
    batches.batch(7);
    expect(loader.next().labels).to.have.length(4);
    loader.session.close();
    const bytes = await readFile(records.names[0]!);
    bytes[bytes.length - 30]! ^= 1;
    await writeFile(moved.names[0]!, bytes);
    const again = openLoader(16, moved.stored);
    expect(() => again.keep(planStack(moved))).to.throw(/corrupted record/);
    again.session.close();
  });

  it('brings the same from a tree of files as from records', () => {
    expect(run(files, [0, 3])).to.deep.equal(run(records, [0, 3]));
  });

  it('decodes whole images and cuts afterwards where not all are JPEG, to nearly the same pixels', () => {
    const [any] = run({ ...files, stored: { container: 'files', encoding: 'any' } }, [0]);
    const [jpeg] = run(files, [0]);
    // The fast transform and chroma without smoothing are what differs.
    expect(meanDifference(any!.pixels, jpeg!.pixels)).to.be.below(30);
    expect(any!.labels).to.deep.equal(jpeg!.labels);
  });

  it('cuts, scales and mirrors as the plan says', async () => {
    const plan = {
      ...planStack(records),
      batch: 2,
      boxes: new Int32Array(4 * count).map((_, place) => [2, 1, 16, 16][place % 4]!),
      flips: new Uint8Array(count).map((_, index) => index % 2),
    };
    const loader = openLoader(16, records.stored);
    try {
      loader.start(plan);
      const { pixels } = loader.next();
      for (const [index, mirror] of [false, true].entries()) {
        const cut = sharp(await readFile(files.names[index]!)).extract({ top: 2, left: 1, width: 16, height: 16 });
        const expected = await (mirror ? cut.flop() : cut).raw().toBuffer();
        const own = pixels.slice(index * 768, (index + 1) * 768);
        // Of noise, whose chroma is the harder to smooth; another cut of it differs by more than 60.
        expect(meanDifference(own, expected), `image ${index}`).to.be.below(30);
      }
    } finally {
      loader.session.close();
    }
  });

  it('does to each image what the plan names, one operation after the other', () => {
    const plain = openLoader(16, records.stored);
    const operating = openLoader(16, records.stored, { count: 2, fill: [10, 20, 30] });
    const options = { set: records, batchSize: count, seed: 4 };
    const plan = createTrainingPlans({ ...options, augmentation }).plan(0, 1);
    plain.start(plan);
    const before = plain.next().pixels;
    const planned = Array.from({ length: count }, (_, row): PlannedOperation[] => [
      row === 1 ? { operation: 'brightness', values: [0] } : { operation: 'none', values: [] },
      row === 2 ? { operation: 'none', values: [] } : { operation: 'invert', values: [] },
    ]);
    operating.start({ ...plan, operations: operationColumns(planned, 2) });
    const after = operating.next().pixels;
    const size = 16 * 16 * 3;
    expect(after).to.deep.equal(
      before.map((value, index) => {
        const row = Math.floor(index / size);
        return row === 1 ? 255 : row === 2 ? value : 255 - value;
      }),
    );
    // Those that are drawn are in the plan, and leave its other draws alone.
    const policy = { colorJitter: 0.5, randAugment: null };
    const jittered = createTrainingPlans({ ...options, augmentation: { ...augmentation, operations: policy } }).plan(
      0,
      1,
    );
    expect(jittered.operations?.operations).to.have.length(3 * count);
    expect(jittered.boxes).to.deep.equal(plan.boxes);
    plain.session.close();
    operating.session.close();
  });

  it('scores images as torchvision scales and cuts them', () => {
    const fixture = JSON.parse(
      readFileSync(new URL('../fixtures/evaluation-transform.json', import.meta.url), 'utf8'),
    ) as {
      cases: { width: number; height: number; resize: number; resolution: number; png: string; pixels: string }[];
    };
    for (const [number, { width, height, resize, resolution, png, pixels }] of fixture.cases.entries()) {
      const set = oneFile(width, height, resize, resolution);
      const loader = openLoader(resolution, set.stored);
      try {
        writeFileSync(set.names[0]!, Buffer.from(png, 'base64'));
        const seen = loader.stack(planStack(set)).pixels;
        expect(meanDifference(seen, Buffer.from(pixels, 'base64')), `case ${number}`).to.be.below(0.6);
      } finally {
        loader.session.close();
      }
    }
  });

  const oneFile = (width: number, height: number, resize: number, resolution: number): ImageFiles => ({
    stored: { container: 'files', encoding: 'any' },
    names: [join(folder, `case-${width}x${height}.png`)],
    file: new Int32Array(1),
    offset: new Float64Array(1),
    labels: new Int32Array(1),
    count: 1,
    bytes: null,
    widths: Uint16Array.of(width),
    heights: Uint16Array.of(height),
    resize,
    resolution,
  });

  it('decodes what comes next while nobody asks for it, from records and from files', async () => {
    for (const [container, set] of Object.entries({ records, files })) {
      const loader = openLoader(16, set.stored);
      const moved = set.names.map((name) => `${name}.moved`);
      for (const [index, name] of set.names.entries()) await copyFile(name, moved[index]!);
      const { plan } = createTrainingPlans({ set: { ...set, names: moved }, batchSize: 3, seed: 4, augmentation });
      loader.start(plan(0, 4));
      loader.next();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (const name of moved) await rm(name);
      // Three batches were made ready before their images went away.
      for (let batch = 0; batch < 3; batch++) expect(loader.next().labels, container).to.have.length(3);
      loader.session.close();
    }
  });

  it('reads records beyond 4 GB', async () => {
    // Sparse: 5 GB on paper, a few blocks on the disk.
    const far = join(folder, 'far.tfrecord');
    const shard = await readFile(records.names[0]!);
    const shift = 5 * 2 ** 30;
    const handle = await open(far, 'w');
    await handle.write(shard, 0, shard.length, shift);
    await handle.close();
    const loader = openLoader(16, records.stored);
    const moved = { ...records, names: [far], offset: records.offset.map((offset) => offset + shift) };
    expect(loader.stack(planStack(moved))).to.deep.equal(loader.stack(planStack(records)));
    loader.session.close();
  });

  it('fails where a record or a JPEG is damaged, a file missing or an image smaller than planned', async () => {
    const shard = await readFile(records.names[0]!);
    const attempt = (set: ImageFiles, plan = planStack(set)) => {
      const loader = openLoader(16, set.stored);
      try {
        return loader.stack(plan);
      } finally {
        loader.session.close();
      }
    };
    expect(attempt(records).labels).to.have.length(count);
    const damaged = join(folder, 'damaged.tfrecord');
    for (const place of [0, 9, 60, shard.length - 1]) {
      const bytes = Buffer.from(shard);
      bytes[place]! ^= 0x20;
      await writeFile(damaged, bytes);
      expect(() => attempt({ ...records, names: [damaged] }), `byte ${place}`).to.throw(/corrupted record|truncated/i);
    }
    const cut = join(folder, 'cut.jpg');
    await writeFile(cut, (await readFile(files.names[0]!)).subarray(0, 300));
    expect(() => attempt({ ...files, names: [cut, ...files.names.slice(1)] })).to.throw(/JPEG/i);
    expect(() => attempt({ ...files, names: [join(folder, 'none.jpg'), ...files.names.slice(1)] })).to.throw(
      /No such file/,
    );
    const small = { ...records, widths: records.widths.map(() => 400), heights: records.heights.map(() => 400) };
    expect(() => run(small, [0])).to.throw(/crop window/);
  });
});

function meanDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).to.equal(other.length);
  let sum = 0;
  for (let place = 0; place < one.length; place++) sum += Math.abs(one[place]! - other[place]!);
  return sum / one.length;
}
