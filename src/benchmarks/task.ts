/** One task of a sweep: a trial of a method, or an assessment of its predictor, with a seed. What workers run. */
import { loadAddon } from '../engine/addon.ts';
import type { Predictor } from '../predictors/predictor.ts';
import { createStream } from '../random/stream.ts';
import { type Assessment, assessPredictor } from './assess.ts';
import { rankValues, type TabularBenchmark } from './benchmark.ts';
import { runTrial, type Trial } from './method.ts';
import { createMethod, createMethodPredictor, type MethodName, parseMethod, usesPredictor } from './methods.ts';
import { type BenchmarkName, openBenchmark } from './open-benchmark.ts';
import type { Scan } from './predictor-search.ts';
import { neuralPredictorExamples } from './predictor-search.ts';

/** What all tasks of a sweep share; two sweeps with the same give the same results. */
export interface SweepSettings {
  readonly benchmark: BenchmarkName;
  /** Folder of the tables. */
  readonly data: string;
  /** Queries of each trial. */
  readonly budget: number;
  /** End a trial as soon as it has queried the optimum. */
  readonly untilOptimum: boolean;
  /** Assess the predictors instead of searching. */
  readonly assess: boolean;
  readonly scan: Scan;
  /** Units of each of the four layers of WeakNAS' perceptron. */
  readonly units: number;
  /** N: WeakNAS draws its next networks from so many of the best predictions. */
  readonly top: number;
  /** TensorFlow's threads in each worker. */
  readonly threads: number;
}

export interface Task {
  /** As {@link parseMethod} reads it. */
  readonly method: string;
  readonly seed: number;
}

export type TaskResult = Task & ({ readonly trial: Trial } | { readonly assessment: Assessment });

export interface TaskRunner {
  readonly benchmark: TabularBenchmark;
  run(task: Task): TaskResult;
  close(): void;
}

/** Opens the table; predictors are compiled when the first task needs them. */
export async function createTaskRunner(settings: SweepSettings): Promise<TaskRunner> {
  const benchmark = await openBenchmark(settings.benchmark, settings.data);
  const optima = settings.untilOptimum
    ? { searchedRow: rankValues(benchmark.searched).bestRow, reportedRow: rankValues(benchmark.reported).bestRow }
    : null;
  const predictors = new Map<MethodName, Predictor<number>>();
  const predictorOf = (name: MethodName): Predictor<number> | null => {
    if (!usesPredictor(name)) return null;
    let predictor = predictors.get(name);
    if (predictor === undefined) {
      // oneDNN: the perceptron's training step takes 0.85 of the time that it takes without, its scan the same.
      const binding = loadAddon({ threads: settings.threads, onednn: true, deterministic: true });
      predictor = createMethodPredictor(name, benchmark, binding, settings.units);
      predictors.set(name, predictor);
    }
    return predictor;
  };
  return {
    benchmark,
    run({ method, seed }) {
      const choice = parseMethod(method);
      const stream = createStream(seed, `predict/${settings.benchmark}`);
      const predictor = predictorOf(choice.name);
      if (settings.assess) {
        if (predictor === null) throw new RangeError(`${method} has no predictor to assess`);
        const examples = choice.initial ?? neuralPredictorExamples;
        return { method, seed, assessment: assessPredictor(benchmark, predictor, examples, stream) };
      }
      const trial = runTrial({
        benchmark,
        method: createMethod(choice, benchmark, predictor, settings),
        stream,
        budget: settings.budget,
        ...(optima === null ? {} : { untilOptimum: optima }),
      });
      return { method, seed, trial };
    },
    close() {
      for (const predictor of predictors.values()) predictor.close();
    },
  };
}
