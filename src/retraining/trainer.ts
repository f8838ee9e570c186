/** The training loop of a fixed network: updates, an evaluation after each epoch, the best kept, checkpoints. */
import type { RetrainConfig } from '../config/retrain-schema.ts';
import { GreedynasError } from '../errors.ts';
import type { ImageBatch, StackPlan } from '../supernet/supernet.ts';
import type { CostLedger } from '../training/ledger.ts';
import type { MetricsLog } from '../training/metrics.ts';
import { averageFactor, retrainRate } from './schedule.ts';
import type { RetrainBatch, RetrainNetwork, WeightSet } from './session.ts';
import { type EpochScores, freshState, type RetrainState } from './state.ts';

export interface RetrainProgress {
  /** Updates done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly images: number;
  /** A line went to the log with this update. */
  readonly logged: boolean;
  /** Set where this update ended an epoch that was evaluated: its number, and what the averages (else the weights) scored. */
  readonly evaluated?: { readonly epoch: number; readonly scores: EpochScores; readonly best: boolean };
}

export interface RetrainerOptions {
  readonly network: RetrainNetwork;
  readonly config: RetrainConfig;
  /** The parts of batches by their number, and how many whole ones there are in an epoch. */
  readonly batches: { readonly stepsPerEpoch: number; batch(number: number): RetrainBatch };
  /** The held-out images, in batches; called for each evaluation. */
  readonly validation: () => Iterable<ImageBatch | StackPlan>;
  readonly ledger: CostLedger;
  readonly metrics: MetricsLog;
  /** Where to go on; null: at the beginning, with the network as it is. */
  readonly from: RetrainState | null;
  /** Keeps the weights of the best epoch so far. */
  readonly keepBest: (weights: WeightSet, step: number, scores: EpochScores) => Promise<void>;
  /** Stores a checkpoint and returns its folder. */
  readonly save: (state: RetrainState) => Promise<string>;
  /** The newest checkpoint at the start. */
  readonly lastCheckpoint: string | null;
  readonly interrupted: () => boolean;
  readonly onStep?: (progress: RetrainProgress) => void;
}

export interface RetrainResult {
  readonly end: 'length' | 'signal';
  readonly step: number;
  readonly checkpoint: string;
  readonly best: RetrainState['best'];
  readonly last: RetrainState['last'];
}

/** Updates in an epoch: parts that do not fill one at its end are left out. Throws `usage` where there is none. */
export function updatesPerEpoch(partsPerEpoch: number, parts: number): number {
  const updates = Math.floor(partsPerEpoch / parts);
  if (updates > 0) return updates;
  throw new GreedynasError(
    'usage',
    `training.parts: ${parts}, allowed: at most ${partsPerEpoch}, the parts that the training images fill in an epoch`,
  );
}

/** The loader in the graph has one batch at a time, so none may be asked for before the one before it was trained on. */
function* oneByOne(numbers: readonly number[], batch: (index: number) => RetrainBatch): Iterable<RetrainBatch> {
  for (const number of numbers) yield batch(number);
}

/** Lets signals and timers through. */
function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Trains until the length or the user ends it, and saves where it ends. The best epoch is that with the highest accuracy of
 * the averages (without averages, of the weights); of equal ones the one with the lowest loss.
 *
 * @throws GreedynasError `diverged` if a loss is not finite: nothing of that update is saved
 */
