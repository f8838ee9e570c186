/** A process of a benchmark that compares frameworks: sends a request, waits for its answer, one at a time. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';

export interface Child {
  /** The checked answer. Throws where the process ends instead, or answers something else. */
  ask<Answer>(
    asked: { readonly op: string; readonly [more: string]: unknown },
    answer: z.ZodType<Answer>,
  ): Promise<Answer>;
  /** Ends the process by closing its input. */
  close(): Promise<void>;
}

export function startChild(command: string, argv: readonly string[]): Child {
  // The comparison is one of CPUs: neither side may take a GPU that only one of them would use.
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '-1' };
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  // A write to a process that has ended fails with EPIPE; `ended` tells why it ended.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(asked, answer) {
      child.stdin.write(`${JSON.stringify(asked)}\n`);
      const line = await lines.next();
      if (line.done) throw new Error(`${[command, ...argv].join(' ')} ended at "${asked.op}": ${await ended}`);
      return answer.parse(JSON.parse(line.value));
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
