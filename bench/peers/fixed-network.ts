/** Our side of the fixed-network benchmark, in a process of its own. bench/fixed-network.ts starts it. */
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { describeEngine, type EngineOptions, loadAddon } from '../../src/engine/addon.ts';
import { openSession, type Session } from '../../src/engine/session.ts';
import { readWeights } from '../../src/export/checkpoint.ts';
import { foldBatchNorm, writeProgram } from '../../src/export/program.ts';
import { encodeFrozen, imagesOfPiece } from '../../src/export/savedmodel.ts';
import { describeForTimm } from '../../src/export/timm.ts';
import { createStream } from '../../src/random/stream.ts';
import { openRetraining } from '../../src/retraining/session.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { recogniseNetwork } from '../../src/space/recognise.ts';
import type { Path, Space } from '../../src/space/space.ts';
import type { ImageBatch } from '../../src/supernet/supernet.ts';
import { type NetworkSetting, type networkConfigured, type networkRan, networkRequest } from './network-protocol.ts';
import type { peak } from './protocol.ts';
import { paperRecipe } from './recipe.ts';

/** Training steps before the network is exported: one that has never been trained folds to biases of 0, which TensorFlow takes out, and with them what it fuses after them. */
const stepsBefore = 3;

interface Bench {
  readonly configured: z.infer<typeof networkConfigured>;
  step(): number;
  infer(): number;
}

function randomBatch(count: number, resolution: number, classes: number): ImageBatch {
  const stream = createStream(0, 'images');
  return {
    images: Uint8Array.from({ length: count * resolution * resolution * 3 }, () => stream.integer(256)),
    labels: Int32Array.from({ length: count }, () => stream.integer(classes)),
  };
}

function open({ network, batch: count, threads, learningRate, role, weights }: NetworkSetting): Bench {
  const { space, path } = recogniseNetwork(network);
  const { resolution, classes } = space;
  const serves = role === 'serve';
  const engine = { threads, onednn: true, deterministic: true, ...(serves ? { operationThreads: 1 } : {}) };
  const batch = randomBatch(count, resolution, classes);
  const step = serves ? null : openTraining(space, path, engine, batch, learningRate, weights);
  const session = openExported(space, path, engine, weights, serves);
  const images = { shape: [count, resolution, resolution, 3], values: batch.images };
  return {
    configured: {
      version: `greedynas on TensorFlow ${describeEngine().tensorflow}, oneDNN on`,
      parameters: pathParams(space, path),
      flops: pathFlops(space, path),
      resolution,
      classes,
      timm: describeForTimm(space, path).network,
    },
    step() {
      if (step === null) throw new Error('what serves does not train');
      return step();
    },
    infer() {
      const [logits] = session.run({ 'images:0': images }, ['default/logits:0']) as [Float32Array];
      return logits.reduce((sum, value) => sum + value, 0);
    },
  };
}

/** Trains a few steps, writes the weights, and returns a further step. */
function openTraining(
  space: Space,
  path: Path,
  engine: EngineOptions,
  batch: ImageBatch,
  learningRate: number,
  weights: string,
): () => number {
  const { mean, deviation, labelSmoothing, momentum, nesterov, weightDecay, zeroGamma } = paperRecipe;
  const retraining = openRetraining(space, path, {
    engine,
    recipe: {
      mean,
      deviation,
      labelSmoothing,
      dropout: 0,
      dropPath: 0,
      zeroGamma,
      optimizer: { kind: 'sgd', momentum, nesterov },
      weightDecay,
      parts: 1,
      statisticsFactor: 0.1,
      average: false,
      erasing: false,
      operations: 0,
    },
  });
  retraining.initialise(0);
  const step = (): number =>
    retraining.trainStep({ parts: [batch], learningRate, averageFactor: 0, dropSeeds: [0] }).loss;
  for (let index = 0; index < stepsBefore; index++) step();
  retraining.saveWeights('current', weights);
  return step;
}

/** What `greedynas export --format savedmodel --fold` writes, with `pieces` that of `--target cpu`, opened. */
function openExported(space: Space, path: Path, engine: EngineOptions, weights: string, pieces: boolean): Session {
  const program = writeProgram(space, path, { mean: paperRecipe.mean, deviation: paperRecipe.deviation });
  const folded = foldBatchNorm({ program, weights: readWeights(weights, program.shapes, engine) });
  const names = Array.from({ length: space.classes }, (_, index) => `class ${index}`);
  const piece = pieces ? imagesOfPiece(space.resolution) : undefined;
  return openSession(loadAddon(engine), encodeFrozen(folded, names, piece));
}

function timed(run: () => number): z.infer<typeof networkRan> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = run();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpu: (user + system) / 1000, value };
}

let bench: Bench | null = null;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = networkRequest.parse(JSON.parse(line));
  if (asked.op === 'config') {
    const { op: _, ...setting } = asked;
    bench = open(setting);
    console.log(JSON.stringify(bench.configured));
  } else if (asked.op === 'peak') {
    const largest: z.infer<typeof peak> = { bytes: process.resourceUsage().maxRSS * 1024 };
    console.log(JSON.stringify(largest));
  } else {
    if (bench === null) throw new Error(`"${asked.op}" before "config"`);
    console.log(JSON.stringify(timed(asked.op === 'step' ? bench.step : bench.infer)));
  }
}