export async function retrain(options: RetrainerOptions): Promise<RetrainResult> {
  const { network, config, batches, ledger, metrics } = options;
  const { training, evaluation, checkpoints, logging, seed } = config;
  const perEpoch = updatesPerEpoch(batches.stepsPerEpoch, training.parts);
  const total = training.epochs * perEpoch;
  const weights: WeightSet = training.averageDecay > 0 ? 'average' : 'current';
  let state = options.from ?? freshState;
  let checkpoint = options.lastCheckpoint;
  let savedStep = checkpoint === null ? -1 : state.step;

  const save = async (): Promise<string> => {
    metrics.flush();
    checkpoint = await ledger.timeAsync('save', () => options.save(state));
    savedStep = state.step;
    return checkpoint;
  };

  await yieldToEvents();
  while (state.step < total && !options.interrupted()) {
    const { step } = state;
    const learningRate = retrainRate(training, step, perEpoch);
    const first = Math.floor(step / perEpoch) * batches.stepsPerEpoch + (step % perEpoch) * training.parts;
    const numbers = Array.from({ length: training.parts }, (_, index) => index);
    const images = training.batch;
    const { loss, correct } = ledger.optimise(
      () =>
        network.trainStep({
          parts: oneByOne(numbers, (index) => batches.batch(first + index)),
          learningRate,
          averageFactor: averageFactor(training.averageDecay, training.averageWarmup, step),
          dropSeeds: numbers.map((index) => (Math.imul(seed, 0x9e3779b1) + step * training.parts + index) | 0),
        }),
      () => images,
    );
    if (!Number.isFinite(loss)) throw diverged(loss, step, learningRate, checkpoint);

    const { window } = state;
    state = {
      ...state,
      step: step + 1,
      window: {
        steps: window.steps + 1,
        images: window.images + images,
        loss: window.loss + loss,
        correct: window.correct + correct,
      },
    };
    const epoch = state.step % perEpoch === 0 ? state.step / perEpoch : null;
    const ended = state.step === total;
    const evaluates = epoch !== null && (epoch % evaluation.every === 0 || ended);
    let evaluated: RetrainProgress['evaluated'];
    if (epoch !== null && evaluates) {
      evaluated = await evaluateEpoch(epoch);
    }
    const logged = evaluates || state.step % logging.every === 0;
    if (logged) writeWindow(learningRate, evaluated);
    options.onStep?.({
      step: state.step,
      loss,
      learningRate,
      images,
      logged,
      ...(evaluated === undefined ? {} : { evaluated }),
    });
    if (epoch !== null && epoch % checkpoints.every === 0 && !ended) await save();
    await yieldToEvents();
  }
  const last = savedStep === state.step && checkpoint !== null ? checkpoint : await save();
  const end = state.step >= total ? 'length' : 'signal';
  return { end, step: state.step, checkpoint: last, best: state.best, last: state.last };

  async function evaluateEpoch(epoch: number): Promise<NonNullable<RetrainProgress['evaluated']>> {
    const { losses: _, ...scores } = ledger.evaluate(
      () => network.evaluate(weights, options.validation()),
      ({ losses }) => losses.length,
    );
    const { best } = state;
    const better = best === null || scores.top1 > best.top1 || (scores.top1 === best.top1 && scores.loss < best.loss);
    if (better) await options.keepBest(weights, state.step, scores);
    state = { ...state, last: scores, best: better ? { epoch, ...scores } : best };
    return { epoch, scores, best: better };
  }

  function writeWindow(learningRate: number, evaluated: RetrainProgress['evaluated']): void {
    const { step, window } = state;
    metrics.write({
      step,
      epoch: step / perEpoch,
      loss: window.loss / window.steps,
      accuracy: window.correct / window.images,
      learningRate,
      optimised: ledger.counts.optimised,
      evaluated: ledger.counts.evaluated,
      ...(evaluated === undefined
        ? {}
        : {
            validationLoss: evaluated.scores.loss,
            validationTop1: evaluated.scores.top1,
            validationTop5: evaluated.scores.top5,
          }),
    });
    state = { ...state, window: freshState.window };
  }
}

function diverged(loss: number, step: number, learningRate: number, checkpoint: string | null): GreedynasError {
  const last = checkpoint === null ? 'no checkpoint was written yet' : `the last good checkpoint is ${checkpoint}`;
  return new GreedynasError(
    'diverged',
    `training diverged: the loss of update ${step} is ${loss} (learning rate ${learningRate}). Nothing of it was saved; ${last}. Start again with a lower training.learningRate or a longer warm-up.`,
  );
}
