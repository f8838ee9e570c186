/**
 * WeakNAS (Wu et al., "Stronger NAS with Weaker Predictors", NeurIPS 2021): a predictor that is good near the best
 * networks only, refitted each iteration on all that is known, which moves there step by step.
 */
import { permutation, type RandomStream } from '../random/stream.ts';
import type { Predictor } from './predictor.ts';
import { topPlaces } from './top.ts';

export interface WeakNasSettings {
  /** Networks drawn at random before the first fit. */
  readonly initial: number;
  /** M: networks queried each iteration. */
  readonly queries: number;
  /** N: they are drawn uniformly from so many of the best predictions; the paper's ε is M / N. */
  readonly top: number;
}

/** The paper's own for NAS-Bench-101. */
export const weakNasDefaults: WeakNasSettings = { initial: 100, queries: 10, top: 100 };

export interface WeakNasIteration<Network> {
  readonly predictor: Predictor<Network>;
  /** Everything queried so far. */
  readonly networks: readonly Network[];
  readonly accuracies: readonly number[];
  /** What may be queried next, without what is known. */
  readonly candidates: ArrayLike<Network>;
  readonly settings: WeakNasSettings;
  readonly stream: RandomStream;
}

/** One iteration: fits the predictor anew and returns the M networks to query, all there are if there are fewer. */
export function chooseWeakly<Network>({
  predictor,
  networks,
  accuracies,
  candidates,
  settings,
  stream,
}: WeakNasIteration<Network>): Network[] {
  predictor.fit(networks, accuracies, stream.integer(2 ** 31));
  const best = topPlaces(predictor.predict(candidates), settings.top);
  const order = permutation(stream, best.length).subarray(0, settings.queries);
  return Array.from(order, (index) => candidates[best[index]!]!);
}
