/** Our side of the step-time benchmark, in a process of its own so that its memory is its own. step-time.ts starts it. */
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { describeEngine, loadAddon } from '../../src/engine/addon.ts';
import { createStream } from '../../src/random/stream.ts';
import { costTable } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path, Space } from '../../src/space/space.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import type { ImageBatch, Supernet } from '../../src/supernet/supernet.ts';
import { plainProduct } from './product.ts';
import { type configured, type multiplied, type peak, request, type Setting, type stepped } from './protocol.ts';
import { paperRecipe } from './recipe.ts';

function randomBatch({ batch, resolution, classes }: Setting): ImageBatch {
  const stream = createStream(0, 'images');
  return {
    images: Uint8Array.from({ length: batch * resolution * resolution * 3 }, () => stream.integer(256)),
    labels: Int32Array.from({ length: batch }, () => stream.integer(classes)),
  };
}

/** Trainable parameters of all operations together. */
function supernetParameters(space: Space): number {
  const { fixedParams, layers } = costTable(space);
  return layers.flatMap((layer) => layer.params).reduce((sum, params) => sum + params, fixedParams);
}

interface Bench {
  readonly configured: z.infer<typeof configured>;
  step(path: Path): number;
  forward(path: Path): number;
  product(): z.infer<typeof multiplied>;
}

function open(setting: Setting): Bench {
  const { batch: size, resolution, classes, strides, threads, learningRate } = setting;
  const space = buildSpace({ preset: 'mobilenet-7', resolution, classes, strides });
  const engine = { threads, onednn: true, deterministic: true };
  const supernet: Supernet = createSupernetSession(space, {
    recipe: paperRecipe,
    engine,
    batches: { ranking: size, validation: size, calibration: size },
  });
  supernet.initialise(0);
  const batch = randomBatch(setting);
  supernet.loadStack('ranking', batch);
  const version = `greedynas on TensorFlow ${describeEngine().tensorflow}, oneDNN on`;
  return {
    configured: { version, parameters: supernetParameters(space) },
    step: (path) => supernet.trainStep(path, batch, learningRate).loss,
    forward: (path) => supernet.rank(path).loss,
    product: () => {
      const product = plainProduct(loadAddon(engine), 2048, 2048, 2048);
      const seconds = Array.from({ length: 12 }, () => timed(product.multiply).ms / 1000);
      return { gigaflops: product.operations / 1e9 / Math.min(...seconds) };
    },
  };
}

function timed<T>(run: () => T): { readonly ms: number; readonly result: T } {
  const start = performance.now();
  const result = run();
  return { ms: performance.now() - start, result };
}

function step(run: () => number): z.infer<typeof stepped> {
  const before = process.resourceUsage().minorPageFault;
  const { ms, result } = timed(run);
  return { ms, loss: result, faults: process.resourceUsage().minorPageFault - before };
}

function answer(bench: Bench, asked: Exclude<z.infer<typeof request>, { op: 'config' }>): object {
  switch (asked.op) {
    case 'step':
      return step(() => bench.step(asked.path));
    case 'forward':
      return step(() => bench.forward(asked.path));
    case 'peak': {
      const largest: z.infer<typeof peak> = { bytes: process.resourceUsage().maxRSS * 1024 };
      return largest;
    }
    case 'product':
      return bench.product();
  }
}

let bench: Bench | null = null;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = request.parse(JSON.parse(line));
  if (asked.op === 'config') {
    const { op: _, ...setting } = asked;
    bench = open(setting);
    console.log(JSON.stringify(bench.configured));
  } else {
    if (bench === null) throw new Error(`"${asked.op}" before "config"`);
    console.log(JSON.stringify(answer(bench, asked)));
  }
}
