/** One session of a supernet run: config and folder, data and engine, train from the beginning or from the newest checkpoint. */
import { parseConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import { identifyData } from '../data/identity.ts';
import { GreedynasError } from '../errors.ts';
import type { CandidatePool } from '../sampling/pool.ts';
import { formatPool } from '../sampling/pool-file.ts';
import type { Sampler } from '../sampling/sampler.ts';
import { formatGenotype } from '../space/genotype.ts';
import { buildSpace } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { writeDurably } from '../storage/durable.ts';
import type { MiniBatch, Supernet } from '../supernet/supernet.ts';
import { type Checkpoint, findCheckpoint, requireCheckpointRoom, saveCheckpoint } from './checkpoint.ts';
import { checkTrainedWith, trainedWithFile } from './config-change.ts';
import { costOf, type RunCost } from './cost.ts';
import { type Clock, type CostLedger, createLedger } from './ledger.ts';
import { openMetrics } from './metrics.ts';
import type { RaceCounts } from './rank-paths.ts';
import {
  costFile,
  poolFile,
  type RunFolder,
  type RunSession,
  recordEnd,
  recordSession,
  writeConfig,
} from './run-folder.ts';
import { type DataRequest, dataRequest } from './run-options.ts';
import { createRunRanker } from './run-ranker.ts';
import { createRunSampler } from './run-sampler.ts';
import { takeUp } from './take-up.ts';
import { checkTrainedOn, trainedOnFile, trainedOnText } from './trained-on.ts';
import { type TrainingEnd, type TrainingProgress, trainSupernet } from './trainer.ts';

/** What a session stands on; the command line gives the real ones, tests give simulated ones. */
export interface TrainingSurroundings {
  readonly clock: Clock;
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
  readonly createBatches: (config: RunConfig, data: DataSet, supernet: Supernet) => { batch(step: number): MiniBatch };
  readonly createSupernet: (config: RunConfig, space: Space, data: DataSet) => Promise<Supernet>;
  /** What run.json says about this process, all but the step. */
  readonly describeSession: (config: RunConfig) => Promise<Omit<RunSession, 'step'>>;
  /** A line for the user: what is resumed, what was repaired. */
  readonly notice: (line: string) => void;
  readonly interrupted: () => boolean;
  /** Training begins at `from`; the steps that follow are reported to what this returns. */
  readonly onStart?: (from: number, steps: number) => (progress: TrainingProgress) => void;
}

export interface SupernetRunResult {
  readonly end: TrainingEnd;
  readonly step: number;
  readonly checkpoint: string;
  readonly cost: RunCost;
  /** The best of the pool; null where there is no pool or nothing in it. */
  readonly best: { readonly path: string; readonly loss: number; readonly flops: number } | null;
  readonly poolSize: number;
  /** What racing has spared; null where paths do not race. */
  readonly racing: RaceCounts | null;
  /** π at the check that ended the training; null unless the stop rule did. */
  readonly pi: number | null;
}

/**
 * Trains in a folder that this process has locked.
 * @param yaml the resolved config as it goes to config.yaml
 * @param resume go on from the newest checkpoint; otherwise the folder is new
 */
export async function runTraining(
  folder: RunFolder,
  config: RunConfig,
  yaml: string,
  resume: boolean,
  surroundings: TrainingSurroundings,
): Promise<SupernetRunResult> {
  const { notice } = surroundings;
  const space = buildSpace(config.space);
  const found = resume ? await findCheckpoint(folder.directory) : null;
  if (found?.checkpoint != null) {
    await checkTrainedWith(folder.name, found.checkpoint.directory, config, parseConfig);
  }
  const checkpoint = found === null ? null : await takeUp(folder, found, notice);
  if (checkpoint !== null && checkpoint.step > config.training.steps) {
    throw new GreedynasError(
      'usage',
      `training.steps: ${config.training.steps}, allowed: at least ${checkpoint.step}, the step that run "${folder.name}" is at`,
    );
  }
  const { sampler, pool } = createRunSampler(config, space, checkpoint?.state.sampler);
  const ledger = createLedger({
    clock: surroundings.clock,
    ...(checkpoint === null ? {} : { counts: checkpoint.state.ledger, seconds: checkpoint.seconds }),
  });

  const data = await ledger.timeAsync('data', () => surroundings.loadData(dataRequest(config)));
  const images = identifyData(data);
  if (checkpoint !== null) await checkTrainedOn(folder.name, checkpoint.directory, images);
  const supernet = await ledger.timeAsync('start', () => surroundings.createSupernet(config, space, data));
  try {
    // Better told now than after hours of training.
    await requireCheckpointRoom(folder.directory, supernet.savedBytes);
    ledger.time('start', () =>
      checkpoint === null ? supernet.initialise(config.seed) : supernet.restore(checkpoint.weightsPrefix),
    );
    const step = checkpoint?.step ?? 0;
    const metrics = await openMetrics(folder.directory, step);
    try {
      if (metrics.removed > 0) {
        notice(`removed ${metrics.removed} lines of metrics.jsonl that were torn or after step ${step}`);
      }
      if (pool !== null && checkpoint !== null) {
        await writeDurably(folder.path(poolFile), poolText(space, pool));
      }
      // From here on the run exists.
      await writeConfig(folder, yaml);
      await recordSession(folder, config.seed, { ...(await surroundings.describeSession(config)), step });
      const texts = { [trainedWithFile]: yaml, [trainedOnFile]: trainedOnText(images) };
      const saving: Saving = {
        folder,
        checkpoints: config.checkpoints,
        supernet,
        ledger,
        texts,
        poolText: () => (pool === null ? null : poolText(space, pool)),
      };
      const onStep = surroundings.onStart?.(step, config.training.steps);
      const ranker = createRunRanker(config, data, supernet, ledger, checkpoint?.state.racing);
      const result = await trainSupernet({
        supernet,
        sampler,
        pool,
        ranker,
        batches: surroundings.createBatches(config, data, supernet),
        schedule: config.training,
        dropoutSeed: (step) => (Math.imul(config.seed, 0x9e3779b1) + step) | 0,
        logEvery: config.logging.every,
        saveEvery: config.checkpoints.every,
        ledger,
        metrics,
        from: checkpoint?.state ?? null,
        save: (state) => save(saving, state),
        lastCheckpoint: checkpoint?.directory ?? null,
        skippedInRow: config.training.divergence === 'skip' ? config.training.skippedInRow : null,
        notice,
        interrupted: surroundings.interrupted,
        formatPath: (path: Path) => formatGenotype(space, path),
        ...(onStep === undefined ? {} : { onStep }),
      });
      await writeCost(folder, ledger);
      const { end, step: endStep } = result;
      await recordEnd(folder, { step: endStep, by: end, pi: sampler.stopped?.pi ?? null });
      return { ...result, ...summary(space, pool, ledger, sampler), racing: ranker.counts };
    } finally {
      metrics.close();
    }
  } finally {
    supernet.close();
  }
}

function poolText(space: Space, pool: CandidatePool): string {
  return `${JSON.stringify(formatPool(space, pool), null, 1)}\n`;
}

/** What a run saves from. */
interface Saving {
  readonly folder: RunFolder;
  /** How many stay. */
  readonly checkpoints: RunConfig['checkpoints'];
  readonly supernet: Supernet;
  readonly ledger: CostLedger;
  /** Files of every checkpoint: the config and the images that it was trained with. */
  readonly texts: Readonly<Record<string, string>>;
  /** The pool as it is now; null where there is none. */
  readonly poolText: () => string | null;
}

/** Writes a checkpoint, and beside it in the run's folder the pool and the cost. Returns the checkpoint's folder. */
async function save(
  { folder, checkpoints, supernet, ledger, texts, poolText }: Saving,
  state: Checkpoint['state'],
): Promise<string> {
  const text = poolText();
  const directory = await saveCheckpoint({
    runDirectory: folder.directory,
    state,
    seconds: ledger.seconds,
    saveWeights: (prefix) => supernet.save(prefix),
    weightBytes: supernet.savedBytes,
    keep: checkpoints.keep,
    keepEvery: checkpoints.keepEvery,
    // With the checkpoint, so that a search has the pool of the weights that it uses.
    texts: { ...texts, ...(text === null ? {} : { [poolFile]: text }) },
  });
  if (text !== null) await writeDurably(folder.path(poolFile), text);
  await writeCost(folder, ledger);
  return directory;
}

/** cost.json: what the run has cost so far. */
async function writeCost(folder: RunFolder, { counts, seconds }: CostLedger): Promise<void> {
  await writeDurably(folder.path(costFile), `${JSON.stringify(costOf(counts, seconds), null, 2)}\n`);
}

function summary(space: Space, pool: CandidatePool | null, ledger: CostLedger, sampler: Sampler) {
  const best = pool?.best(1)[0];
  return {
    cost: costOf(ledger.counts, ledger.seconds),
    best: best === undefined ? null : { path: formatGenotype(space, best.path), loss: best.loss, flops: best.flops },
    poolSize: pool?.size ?? 0,
    pi: sampler.stopped?.pi ?? null,
  };
}
