/** How a run ranks paths: which images, when they are replaced, and whether paths race. */
import { rankingStacks } from '../config/held-out.ts';
import type { RunConfig } from '../config/schema.ts';
import { takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import { batchLooks } from '../sampling/racing.ts';
import type { Supernet } from '../supernet/supernet.ts';
import type { CostLedger } from './ledger.ts';
import { createPathRanker, type PathRanker, type RaceCounts, type RacingOptions } from './rank-paths.ts';

/** @param counts what races of earlier sessions have done */
export function createRunRanker(
  config: RunConfig,
  data: DataSet,
  supernet: Supernet,
  ledger: CostLedger,
  counts: RaceCounts | undefined,
): PathRanker {
  return createPathRanker({
    supernet,
    ledger,
    prepare: rankingLoader(config, data, supernet),
    racing: racingOptions(config),
    ...(counts === undefined ? {} : { counts }),
  });
}

/**
 * Puts the ranking images of a step on the device, if they are not there: a pure function of the step, so that a resumed
 * run goes on with the same ones.
 */
function rankingLoader(config: RunConfig, data: DataSet, supernet: Supernet): (step: number) => void {
  const { warmupSteps, ranking } = config.sampling;
  const stacks = rankingStacks(config);
  let loaded: number | null = null;
  return (step) => {
    const turn = ranking.refresh === null ? 0 : Math.floor((step - warmupSteps) / ranking.refresh);
    const wanted = turn % stacks;
    if (wanted === loaded) return;
    supernet.loadStack('ranking', takeStack(data.validation, ranking.images, config.seed, wanted * ranking.images));
    loaded = wanted;
  };
}

/** A race looks where batches end: a batch is normalised by itself, so it cannot be divided. */
function racingOptions({ sampling }: RunConfig): RacingOptions | null {
  const { racing, ranking } = sampling;
  if (racing === null) return null;
  const looks = batchLooks(racing.first ?? ranking.batch, ranking.batch, ranking.images);
  return { looks, confidence: racing.confidence, audit: racing.audit };
}
