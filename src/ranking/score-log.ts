/**
 * scores.jsonl: a JSON object a line for each network that was scored, batch by batch of the held-out images, so that any
 * score on any number of whole batches can be had from it later. A killed run goes on where its last line ends.
 */
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';
import { z } from 'zod';
import { formatGenotype, parseGenotype, pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { explainIo, readIfThere, writeDurably } from '../storage/durable.ts';
import type { Scores } from '../supernet/supernet.ts';
import { type ScoreKind, type Statistics, statisticsKinds } from './score-kind.ts';

export interface NetworkScores {
  readonly path: Path;
  readonly statistics: Statistics;
  /** Mean loss of each batch, in nats; null where it was not finite. */
  readonly losses: readonly (number | null)[];
  /** Images of each batch whose class is the highest logit. */
  readonly correct: readonly number[];
}

export interface ScoreLog {
  find(path: Path, statistics: Statistics): NetworkScores | null;
  /** Appends a line, which is on the disk when this returns. */
  write(scores: NetworkScores): void;
  close(): void;
  /** Lines that opening removed because they were torn or not of this space and number of batches. */
  readonly removed: number;
}

const lineSchema = z.strictObject({
  path: z.string(),
  statistics: z.enum(statisticsKinds),
  losses: z.array(z.number().nullable()),
  correct: z.array(z.int().min(0)),
});

/** Opens the log, new or not, of a ranking that scores networks in `batches` batches. */
export async function openScoreLog(file: string, space: Space, batches: number): Promise<ScoreLog> {
  const known = new Map<string, NetworkScores>();
  const keyOf = (path: Path, statistics: Statistics): string => `${statistics} ${pathKey(path)}`;
  const given = ((await readIfThere(file)) ?? '').split('\n');
  // What follows the last line end is empty, or a line that lost its tail.
  const kept = given.slice(0, -1).filter((line) => {
    const scores = readLine(line, space, batches);
    if (scores !== null) known.set(keyOf(scores.path, scores.statistics), scores);
    return scores !== null;
  });
  const removed = given.length - kept.length - (given.at(-1) === '' ? 1 : 0);
  if (removed > 0) await writeDurably(file, kept.map((line) => `${line}\n`).join(''));
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw explainIo(error, 'write', file);
    }
  };
  const handle = attempt(() => openSync(file, 'a'));
  return {
    removed,
    find: (path, statistics) => known.get(keyOf(path, statistics)) ?? null,
    write(scores) {
      const { path, statistics, losses, correct } = scores;
      const line = JSON.stringify({ path: formatGenotype(space, path), statistics, losses, correct });
      attempt(() => {
        appendFileSync(handle, `${line}\n`);
        fsyncSync(handle);
      });
      known.set(keyOf(path, statistics), scores);
    },
    close: () => closeSync(handle),
  };
}

function readLine(line: string, space: Space, batches: number): NetworkScores | null {
  try {
    const { path, ...scores } = lineSchema.parse(JSON.parse(line));
    if (scores.losses.length !== batches || scores.correct.length !== batches) return null;
    return { path: parseGenotype(space, path), ...scores };
  } catch {
    return null;
  }
}

/** Sums up the scores of single images by batches of `batch`, which divides their number. */
export function byBatch(path: Path, statistics: Statistics, scores: Scores, batch: number): NetworkScores {
  const losses: (number | null)[] = [];
  const correct: number[] = [];
  for (let start = 0; start < scores.losses.length; start += batch) {
    let loss = 0;
    let hits = 0;
    for (let image = start; image < start + batch; image++) {
      loss += scores.losses[image]!;
      hits += scores.correct[image]!;
    }
    losses.push(Number.isFinite(loss) ? loss / batch : null);
    correct.push(hits);
  }
  return { path, statistics, losses, correct };
}

/** The score of one kind, higher is better: −loss in nats, or accuracy in percent; NaN if the loss was not finite. */
export function scoreOf(scores: NetworkScores, kind: ScoreKind, batch: number): number {
  const losses = scores.losses.slice(0, kind.images / batch);
  if (losses.some((loss) => loss === null)) return Number.NaN;
  if (kind.measure === 'loss') return -losses.reduce<number>((sum, loss) => sum + loss!, 0) / losses.length;
  const correct = scores.correct.slice(0, losses.length).reduce((sum, hits) => sum + hits, 0);
  return (100 * correct) / kind.images;
}
