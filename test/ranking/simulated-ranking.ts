/** A ranking of the small run without TensorFlow, which signals and crashes can stop anywhere. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RankOutcome, type RankProgress, type RankRequest, rankRun } from '../../src/ranking/rank-run.ts';
import type { RankResult } from '../../src/ranking/result.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { madeUpTable } from '../benchmarks/made-up-macro.ts';
import { createFakeSupernet, type FakeSupernet } from '../training/fake-supernet.ts';
import { smallConfig, smallData } from '../training/small-run.ts';

export const smallSpace = buildSpace(smallConfig.space);

export interface SimulatedRanking extends Partial<Omit<RankRequest, 'root' | 'surroundings'>> {
  readonly supernet?: FakeSupernet;
  /** A signal comes while the network of this number (from 1) is scored, or before the first (0). */
  readonly signalIn?: number;
  /** The process dies while the network of this number (from 1) is scored. */
  readonly crashIn?: number;
}

export interface SimulatedOutcome {
  readonly outcome: RankOutcome | 'crash';
  /** What was scored, in order: "batch 22212220" or "recalibrated …". */
  readonly scored: readonly string[];
  /** The batch sizes of the supernet that was made. */
  readonly batches: readonly number[];
  readonly progress: readonly RankProgress[];
  readonly notices: readonly string[];
}

class Crash extends Error {}

let tableText: string | null = null;

/** The made-up table as a file in `root`. */
export function writeTable(root: string): string {
  tableText ??= JSON.stringify(madeUpTable());
  const file = join(root, 'table.json');
  writeFileSync(file, tableText);
  return file;
}

/** Ranks networks of the run "small" below `root`. */
export async function simulatedRanking(root: string, asked: SimulatedRanking = {}): Promise<SimulatedOutcome> {
  const { supernet = createFakeSupernet(smallSpace), signalIn = Infinity, crashIn, ...request } = asked;
  const scored: string[] = [];
  const batches: number[] = [];
  const progress: RankProgress[] = [];
  const notices: string[] = [];
  const { rank, evaluate } = supernet;
  const watched =
    (statistics: string, score: typeof rank): typeof rank =>
    (path) => {
      if (scored.length + 1 === crashIn) throw new Crash();
      scored.push(`${statistics} ${path.join('')}`);
      return score(path);
    };
  supernet.rank = watched('batch', rank);
  supernet.evaluate = watched('recalibrated', evaluate);
  const outcome = await rankRun({
    root,
    run: 'small',
    name: null,
    score: 'loss',
    images: 10,
    batch: 5,
    truth: { against: 'top1:30' },
    networks: 40,
    seed: 0,
    overrides: [],
    ...request,
    surroundings: {
      clock: () => 1000 + scored.length,
      notice: (line) => notices.push(line),
      loadData: async () => smallData,
      createSupernet: async ({ sampling, search }) => {
        batches.push(sampling.ranking.batch, search.validationBatch);
        return supernet;
      },
      interrupted: () => scored.length >= signalIn,
      onProgress: (step) => progress.push(step),
    },
  }).catch((error: unknown) => {
    if (error instanceof Crash) return 'crash' as const;
    throw error;
  });
  supernet.rank = rank;
  supernet.evaluate = evaluate;
  return { outcome, scored, batches, progress, notices };
}

export function resultOf({ outcome }: SimulatedOutcome): RankResult {
  if (outcome === 'crash' || outcome.end !== 'complete') throw new Error('the ranking did not end');
  return outcome.result;
}
