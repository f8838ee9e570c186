/** One session of a retraining: settles its config and network, locks its folder, trains from the beginning or the newest checkpoint. */
import { basename, join } from 'node:path';
import { loadConfigOf, parseConfigOf, stringifyConfig } from '../config/load.ts';
import { type RetrainConfig, retrainConfig } from '../config/retrain-schema.ts';
import { operationsPerImage } from '../data/augmentation.ts';
import { sequentialBatches } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import { identifyData } from '../data/identity.ts';
import type { EngineOptions } from '../engine/addon.ts';
import { GreedynasError } from '../errors.ts';
import { parseGenotype } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { type SubnetDescription, subnetWeights, writeSubnet } from '../supernet/subnet.ts';
import { findCheckpoint, saveCheckpoint } from '../training/checkpoint.ts';
import { checkResumable, checkTrainedWith, trainedWithFile } from '../training/config-change.ts';
import { type Clock, createLedger, type ImageCounts, type WallTime } from '../training/ledger.ts';
import { openMetrics } from '../training/metrics.ts';
import {
  configFile,
  createRun,
  listRuns,
  openRun,
  type RunFolder,
  type RunSession,
  recordSession,
  runDirectory,
  writeConfig,
} from '../training/run-folder.ts';
import type { DataRequest } from '../training/run-options.ts';
import { takeUp } from '../training/take-up.ts';
import { checkTrainedOn, trainedOnFile, trainedOnText } from '../training/trained-on.ts';
import { openRetrainBatches } from './batches.ts';
import { type ChosenNetwork, chooseNetwork, requireFitting } from './choose-network.ts';
import type { RetrainRecipe } from './compile.ts';
import { type RetrainedNetwork, readNetwork, writeNetwork } from './network-file.ts';
import type { RetrainNetwork } from './session.ts';
import { type EpochScores, retrainStateSchema } from './state.ts';
import { type RetrainProgress, type RetrainResult, retrain, updatesPerEpoch } from './trainer.ts';

/** What a session stands on; the command line gives the real ones, tests give simulated ones. */
export interface RetrainSurroundings {
  readonly clock: Clock;
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
  readonly createNetwork: (
    space: Space,
    path: Path,
    options: { readonly recipe: RetrainRecipe; readonly engine: EngineOptions },
  ) => Promise<RetrainNetwork>;
  readonly describeSession: () => Promise<Omit<RunSession, 'step'>>;
  /** A line for the user. */
  readonly notice: (line: string) => void;
  readonly interrupted: () => boolean;
  /** Training begins at update `from`; the updates that follow are reported to what this returns. */
  readonly onStart?: (from: number, steps: number, stepsPerEpoch: number) => (progress: RetrainProgress) => void;
}

export interface RetrainRequest {
  /** The folder of all retrainings. */
  readonly root: string;
  /** Null: made of the subnet's name. */
  readonly name: string | null;
  readonly resume: boolean;
  /** The folder of a subnet, a genotype, or a published name; null only to resume. */
  readonly subnet: string | null;
  /** Null: from the subnet's weights where it is a folder, else from scratch. */
  readonly init: 'supernet' | 'scratch' | null;
  /** Null: the run's own on resume, else the default. */
  readonly configFile: string | null;
  readonly defaultConfigFile: string;
  /** `key=value` each. */
  readonly overrides: readonly string[];
  readonly surroundings: RetrainSurroundings;
}

export interface RetrainOutcome extends RetrainResult {
  readonly name: string;
  readonly directory: string;
  /** The folder of the best epoch's weights, a subnet like any other; null before the first evaluation. */
  readonly subnet: string | null;
  readonly path: string;
  readonly from: string | null;
  readonly counts: ImageCounts;
  readonly seconds: WallTime;
}

