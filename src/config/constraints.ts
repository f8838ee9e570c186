/** What the keys of a config demand of each other, beyond the range of each. */
import { flopsRange } from '../space/cost.ts';
import { buildSpace, depthProblem, spacePresets, strideProblem } from '../space/presets.ts';
import { rankingStacks, seenImages, seenImagesKey } from './held-out.ts';
import { dataSets, type RunConfig } from './schema.ts';
import { learnsPredictor } from './search-choices.ts';

/** A key whose value does not fit the values of others. */
export interface Contradiction {
  readonly key: string;
  /** The other keys; their values stand in `allowed`. */
  readonly others: readonly string[];
  readonly allowed: string;
}

/** What the FLOPs of the paths depend on. */
const spaceKeys = [
  'space.preset',
  'space.width',
  'space.resolution',
  'space.strides',
  'space.depths',
  'space.classes',
] as const;

/** Every contradiction in a config whose keys are each in range. */
export function findContradictions(config: RunConfig): Contradiction[] {
  const { sampling, search } = config;
  return [
    ...spaceContradictions(config),
    ...dataContradictions(config),
    ...atMost(config, 'training.minLearningRate', 'training.learningRate'),
    ...(config.training.nesterov && config.training.momentum === 0
      ? [
          {
            key: 'training.nesterov',
            others: ['training.momentum'],
            allowed: 'true only with training.momentum above 0',
          },
        ]
      : []),
    ...(sampling.method === 'greedy' ? greedyContradictions(config) : []),
    ...divides(config, 'search.calibrationBatch', 'search.calibrationImages'),
    ...atMost(config, 'search.validationBatch', 'search.validationImages'),
    ...atMost(config, 'search.subnets', 'search.population'),
    ...latencyContradictions(config),
    // The keys of other methods do not matter.
    ...(search.method === 'evolution' ? evolutionContradictions(config) : []),
    ...(learnsPredictor(search.method) ? predictorContradictions(config) : []),
  ];
}

function predictorContradictions(config: RunConfig): Contradiction[] {
  const { method, predictor, population, generations } = config.search;
  const found = method === 'weaknas' ? atMost(config, 'search.predictor.queries', 'search.predictor.top') : [];
  const length = population * generations;
  if (predictor.examples === null || predictor.examples < length) return found;
  const allowed = `below search.population x search.generations (${length}), all evaluations, or null; else nothing is ever predicted`;
  const others = ['search.population', 'search.generations'];
  return [...found, { key: 'search.predictor.examples', others, allowed }];
}

function evolutionContradictions(config: RunConfig): Contradiction[] {
  const { search } = config;
  return [
    ...atMost(config, 'search.topK', 'search.population'),
    ...(search.mutations + search.crossovers > search.population
      ? [
          {
            key: 'search.population',
            others: ['search.mutations', 'search.crossovers'],
            allowed: `at least search.mutations (${search.mutations}) + search.crossovers (${search.crossovers})`,
          },
        ]
      : []),
  ];
}

function latencyContradictions({ search }: RunConfig): Contradiction[] {
  if (search.latencyTable !== null || !search.objectives.includes('latency')) return [];
  const allowed = 'without latency unless search.latencyTable is given';
  return [{ key: 'search.objectives', others: ['search.latencyTable'], allowed }];
}

function greedyContradictions(config: RunConfig): Contradiction[] {
  const { sampling, training } = config;
  return [
    ...atMost(config, 'sampling.keep', 'sampling.paths'),
    ...(sampling.warmupSteps < training.steps
      ? []
      : [
          {
            key: 'sampling.warmupSteps',
            others: ['training.steps'],
            allowed: `below training.steps (${training.steps})`,
          },
        ]),
    // A short last batch would be normalised by the statistics of fewer images than the others.
    ...divides(config, 'sampling.ranking.batch', 'sampling.ranking.images'),
    ...atMost(config, 'sampling.ranking.images', 'data.validationImages'),
    ...racingContradictions(sampling),
    ...(sampling.ranking.refresh !== null && rankingStacks(config) < 2
      ? [
          {
            key: 'sampling.ranking.refresh',
            others: ['sampling.ranking.images', 'search.validationImages'],
            allowed: `null while search.validationImages (${config.search.validationImages}), which the stacks of images are taken from, is below twice sampling.ranking.images (${sampling.ranking.images})`,
          },
        ]
      : []),
  ];
}

function racingContradictions({ racing, ranking, keep, paths }: RunConfig['sampling']): Contradiction[] {
  if (racing === null) return [];
  const { images, batch } = ranking;
  const found: Contradiction[] = [];
  if (batch >= images) {
    const allowed = `below sampling.ranking.images (${images}) for sampling.racing: parts are whole batches`;
    found.push({ key: 'sampling.ranking.batch', others: ['sampling.ranking.images', 'sampling.racing'], allowed });
  } else if (racing.first !== null && (racing.first % batch !== 0 || racing.first >= images)) {
    const allowed = `a multiple of sampling.ranking.batch (${batch}) below sampling.ranking.images (${images}), or null`;
    found.push({ key: 'sampling.racing.first', others: ['sampling.ranking'], allowed });
  }
  if (keep >= paths) {
    const allowed = `below sampling.paths (${paths}) for sampling.racing: else there is nothing to decide`;
    found.push({ key: 'sampling.keep', others: ['sampling.paths', 'sampling.racing'], allowed });
  }
  return found;
}

