/** The training loop of a supernet: sample paths, train them, log, save, and stop when the pool is steady (GreedyNAS). */
import { GreedynasError } from '../errors.ts';
import type { RankPaths, SampledStep, Sampler } from '../sampling/sampler.ts';
import type { Path } from '../space/space.ts';
import type { MiniBatch, Supernet } from '../supernet/supernet.ts';
import type { TrainingState } from './checkpoint.ts';
import { checkpointFormat } from './checkpoint.ts';
import { correctedImages } from './cost.ts';
import type { CostLedger } from './ledger.ts';
import type { MetricsLog } from './metrics.ts';
import type { PathRanker, RaceCounts } from './rank-paths.ts';
import { type CosineSchedule, cosineRate } from './schedule.ts';
import { trainPaths } from './train-paths.ts';

/** Sums over the steps since the last line of the log. */
export type MetricsWindow = TrainingState['window'];

export interface TrainingProgress {
  /** Steps done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly epsilon: number;
  readonly learningRate: number;
  readonly poolSize: number;
  /** Images trained and evaluated for this step. */
  readonly images: number;
  /** A line went to the log with this step. */
  readonly logged: boolean;
}

/** What the trainer reads of the candidate pool. */
export interface PoolView {
  readonly size: number;
  best(count: number): readonly { readonly loss: number }[];
}

export interface TrainerOptions {
  readonly supernet: Supernet;
  readonly sampler: Sampler;
  /** Null for samplers without one. */
  readonly pool: PoolView | null;
  readonly ranker: PathRanker;
  /** The mini-batch of each step, a pure function of it. */
  readonly batches: { batch(step: number): MiniBatch };
  readonly schedule: CosineSchedule;
  /** What decides what dropout drops in a step. */
  readonly dropoutSeed: (step: number) => number;
  readonly logEvery: number;
  readonly saveEvery: number;
  readonly ledger: CostLedger;
  readonly metrics: MetricsLog;
  /** Where to go on; null starts at step 0 with the supernet as it is. */
  readonly from: Pick<TrainingState, 'step' | 'window' | 'skipped'> | null;
  /** Stores a checkpoint and returns its folder. */
  readonly save: (state: TrainingState) => Promise<string>;
  /** Steps skipped one after the other that end the training; null: the first loss that is not finite ends it. */
  readonly skippedInRow: number | null;
  /** A line for the user. */
  readonly notice: (line: string) => void;
  /** The newest checkpoint at the start, for the message of a diverged run. */
  readonly lastCheckpoint: string | null;
  /** Whether the user wants the training to end after this step. */
  readonly interrupted: () => boolean;
  readonly onStep?: (progress: TrainingProgress) => void;
  /** How a path is shown in a message. */
  readonly formatPath: (path: Path) => string;
}

export type TrainingEnd = 'length' | 'stop-rule' | 'signal';

export interface TrainingResult {
  readonly end: TrainingEnd;
  readonly step: number;
  /** The folder of the last checkpoint, which holds this state. */
  readonly checkpoint: string;
}

const emptyWindow: MetricsWindow = { steps: 0, images: 0, loss: 0, correct: 0, fromPool: 0 };

/** Lets signals and timers through: TensorFlow's calls block the event loop, and so would a loop of them. */
function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Trains until the length, the stop rule or the user ends it, and saves where it ends.
 * @throws GreedynasError `diverged` if a loss is not finite (with `skippedInRow`: so many in a row), or if weights that are
 * to be saved are not: nothing of that step is saved
 */
