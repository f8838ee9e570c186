/**
 * Size and time of a checkpoint of the full 7^21 supernet, weights and momentum, as training writes it (flushed, hashed,
 * renamed), and its share of the time at the default interval: `npx tsx bench/checkpoint-cost.ts [resolution, default 32] [batch, default 64]`.
 */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStream } from '../src/random/stream.ts';
import { buildSpace } from '../src/space/presets.ts';
import { createSupernetSession } from '../src/supernet/session.ts';
import { checkpointFormat, findCheckpoint, saveCheckpoint } from '../src/training/checkpoint.ts';
import { noTime } from '../src/training/ledger.ts';
import { paperRecipe } from './peers/recipe.ts';

const [resolution, batch] = [Number(process.argv[2] ?? 32), Number(process.argv[3] ?? 64)];
/** Steps between two checkpoints, as src/config/schema.ts has it. */
const interval = 1000;
const space = buildSpace({ preset: 'mobilenet-7', resolution, classes: 1000 });
const supernet = createSupernetSession(space, {
  recipe: paperRecipe,
  engine: { threads: 0, onednn: true, deterministic: true },
  batches: { ranking: 250, validation: 250, calibration: 250 },
});
supernet.initialise(1);
const stream = createStream(1, 'cost');
const images = {
  images: Uint8Array.from({ length: batch * resolution * resolution * 3 }, () => stream.integer(256)),
  labels: Int32Array.from({ length: batch }, () => stream.integer(1000)),
};
const randomPath = () => space.layers.map((layer) => stream.integer(layer.operations.length));
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const timed = async (work: () => unknown): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

const stepTimes: number[] = [];
for (let step = 0; step < 15; step++) stepTimes.push(await timed(() => supernet.trainStep(randomPath(), images, 0.01)));
const step = median(stepTimes.slice(5));

const folder = mkdtempSync(join(tmpdir(), 'greedynas-cost-'));
const times: { weights: number; whole: number }[] = [];
for (let save = 1; save <= 4; save++) {
  let weights = 0;
  const window = { steps: 0, images: 0, loss: 0, correct: 0, fromPool: 0 };
  const whole = await timed(() =>
    saveCheckpoint({
      runDirectory: folder,
      state: {
        format: checkpointFormat,
        step: save,
        ledger: { optimised: 0, evaluated: 0 },
        window,
        skipped: { total: 0, inRow: 0 },
        sampler: null,
      },
      seconds: noTime,
      saveWeights(prefix) {
        const began = performance.now();
        supernet.save(prefix);
        weights = (performance.now() - began) / 1000;
      },
      keep: 1,
    }),
  );
  // The first also optimises the graph's endpoint.
  if (save > 1) times.push({ weights, whole });
}
const { checkpoint } = await findCheckpoint(folder);
const bytes = readdirSync(checkpoint!.directory).reduce(
  (sum, name) => sum + statSync(join(checkpoint!.directory, name)).size,
  0,
);
const verify = await timed(() => findCheckpoint(folder));
supernet.close();
rmSync(folder, { recursive: true });
const save = median(times.map(({ whole }) => whole));
const weights = median(times.map((each) => each.weights));
console.log(
  `checkpoint of mobilenet-7, 1000 classes: ${(bytes / 1e6).toFixed(0)} MB; written in ${save.toFixed(2)} s, of which TensorFlow ${weights.toFixed(2)} s, the rest flushing and SHA-256; checked in ${verify.toFixed(2)} s`,
);
console.log(
  `a step of ${batch} images at ${resolution} px: ${(1000 * step).toFixed(0)} ms; saving each ${interval} steps takes ${((100 * save) / (save + interval * step)).toFixed(2)} % of the time`,
);
