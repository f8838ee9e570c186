/** metrics.jsonl: one JSON object a line, with a strictly increasing `step`, also after a crash and a resume. */
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { explainIo, readIfThere, writeDurably } from '../storage/durable.ts';

export type MetricValue = number | string | boolean | null;
export type MetricsLine = { readonly step: number } & Readonly<Record<string, MetricValue>>;

export interface MetricsLog {
  /** Appends a line; `step` must be above the last one's. */
  write(line: MetricsLine): void;
  /** What was written so far is on the disk when this returns. Called before a checkpoint that counts on it. */
  flush(): void;
  close(): void;
  /** Lines that opening removed: torn, not JSON, out of order, or after the step that the run goes on from. */
  readonly removed: number;
}

function stepOf(line: string): number | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'step' in value && Number.isSafeInteger(value.step)) {
      return Number(value.step);
    }
    return null;
  } catch {
    return null;
  }
}

/** The lines of `text` that a run going on from `step` keeps. */
export function keptLines(text: string, step: number): { kept: string[]; removed: number; last: number } {
  const kept: string[] = [];
  let last = -1;
  const lines = text.split('\n').filter((line) => line !== '');
  // Without its end, the last line may have lost its tail and still look whole ("step":12 of "step":120).
  const torn = lines.length > 0 && !text.endsWith('\n');
  for (const [index, line] of lines.entries()) {
    const found = torn && index === lines.length - 1 ? null : stepOf(line);
    if (found !== null && found > last && found <= step) {
      kept.push(line);
      last = found;
    }
  }
  return { kept, removed: lines.length - kept.length, last };
}

/** Opens the log of a run that goes on from `step` (0: a new run) and repairs what a crash left. */
export async function openMetrics(runDirectory: string, step: number): Promise<MetricsLog> {
  const path = join(runDirectory, 'metrics.jsonl');
  const text = (await readIfThere(path)) ?? '';
  const { kept, removed, last: lastKept } = keptLines(text, step);
  const repaired = kept.map((line) => `${line}\n`).join('');
  if (repaired !== text) {
    await writeDurably(path, repaired);
  }
  let last = lastKept;
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw explainIo(error, 'write', path);
    }
  };
  const file = attempt(() => openSync(path, 'a'));
  return {
    removed,
    write(line) {
      if (!(line.step > last)) {
        throw new RangeError(`metrics of step ${line.step} after those of step ${last}`);
      }
      attempt(() => appendFileSync(file, `${JSON.stringify(line)}\n`));
      last = line.step;
    },
    flush() {
      attempt(() => fsyncSync(file));
    },
    close() {
      closeSync(file);
    },
  };
}
