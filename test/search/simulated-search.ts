/** A search of the small run without TensorFlow, which signals and crashes can stop anywhere. */
import type { SearchProgress } from '../../src/search/find-best.ts';
import type { SearchResult } from '../../src/search/result.ts';
import { searchRun } from '../../src/search/run-search.ts';
import type { SearchOutcome, SubnetRequest } from '../../src/search/supernet-search.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Latency } from '../../src/space/space.ts';
import { createFakeSupernet, type FakeSupernet } from '../training/fake-supernet.ts';
import { smallConfig, smallData } from '../training/small-run.ts';
import { createAdditivePredictor } from './additive-predictor.ts';

export const smallSpace = buildSpace(smallConfig.space);

/** 0, 1 and 2.5 ms for an operation, a little more in each layer; 1.25 ms for the rest. */
export const smallLatency: Latency = {
  fixed: 1.25,
  layers: smallSpace.layers.map((_, layer) => [0, 1 + layer / 100, 2.5 + layer / 100]),
};

export interface SimulatedSearch {
  /** Undefined: 60M, or none to resume; null: none. */
  readonly flops?: string | null;
  readonly params?: string;
  readonly latency?: string;
  readonly method?: string;
  readonly latencyTable?: string;
  readonly name?: string;
  readonly overrides?: readonly string[];
  readonly resume?: boolean;
  readonly supernet?: FakeSupernet;
  /** A signal comes within the evaluation of this number (from 1), or before the first (0). */
  readonly signalIn?: number;
  /** A signal comes while the subnet of this number is cut out. */
  readonly signalInCut?: number;
  /** The process dies within the evaluation of this number (from 1). */
  readonly crashIn?: number;
  /** What each evaluation takes by the clock; default 0. */
  readonly secondsEach?: number;
  readonly cutFailure?: Error;
  readonly loadFailure?: Error;
}

export interface SimulatedOutcome {
  readonly outcome: SearchOutcome | 'crash';
  /** Paths as digits, in the order of their evaluation. */
  readonly evaluated: readonly string[];
  readonly cut: readonly SubnetRequest[];
  readonly progress: readonly SearchProgress[];
  readonly notices: readonly string[];
}

class Crash extends Error {}

/** Searches the run "small" below `root`. */
export async function simulatedSearch(root: string, asked: SimulatedSearch = {}): Promise<SimulatedOutcome> {
  const { resume = false, supernet = createFakeSupernet(smallSpace), signalIn = Infinity } = asked;
  const evaluated: string[] = [];
  const cut: SubnetRequest[] = [];
  const progress: SearchProgress[] = [];
  const notices: string[] = [];
  const { evaluate } = supernet;
  supernet.evaluate = (path) => {
    if (evaluated.length + 1 === asked.crashIn) throw new Crash();
    evaluated.push(path.join(''));
    return evaluate(path);
  };
  const outcome = await searchRun({
    root,
    run: 'small',
    limits: {
      flops: asked.flops === undefined ? (resume ? undefined : '60M') : (asked.flops ?? undefined),
      params: asked.params,
      latency: asked.latency,
    },
    method: asked.method,
    latencyTable: asked.latencyTable,
    name: asked.name ?? null,
    overrides: asked.overrides ?? [],
    resume,
    surroundings: {
      clock: () => 1000 + evaluated.length * (asked.secondsEach ?? 0),
      loadData: async () => {
        if (asked.loadFailure !== undefined) throw asked.loadFailure;
        return smallData;
      },
      createSupernet: async () => supernet,
      createPredictor: async (_config, space) => createAdditivePredictor(space),
      cutSubnet: async (request) => {
        if (asked.cutFailure !== undefined) throw asked.cutFailure;
        cut.push(request);
      },
      notice: (line) => notices.push(line),
      interrupted: () => evaluated.length >= signalIn || cut.length >= (asked.signalInCut ?? Infinity),
      onProgress: (step) => progress.push(step),
    },
  }).catch((error: unknown) => {
    if (error instanceof Crash) return 'crash' as const;
    throw error;
  });
  return { outcome, evaluated, cut, progress, notices };
}

/** The result of a search that must have ended. */
export function resultOf({ outcome }: SimulatedOutcome): SearchResult {
  if (outcome === 'crash' || outcome.end !== 'complete') throw new Error(`the search ended as ${outcome}`);
  return outcome.result;
}
