/**
 * Resident memory over 1,000 training steps of random paths of the full 7^21 supernet: `npx tsx bench/memory.ts`.
 * Ends with 1 if it grows by 3 % or more after the first 100 steps.
 */
import { createStream } from '../src/random/stream.ts';
import { buildSpace } from '../src/space/presets.ts';
import { createSupernetSession } from '../src/supernet/session.ts';
import { paperRecipe } from './peers/recipe.ts';

const [steps, batch, resolution, classes] = [1000, 64, 32, 10];
const space = buildSpace({ preset: 'mobilenet-7', resolution, classes });
const stream = createStream(1, 'memory');
const supernet = createSupernetSession(space, {
  recipe: paperRecipe,
  engine: { threads: 0, onednn: true, deterministic: true },
  batches: { ranking: 250, validation: 250, calibration: 250 },
});
supernet.initialise(1);

const megabytes = (): number => process.memoryUsage.rss() / 2 ** 20;
let first = 0;
let highest = 0;
for (let step = 1; step <= steps; step++) {
  const images = Uint8Array.from({ length: batch * resolution * resolution * 3 }, () => stream.integer(256));
  const labels = Int32Array.from({ length: batch }, () => stream.integer(classes));
  const path = space.layers.map((layer) => stream.integer(layer.operations.length));
  supernet.trainStep(path, { images, labels }, 0.01);
  if (step === 100) first = megabytes();
  if (step > 100) highest = Math.max(highest, megabytes());
  if (step % 100 === 0) console.log(`step ${step}: ${megabytes().toFixed(0)} MiB resident`);
}
const growth = 100 * (highest / first - 1);
console.log(
  `largest after step 100: ${highest.toFixed(0)} MiB, ${growth.toFixed(2)} % above step 100 (at most 3 % wanted)`,
);
process.exitCode = growth < 3 ? 0 : 1;