function binContradictions({ bins }: RunConfig['sampling'], space: RunConfig['space']): Contradiction[] {
  const { smallest, largest } = flopsRange(buildSpace(space));
  const others = ['sampling.method', ...spaceKeys];
  const range = `paths of space.preset (${space.preset}) here have ${smallest} to ${largest} FLOPs`;
  if (bins === null) {
    const allowed = `a section with the keys from, to, width, as sampling.method is flops-bins; ${range}`;
    return [{ key: 'sampling.bins', others, allowed }];
  }
  if (bins.to <= bins.from) {
    const allowed = `above sampling.bins.from (${bins.from})`;
    return [{ key: 'sampling.bins.to', others: ['sampling.bins.from'], allowed }];
  }
  if (bins.to <= smallest || bins.from > largest) {
    return [{ key: 'sampling.bins', others, allowed: `bins that hold paths: ${range}` }];
  }
  return [];
}

function dataContradictions(config: RunConfig): Contradiction[] {
  const { dataset, validationImages } = config.data;
  const { trainImages } = dataSets[dataset];
  const within = [
    ...atMost(config, 'search.validationImages', 'data.validationImages'),
    ...comparisonContradictions(config),
  ];
  // How many images a folder has is known when it is loaded.
  if (trainImages === null) return within;
  if (validationImages >= trainImages) {
    const allowed = `below the ${trainImages} training images of data.dataset (${dataset})`;
    return [{ key: 'data.validationImages', others: ['data.dataset'], allowed }];
  }
  const left = trainImages - validationImages;
  const remaining = (key: string, value: number): Contradiction[] =>
    value <= left
      ? []
      : [
          {
            key,
            others: ['data.validationImages'],
            allowed: `at most ${left}, the training images of ${dataset} without data.validationImages (${validationImages})`,
          },
        ];
  return [
    ...remaining('training.batch', config.training.batch),
    ...remaining('search.calibrationImages', config.search.calibrationImages),
    ...within,
  ];
}

function comparisonContradictions(config: RunConfig): Contradiction[] {
  const held = config.data.validationImages;
  const seen = seenImages(config);
  const wanted = config.search.comparisonImages ?? 0;
  // Where the seen ones alone are too many, that is reported by itself.
  if (seen > held || wanted <= held - seen) return [];
  const key = seenImagesKey(config);
  const allowed = `at most ${held - seen}: data.validationImages (${held}) less ${key} (${seen}), or null for what is left`;
  return [{ key: 'search.comparisonImages', others: [key, 'data.validationImages'], allowed }];
}

function spaceContradictions({ space, data, sampling }: RunConfig): Contradiction[] {
  const found: Contradiction[] = [];
  const dataSet = dataSets[data.dataset];
  for (const key of ['resolution', 'classes'] as const) {
    if (space[key] === dataSet[key] || data.dataset === 'folder') continue;
    const allowed = `${dataSet[key]}, as data.dataset (${data.dataset}) has it`;
    found.push({ key: `space.${key}`, others: ['data.dataset'], allowed });
  }
  const problem = strideProblem(spacePresets[space.preset], space.strides);
  if (problem !== null) {
    const allowed = `${problem} (space.preset ${space.preset})`;
    return [...found, { key: 'space.strides', others: ['space.preset'], allowed }];
  }
  const depth = depthProblem(spacePresets[space.preset], space.depths);
  if (depth !== null) {
    return [
      ...found,
      { key: 'space.depths', others: ['space.preset'], allowed: `${depth} (space.preset ${space.preset})` },
    ];
  }
  if (sampling.method === 'greedy' && sampling.flopsLimit !== null) {
    const { smallest } = flopsRange(buildSpace(space));
    if (sampling.flopsLimit < smallest) {
      const allowed = `at least ${smallest}, the FLOPs of the smallest path of space.preset (${space.preset}) here; else no path ever enters the pool`;
      found.push({ key: 'sampling.flopsLimit', others: spaceKeys, allowed });
    }
  }
  return sampling.method === 'flops-bins' ? [...found, ...binContradictions(sampling, space)] : found;
}

function atMost(config: RunConfig, key: string, other: string): Contradiction[] {
  const limit = valueAt(config, other);
  if (valueAt(config, key) <= limit) return [];
  return [{ key, others: [other], allowed: `at most ${other} (${limit})` }];
}

function divides(config: RunConfig, key: string, other: string): Contradiction[] {
  const whole = valueAt(config, other);
  if (whole % valueAt(config, key) === 0) return [];
  return [{ key, others: [other], allowed: `a divisor of ${other} (${whole})` }];
}

/** The number at a key with dots. */
function valueAt(config: RunConfig, key: string): number {
  let value: unknown = config;
  for (const name of key.split('.')) value = typeof value === 'object' ? Reflect.get(value ?? {}, name) : undefined;
  if (typeof value !== 'number') throw new Error(`${key} is no number of the config`);
  return value;
}