export async function trainSupernet(options: TrainerOptions): Promise<TrainingResult> {
  const { supernet, sampler, pool, batches, schedule, ledger, metrics } = options;
  let step = options.from?.step ?? 0;
  let window = options.from?.window ?? emptyWindow;
  let skipped = options.from?.skipped ?? { total: 0, inRow: 0 };
  let checkpoint = options.lastCheckpoint;
  let savedStep = checkpoint === null ? -1 : step;

  const rank: RankPaths = (round) => options.ranker.rank(step, round);

  const save = async (): Promise<string> => {
    metrics.flush();
    const format = checkpointFormat;
    const { counts: racing } = options.ranker;
    const state = {
      format,
      step,
      ledger: ledger.counts,
      window,
      skipped,
      ...(racing === null ? {} : { racing }),
      sampler: sampler.state(),
    } as const;
    try {
      checkpoint = await ledger.timeAsync('save', () => options.save(state));
    } catch (error) {
      throw error instanceof GreedynasError && error.code === 'diverged'
        ? diverged(`${error.message} after step ${step}`, checkpoint, error)
        : error;
    }
    savedStep = step;
    return checkpoint;
  };

  const writeWindow = ({ epsilon, pi }: SampledStep, learningRate: number): void => {
    const { optimised, evaluated } = ledger.counts;
    metrics.write({
      step,
      // Null where every step of the window was skipped.
      loss: window.steps === 0 ? null : window.loss / window.steps,
      accuracy: window.steps === 0 ? null : window.correct / window.images,
      learningRate,
      epsilon,
      fromPool: window.steps === 0 ? null : window.fromPool / window.steps,
      pool: pool?.size ?? 0,
      poolBest: pool?.best(1)[0]?.loss ?? null,
      optimised,
      evaluated,
      // At the paper's ratio: the measured one depends on the clock, and equal runs have equal logs.
      corrected: Math.round(correctedImages(ledger.counts)),
      ...(pi === undefined ? {} : { pi }),
      ...(skipped.total === 0 ? {} : { skipped: skipped.total }),
      ...racingMetrics(options.ranker.counts),
    });
    window = emptyWindow;
  };

  await yieldToEvents();
  while (step < schedule.steps && sampler.stopped === null && !options.interrupted()) {
    const evaluatedBefore = ledger.counts.evaluated;
    const sampled = sampler.next(step, rank);
    const { paths } = sampled;

    const learningRate = cosineRate(schedule, step);
    const batch = ledger.time('data', () => batches.batch(step));
    const result = ledger.optimise(
      () => trainPaths(supernet, paths, batch, learningRate, options.dropoutSeed(step)),
      ({ images }) => images,
    );
    const good = Number.isFinite(result.loss) && result.withheld === 0;
    if (!good) {
      const found = Number.isFinite(result.loss) ? 'a gradient is not finite' : `the loss is ${result.loss}`;
      const names = `${paths.length === 1 ? 'path' : 'paths'} ${paths.map(options.formatPath).join(', ')}`;
      const problem = `${found} in step ${step} (${names}, learning rate ${learningRate})`;
      skipped = { total: skipped.total + 1, inRow: skipped.inRow + 1 };
      if (options.skippedInRow === null) {
        throw diverged(problem, checkpoint);
      }
      if (skipped.inRow >= options.skippedInRow) {
        throw diverged(`${problem}, the ${skipped.inRow}th skipped in a row`, checkpoint);
      }
      options.notice(`skipped: ${problem}; ${skipped.total} so far`);
    } else if (skipped.inRow > 0) {
      skipped = { ...skipped, inRow: 0 };
    }

    step += 1;
    const { images } = result;
    if (good) {
      window = {
        steps: window.steps + 1,
        images: window.images + images,
        loss: window.loss + result.loss,
        correct: window.correct + result.correct,
        fromPool: window.fromPool + (sampled.fromPool ? 1 : 0),
      };
    }
    const ended = step === schedule.steps || sampler.stopped !== null;
    const logged = ended || sampled.pi !== undefined || step % options.logEvery === 0;
    if (logged) {
      writeWindow(sampled, learningRate);
    }
    options.onStep?.({
      step,
      loss: result.loss,
      epsilon: sampled.epsilon,
      learningRate,
      poolSize: pool?.size ?? 0,
      images: images + ledger.counts.evaluated - evaluatedBefore,
      logged,
    });
    if (step % options.saveEvery === 0 && !ended) {
      await save();
    }
    await yieldToEvents();
  }

  const last = savedStep === step && checkpoint !== null ? checkpoint : await save();
  const end = sampler.stopped !== null ? 'stop-rule' : step >= schedule.steps ? 'length' : 'signal';
  return { end, step, checkpoint: last };
}

/** Of the whole run so far. */
function racingMetrics(counts: RaceCounts | null) {
  if (counts === null) return {};
  const { spared, audited, agreed } = counts;
  return { spared, ...(audited === 0 ? {} : { audited, agreed }) };
}

function diverged(problem: string, checkpoint: string | null, cause?: unknown): GreedynasError {
  const last = checkpoint === null ? 'no checkpoint was written yet' : `the last good checkpoint is ${checkpoint}`;
  return new GreedynasError(
    'diverged',
    `training diverged: ${problem}. Nothing of it was saved; ${last}. Start again with a lower training.learningRate, or resume with --set training.divergence=skip to leave such steps out.`,
    { cause },
  );
}
