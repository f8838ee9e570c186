/** A worker process of a sweep: gets the settings, then one task after the other, and answers each with its result. */
import { type SentError, toSent } from '../errors.ts';
import { createTaskRunner, type SweepSettings, type Task, type TaskResult, type TaskRunner } from './task.ts';

export type ToWorker = { readonly settings: SweepSettings } | { readonly task: Task };
export type FromWorker =
  | { readonly ready: true }
  | { readonly result: TaskResult; readonly seconds: number }
  | { readonly error: SentError };

function answer(message: FromWorker): void {
  process.send?.(message);
}

let runner: TaskRunner | null = null;

async function handle(message: ToWorker): Promise<void> {
  if ('settings' in message) {
    runner = await createTaskRunner(message.settings);
    answer({ ready: true });
    return;
  }
  if (runner === null) throw new Error('a task came before the settings');
  const start = performance.now();
  const result = runner.run(message.task);
  answer({ result, seconds: (performance.now() - start) / 1000 });
}

process.on('message', (message: ToWorker) => {
  handle(message).catch((error: unknown) => {
    answer({ error: toSent(error) });
  });
});
// The sweep has gone, or ends: nobody reads another result.
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the workers too; the sweep decides when they end.
process.on('SIGINT', () => {});