/** @throws GreedynasError `usage`, `locked`, `io` and `diverged` as their names say */
export async function retrainInFolder(request: RetrainRequest): Promise<RetrainOutcome> {
  const { root, resume, surroundings } = request;
  const overrides = [...request.overrides];
  const name = await chooseName(request);
  const ownConfig = join(runDirectory(root, name), configFile);
  const file = request.configFile ?? (resume ? ownConfig : request.defaultConfigFile);
  const config = loadConfigOf(retrainConfig, { file, overrides });
  if (resume) {
    const before = loadConfigOf(retrainConfig, { file: ownConfig });
    for (const warning of checkResumable(name, before, config)) surroundings.notice(`config changed: ${warning}`);
  }
  // Before a folder is made: it may be no network.
  const chosen = request.subnet === null ? null : await chooseNetwork(request.subnet, request.init, config);
  const folder = resume ? await openRun(root, name) : await createRun(root, name);
  try {
    if (folder.takenOverFrom !== null) {
      surroundings.notice(`took the run over from process ${folder.takenOverFrom.pid}, which is gone`);
    }
    const saved = resume ? await readNetwork(folder) : null;
    const network = saved ?? chosen;
    if (network === null) throw new GreedynasError('usage', missingSubnet);
    if (chosen !== null && chosen.path !== network.path) {
      throw new GreedynasError(
        'usage',
        `--subnet: this retraining is of ${network.path}, resumed with ${chosen.path}; leave out --subnet with --resume`,
      );
    }
    return await runSession(folder, config, network, resume, surroundings);
  } finally {
    await folder.release();
  }
}

const missingSubnet =
  'Missing required argument: subnet (the folder of a subnet, a genotype, or a name such as GreedyNAS-B). Only --resume goes without it';

async function chooseName({ root, name, resume, subnet }: RetrainRequest): Promise<string> {
  if (!resume) {
    if (subnet === null) throw new GreedynasError('usage', missingSubnet);
    // A folder's name, or that of a network; a genotype's spaces are no part of names.
    return (
      name ??
      (basename(subnet)
        .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
        .slice(0, 64) ||
        'network')
    );
  }
  const runs = await listRuns(root);
  const found = name ?? runs[0];
  if (found !== undefined && runs.includes(found)) return found;
  const there = runs.length === 0 ? 'there are none yet' : `there are: ${runs.slice(0, 10).join(', ')}`;
  throw new GreedynasError(
    'usage',
    `no retraining${name === null ? '' : ` "${name}"`} in ${root} (${there}): start one with "greedynas retrain --subnet <folder>"`,
  );
}

async function runSession(
  folder: RunFolder,
  config: RetrainConfig,
  chosen: RetrainedNetwork | ChosenNetwork,
  resume: boolean,
  surroundings: RetrainSurroundings,
): Promise<RetrainOutcome> {
  const { notice } = surroundings;
  const { seed, training } = config;
  const space = buildSpace(chosen.space);
  const path = parseGenotype(space, chosen.path);
  const found = resume ? await findCheckpoint(folder.directory, retrainStateSchema) : null;
  if (found?.checkpoint != null) {
    await checkTrainedWith(folder.name, found.checkpoint.directory, config, (text, source) =>
      parseConfigOf(retrainConfig, text, source),
    );
  }
  const checkpoint = found === null ? null : await takeUp(folder, found, notice);
  const loaded = await surroundings.loadData({
    dataset: config.data.dataset,
    validationImages: config.data.validationImages,
    seed,
    ...folderRequest(config, chosen.space),
  });
  const data = requireFitting(chosen.space, loaded);
  const images = identifyData(data);
  if (checkpoint !== null) await checkTrainedOn(folder.name, checkpoint.directory, images);
  const network = withColours(chosen, config, data);
  const session = await surroundings.createNetwork(space, path, {
    recipe: recipeOf(config, network, data),
    engine: config.engine,
  });
  const bestFolder = folder.path(join('subnets', 'best'));
  try {
    const batches = openRetrainBatches(config, data, session);
    const perEpoch = updatesPerEpoch(batches.stepsPerEpoch, training.parts);
    if (checkpoint !== null) session.restore(checkpoint.weightsPrefix);
    else if (network.from === null) session.initialise(seed);
    else session.initialiseFrom(seed, subnetWeights(network.from));
    const step = checkpoint?.step ?? 0;
    const metrics = await openMetrics(folder.directory, step);
    try {
      if (metrics.removed > 0) {
        notice(`removed ${metrics.removed} lines of metrics.jsonl that were torn or after update ${step}`);
      }
      if (!resume) await writeNetwork(folder, network);
      // From here on the run exists.
      await writeConfig(folder, stringifyConfig(config));
      await recordSession(folder, seed, { ...(await surroundings.describeSession()), step });
      const onStep = surroundings.onStart?.(step, training.epochs * perEpoch, perEpoch);
      const ledger = createLedger({
        clock: surroundings.clock,
        counts: {
          optimised: step * training.batch,
          evaluated: Math.floor(step / perEpoch / config.evaluation.every) * data.validation.count,
        },
        ...(checkpoint === null ? {} : { seconds: checkpoint.seconds }),
      });
      const result = await retrain({
        network: session,
        config,
        batches,
        validation: () => sequentialBatches(data.validation, config.evaluation.batch),
        ledger,
        metrics,
        from: checkpoint?.state ?? null,
        keepBest: async (weights, at, scores) => {
          const description = describeBest(folder, config, network, data, at, scores);
          await writeSubnet(bestFolder, description, (prefix) => session.saveWeights(weights, prefix));
        },
        save: (state) =>
          saveCheckpoint({
            runDirectory: folder.directory,
            state,
            seconds: ledger.seconds,
            saveWeights: (prefix) => session.save(prefix),
            texts: { [trainedWithFile]: stringifyConfig(config), [trainedOnFile]: trainedOnText(images) },
            keep: config.checkpoints.keep,
          }),
        lastCheckpoint: checkpoint?.directory ?? null,
        interrupted: surroundings.interrupted,
        ...(onStep === undefined ? {} : { onStep }),
      });
      return {
        ...result,
        name: folder.name,
        directory: folder.directory,
        subnet: result.best === null ? null : bestFolder,
        path: network.path,
        from: network.from,
        counts: ledger.counts,
        seconds: ledger.seconds,
      };
    } finally {
      metrics.close();
    }
  } finally {
    session.close();
  }
}

