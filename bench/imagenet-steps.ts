/**
 * The first steps of the two ImageNet spaces at 224 px on real images: seconds to load and of each step, and memory.
 *
 *     node --import tsx bench/imagenet-steps.ts [--images <folder of class folders>] [--batch 8] [--steps 20] [--only mobilenet-13-se]
 *
 * Without --images: CIFAR-10, scaled up. Each space trains in a process of its own, random paths, the paper's recipe but for
 * the batch; the learning rate is scaled with it. Ends with 1 if a graph needs 90 s or 8 GB up to its first step.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { loadCifar10 } from '../src/data/cifar10.ts';
import { createStream } from '../src/random/stream.ts';
import { buildSpace } from '../src/space/presets.ts';
import { quantile } from '../src/statistics/percentile.ts';
import { createSupernetSession } from '../src/supernet/session.ts';
import type { ImageBatch } from '../src/supernet/supernet.ts';
import { paperRecipe } from './peers/recipe.ts';

const presets = ['mobilenet-7', 'mobilenet-13-se'] as const;
const resolution = 224;
/** Up to the end of the first step. */
const limits = { seconds: 90, gigabytes: 8 } as const;

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string' },
    data: { type: 'string', default: 'data' },
    batch: { type: 'string', default: '8' },
    steps: { type: 'string', default: '20' },
    threads: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
});
const [batch, steps, threads] = [flags.batch, flags.steps, flags.threads].map(Number) as [number, number, number];

if (flags.only === undefined) {
  let failed = false;
  for (const preset of presets) {
    const self = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--only', preset];
    const child = spawn(process.execPath, self, { stdio: 'inherit' });
    const [status] = await once(child, 'close');
    failed ||= status !== 0;
  }
  process.exit(failed ? 1 : 0);
}

const source = flags.images === undefined ? await cifarImages() : await filesOfClasses(flags.images);
const gigabytes = (): number => (process.resourceUsage().maxRSS * 1024) / 1e9;
const clock = (): number => performance.now() / 1000;
/** Seconds that all threads have worked: what other work on the machine leaves as it is. */
const worked = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
console.log(
  `${flags.only}: batch ${batch}, ${resolution} px, ${source.what}; load of the machine ${loadavg()[0]!.toFixed(1)}`,
);

const began = clock();
const workedBefore = worked();
const space = buildSpace({ preset: flags.only, resolution });
const supernet = createSupernetSession(space, {
  recipe: paperRecipe,
  engine: { threads, onednn: true, deterministic: true },
  batches: { ranking: batch, validation: batch, calibration: batch },
});
const opened = clock();
supernet.initialise(42);
const initialised = clock();
const stream = createStream(42, 'imagenet-steps');
const times: number[] = [];
const workTimes: number[] = [];
const losses: number[] = [];
for (let step = 0; step < steps; step++) {
  const images = await source.batch(step);
  const path = space.layers.map(({ operations }) => stream.integer(operations.length));
  const [start, workStart] = [clock(), worked()];
  // The paper's 0.12 belongs to 1,024 images.
  losses.push(supernet.trainStep(path, images, (0.12 * batch) / 1024).loss);
  times.push(clock() - start);
  workTimes.push(worked() - workStart);
  if (step === 0) {
    const total = opened - began + (initialised - opened) + times[0]!;
    console.log(
      `opened in ${(opened - began).toFixed(1)} s, initialised in ${(initialised - opened).toFixed(1)} s, first step ${times[0]!.toFixed(1)} s: ` +
        `${total.toFixed(1)} s (processor time ${(worked() - workedBefore).toFixed(1)} s) and ${gigabytes().toFixed(2)} GB in all (at most ${limits.seconds} s and ${limits.gigabytes} GB wanted)`,
    );
    if (total > limits.seconds || gigabytes() > limits.gigabytes) process.exitCode = 1;
  }
}
supernet.close();
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values: readonly number[]): string => {
  const [least, middle, most] = [0, 0.5, 1].map((share) => quantile(values.slice(1), share).toFixed(2));
  return `${middle} s (${least} to ${most})`;
};
console.log(
  `steps 2 to ${steps}: median ${spread(times)}, processor time ${spread(workTimes)}; ` +
    `loss ${mean(losses.slice(0, 5)).toFixed(3)} (first 5), ${mean(losses.slice(-5)).toFixed(3)} (last 5); peak ${gigabytes().toFixed(2)} GB`,
);
if (!losses.every(Number.isFinite)) process.exitCode = 1;

interface Source {
  readonly what: string;
  batch(step: number): Promise<ImageBatch>;
}

/** Images by class folder: the shorter side scaled to 256, the central square taken. */
async function filesOfClasses(folder: string): Promise<Source> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  if (files.length === 0) throw new Error(`${folder} holds no JPEG or PNG files`);
  const classes = [...new Set(files.map((name) => basename(dirname(name))))].sort();
  const order = createStream(42, 'order');
  return {
    what: `${files.length} images of ${classes.length} classes in ${basename(folder)}`,
    batch: (_) => {
      const chosen = Array.from({ length: batch }, () => files[order.integer(files.length)]!);
      return batchOf(
        chosen.map((name) => sharp(join(folder, name)).resize(256, 256, { fit: 'outside' })),
        chosen.map((name) => classes.indexOf(basename(dirname(name)))),
      );
    },
  };
}

async function cifarImages(): Promise<Source> {
  const { train } = await loadCifar10({ directory: flags.data, validationImages: 0, seed: 42 });
  const bytes = train.height * train.width * 3;
  return {
    what: `${train.count} images of CIFAR-10, scaled up`,
    batch(step) {
      const indices = Array.from({ length: batch }, (_, place) => (step * batch + place) % train.count);
      const raw = { width: train.width, height: train.height, channels: 3 } as const;
      return batchOf(
        indices.map((index) => sharp(train.images.subarray(index * bytes, (index + 1) * bytes), { raw }).resize(256)),
        indices.map((index) => train.labels[index]!),
      );
    },
  };
}

async function batchOf(scaled: readonly Sharp[], labels: readonly number[]): Promise<ImageBatch> {
  const parts = await Promise.all(
    scaled.map(async (image) => {
      const { data, info } = await image
        .toColourspace('srgb')
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const [left, top] = [Math.floor((info.width - resolution) / 2), Math.floor((info.height - resolution) / 2)];
      const raw = { width: info.width, height: info.height, channels: info.channels };
      const area = { left, top, width: resolution, height: resolution };
      return sharp(data, { raw }).extract(area).toColourspace('srgb').raw().toBuffer();
    }),
  );
  return { images: new Uint8Array(Buffer.concat(parts)), labels: Int32Array.from(labels) };
}
