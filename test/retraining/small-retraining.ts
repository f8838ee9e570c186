/** Retrainings small enough for tests: a data set of noise with a tint for each class, a config, a world to run them in. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSet, ImageSet } from '../../src/data/dataset.ts';
import type { RetrainRequest } from '../../src/retraining/run.ts';
import { openRetraining } from '../../src/retraining/session.ts';
import type { RetrainProgress } from '../../src/retraining/trainer.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { smallSubnets } from '../export/small-subnet.ts';
import { engine } from '../graph/engine.ts';
import { imageBatch } from '../supernet/small-space.ts';

const space = buildSpace(smallSubnets.macro.space);

function imageSet(count: number, seed: number): ImageSet {
  return { ...imageBatch(count, seed, space), count, height: space.resolution, width: space.resolution };
}

const dataSet: DataSet = {
  name: 'cifar10',
  classes: Array.from({ length: 10 }, (_, index) => `class ${index}`),
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: imageSet(26, 1),
  validation: imageSet(10, 2),
  loadTest: async () => imageSet(10, 3),
};

/** 26 images in parts of 4 are 6 parts an epoch, 3 updates: two images are left out. */
const smallRetrainConfig = {
  seed: 7,
  data: { validationImages: 10, padding: 2 },
  training: {
    epochs: 3,
    batch: 8,
    parts: 2,
    learningRate: 0.02,
    warmupEpochs: 1,
    averageDecay: 0.5,
    dropout: 0.1,
    dropPath: 0.3,
  },
  evaluation: { batch: 4 },
  engine: { threads: engine.threads },
  logging: { every: 2 },
};

export function writeRetrainConfig(folder: string, training: object = {}): string {
  const file = join(folder, 'retrain.yaml');
  writeFileSync(
    file,
    JSON.stringify({ ...smallRetrainConfig, training: { ...smallRetrainConfig.training, ...training } }),
  );
  return file;
}

/** A request with a world that stops after update `stopAfter`. */
export function smallRequest(
  folder: string,
  changes: Partial<RetrainRequest>,
  { stopAfter = Number.POSITIVE_INFINITY, seen = [] as RetrainProgress[], notices = [] as string[] } = {},
): RetrainRequest {
  let done = 0;
  return {
    root: join(folder, 'checkpoints', 'retrain'),
    name: 'small',
    resume: false,
    subnet: null,
    init: null,
    configFile: null,
    defaultConfigFile: join(folder, 'retrain.yaml'),
    overrides: [],
    surroundings: {
      clock: () => 0,
      loadData: async () => dataSet,
      createNetwork: async (...given) => openRetraining(...given),
      describeSession: async () => ({ started: '', host: '', pid: 0, versions: {}, engine: {}, environment: {} }),
      notice: (line) => notices.push(line),
      interrupted: () => done >= stopAfter,
      onStart: () => (progress) => {
        done += 1;
        seen.push(progress);
      },
    },
    ...changes,
  };
}
