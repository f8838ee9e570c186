/**
 * Memory over a long training with searching in between: `npx tsx bench/soak/memory.ts [--steps 10000]
 * [--resolution 32] [--batch 64] [--ranking 250]`. Trains random paths of the NAS-Bench-Macro space; after each tenth of the steps ranks and evaluates 50 paths, saves and restores a
 * checkpoint, and cuts a subnet out in a session of its own. Native tensors and sessions are counted. Ends with 1 if resident memory grows by 5 %
 * or more after the first fifth, or if a native handle is left.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/engine/addon.ts';
import { createStream } from '../../src/random/stream.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { createSubnetSession, createSupernetSession } from '../../src/supernet/session.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { paperRecipe } from '../peers/recipe.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    resolution: { type: 'string', default: '32' },
    batch: { type: 'string', default: '64' },
    /** Images that a path is ranked, recalibrated and evaluated on at once; it takes two such batches. */
    ranking: { type: 'string', default: '250' },
  },
});
const [steps, resolution, batch, ranking] = [values.steps, values.resolution, values.batch, values.ranking].map(
  Number,
) as [number, number, number, number];
const engine = { threads: 0, onednn: true, deterministic: true };
const space = buildSpace({ preset: 'nas-bench-macro', resolution, classes: 10, width: 0.5 });
const options = { recipe: paperRecipe, engine, batches: { ranking, validation: ranking, calibration: ranking } };
const stream = createStream(1, 'soak');
const folder = mkdtempSync(join(tmpdir(), 'greedynas-soak-'));
const binding = loadAddon(engine);

const images = (count: number): ImageBatch => ({
  images: Uint8Array.from({ length: count * resolution ** 2 * 3 }, () => stream.integer(256)),
  labels: Int32Array.from({ length: count }, () => stream.integer(10)),
});
const randomPath = () => space.layers.map((layer) => stream.integer(layer.operations.length));

const supernet = createSupernetSession(space, options);
supernet.initialise(1);
const stack = images(2 * ranking);
for (const name of ['ranking', 'validation', 'calibration'] as const) supernet.loadStack(name, stack);
// Few batches: making random images must not be what is measured.
const batches = Array.from({ length: 20 }, () => images(batch));

function searchInBetween(): void {
  for (let count = 0; count < 50; count++) {
    const path = randomPath();
    supernet.rank(path);
    supernet.recalibrate(path);
    supernet.evaluate(path);
  }
  const prefix = join(folder, 'weights');
  supernet.save(prefix);
  supernet.restore(prefix);
  const path = randomPath();
  const subnet = createSubnetSession(space, path, options);
  subnet.takeFromSupernet(prefix);
  subnet.loadStack('calibration', stack);
  subnet.loadStack('validation', stack);
  subnet.recalibrate(path);
  subnet.evaluate(path);
  subnet.close();
}

const megabytes = (): number => process.memoryUsage.rss() / 2 ** 20;
let first = 0;
let highest = 0;
let handles = '';
let equal = true;
for (let step = 1; step <= steps; step++) {
  supernet.trainStep(randomPath(), batches[step % batches.length]!, 0.01);
  if (step % Math.ceil(steps / 10) === 0) {
    searchInBetween();
    const now = `${binding.getNumOfTensors()} tensors, ${binding.getNumOfSavedModels()} sessions`;
    equal &&= handles === '' || handles === now;
    handles = now;
    console.log(`step ${step}: ${megabytes().toFixed(0)} MiB resident, ${handles}`);
    if (step >= steps / 5 && first === 0) first = megabytes();
  }
  if (first > 0) highest = Math.max(highest, step % 50 === 0 ? megabytes() : 0);
}
supernet.close();
rmSync(folder, { recursive: true });
const growth = 100 * (highest / first - 1);
console.log(
  `largest after step ${Math.ceil(steps / 5)}: ${highest.toFixed(0)} MiB, ${growth.toFixed(2)} % above it (below 5 % wanted); handles ${equal ? 'stay' : 'GROW'}`,
);
process.exitCode = growth < 5 && equal ? 0 : 1;
