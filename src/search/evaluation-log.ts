/**
 * population.jsonl and comparison.jsonl: a JSON object a line for each evaluation, in order. A search that was killed
 * takes from them what its last saved state lacks, so that nothing is evaluated twice.
 */
import { appendFileSync, closeSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { parseGenotype, pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { explainIo, readIfThere, writeDurably } from '../storage/durable.ts';
import { type Candidate, restoreCandidate } from './evaluator.ts';
import { describeCandidate } from './result.ts';

export interface EvaluationLog {
  /** What an earlier process found for a path; null if nothing. */
  find(path: Path): Pick<Candidate, 'loss' | 'top1'> | null;
  /**
   * The next evaluation: appends its line, unless an earlier process wrote the very same one. A line that says otherwise
   * goes, with all after it. Returns whether it was new.
   */
  write(candidate: Candidate, generation?: number): boolean;
  /** What was written so far is on the disk when this returns. Called before a state that counts on it is saved. */
  flush(): void;
  close(): void;
  /** Evaluations that the log had when it was opened. */
  readonly found: number;
  /** Lines that opening removed: the first that was torn or not what belongs there, and all after it. */
  readonly removed: number;
}

const lineSchema = z.strictObject({
  step: z.int(),
  generation: z.int().min(0).optional(),
  path: z.string(),
  flops: z.int(),
  params: z.int(),
  latency: z.number().optional(),
  loss: z.number().nullable(),
  top1: z.number().nullable(),
});

function formatLine(space: Space, step: number, candidate: Candidate, generation: number | undefined): string {
  return JSON.stringify({ step, generation, ...describeCandidate(space, candidate) });
}

/** The candidate of a line that is to the letter what `formatLine` writes as this step; null for any other. */
function readLine(space: Space, line: string, step: number): Candidate | null {
  try {
    const { path, loss, top1, generation } = lineSchema.parse(JSON.parse(line));
    const candidate = restoreCandidate(space, { path: parseGenotype(space, path), loss, top1 });
    return formatLine(space, step, candidate, generation) === line ? candidate : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError || error instanceof GreedynasError) return null;
    throw error;
  }
}

/** The lines up to the first that is torn, not of this space, out of order, or of a path that came before. */
function readLines(space: Space, text: string): { lines: string[]; known: Map<string, Candidate>; removed: number } {
  const lines: string[] = [];
  const known = new Map<string, Candidate>();
  // What follows the last line end is empty, or a line that lost its tail.
  const given = text.split('\n');
  const whole = given.slice(0, -1);
  for (const line of whole) {
    const candidate = readLine(space, line, lines.length + 1);
    if (candidate === null || known.has(pathKey(candidate.path))) break;
    known.set(pathKey(candidate.path), candidate);
    lines.push(line);
  }
  return { lines, known, removed: whole.length - lines.length + (given.at(-1) === '' ? 0 : 1) };
}

/** Opens the log of a search, new or not, and repairs what a crash left. */
export async function openEvaluationLog(path: string, space: Space): Promise<EvaluationLog> {
  const text = (await readIfThere(path)) ?? '';
  const { lines, known, removed } = readLines(space, text);
  const asText = (some: readonly string[]): string => some.map((line) => `${line}\n`).join('');
  if (removed > 0) await writeDurably(path, asText(lines));
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw explainIo(error, 'write', path);
    }
  };
  const file = attempt(() => openSync(path, 'a'));
  const found = lines.length;
  let written = 0;
  return {
    found,
    removed,
    find: (wanted) => known.get(pathKey(wanted)) ?? null,
    write(candidate, generation) {
      const line = formatLine(space, written + 1, candidate, generation);
      written += 1;
      if (lines[written - 1] === line) return false;
      if (written <= lines.length) {
        lines.length = written - 1;
        attempt(() => ftruncateSync(file, Buffer.byteLength(asText(lines))));
      }
      attempt(() => appendFileSync(file, `${line}\n`));
      lines.push(line);
      return true;
    },
    flush() {
      attempt(() => fsyncSync(file));
    },
    close() {
      closeSync(file);
    },
  };
}