/** Images are normalised as they were where the weights come from, else by what the config or the data set says. */
function withColours(
  chosen: RetrainedNetwork | ChosenNetwork,
  { data }: Pick<RetrainConfig, 'data'>,
  set: Pick<DataSet, 'mean' | 'std'>,
): RetrainedNetwork {
  if ('mean' in chosen) return chosen;
  const { colours, ...network } = chosen;
  const [mean, deviation] = [data.mean ?? set.mean, data.std ?? set.std];
  return { ...network, ...(colours ?? { mean: [...mean], deviation: [...deviation] }) };
}

function folderRequest(
  { data }: RetrainConfig,
  { resolution, classes }: RetrainedNetwork['space'],
): Pick<DataRequest, 'folder'> {
  return data.dataset === 'folder' ? { folder: { path: data.folder, resolution, classes, resize: data.resize } } : {};
}

function recipeOf(config: RetrainConfig, { mean, deviation }: RetrainedNetwork, data: DataSet): RetrainRecipe {
  const { training } = config;
  const { momentum, nesterov, rho, epsilon } = training;
  return {
    mean,
    deviation,
    labelSmoothing: training.labelSmoothing,
    dropout: training.dropout,
    dropPath: training.dropPath,
    zeroGamma: training.zeroGamma,
    optimizer:
      training.optimizer === 'sgd'
        ? { kind: 'sgd', momentum, nesterov }
        : { kind: 'rmsprop-tf', momentum, rho, epsilon },
    weightDecay: training.weightDecay,
    parts: training.parts,
    statisticsFactor: training.statisticsFactor,
    average: training.averageDecay > 0,
    erasing: config.data.randomErasing > 0,
    operations: operationsPerImage(config.data),
    ...('names' in data.train ? { stored: data.train.stored } : {}),
  };
}

function describeBest(
  folder: RunFolder,
  config: RetrainConfig,
  network: RetrainedNetwork,
  data: DataSet,
  step: number,
  scores: EpochScores,
): Omit<SubnetDescription, 'flops' | 'params'> {
  const { path, space, mean, deviation } = network;
  return {
    path,
    space,
    mean,
    deviation,
    classNames: [...data.classes],
    validation: { images: data.validation.count, ...scores },
    origin: {
      run: `retrain/${folder.name}`,
      step,
      dataset: config.data.dataset,
      seed: config.seed,
      heldOut: config.data.validationImages,
      ...(config.data.dataset === 'folder' ? { folder: config.data.folder, resize: config.data.resize } : {}),
      // Its statistics are running averages of the training, not set by calibration.
      calibrationImages: 0,
      calibrationBatch: config.evaluation.batch,
      validationBatch: config.evaluation.batch,
    },
  };
}
