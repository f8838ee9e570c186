/** Runs tasks in worker processes, one task a worker at a time: TensorFlow has one set of threads a process. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fromSent } from '../errors.ts';
import type { SweepSettings, Task, TaskResult } from './task.ts';
import type { FromWorker, ToWorker } from './task-worker.ts';

export interface PoolRequest {
  readonly settings: SweepSettings;
  readonly tasks: readonly Task[];
  readonly workers: number;
  /** Called with each result as it comes, in no fixed order. `seconds` is what the task took. */
  readonly onResult: (result: TaskResult, seconds: number) => void;
  /** Asked now and then; once true, what runs is given up and the pool ends. */
  readonly interrupted: () => boolean;
}

/** Milliseconds between two questions whether to stop. */
const poll = 100;

/**
 * Ends when all tasks are done, or when interrupted.
 * @throws GreedynasError as a task does; a worker that dies is an `Error` with how it ended
 */
export async function runTasks({ settings, tasks, workers, onResult, interrupted }: PoolRequest): Promise<void> {
  const children: ChildProcess[] = [];
  let next = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      let open = Math.min(workers, tasks.length);
      if (open === 0) resolve();
      const timer = setInterval(() => {
        if (interrupted()) finish();
      }, poll);
      const finish = (error?: Error): void => {
        clearInterval(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      const start = (): void => {
        const child = fork(fileURLToPath(new URL('./task-worker.ts', import.meta.url)), {
          execArgv: ['--import', import.meta.resolve('tsx')],
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        });
        children.push(child);
        let done = false;
        const send = (message: ToWorker): void => {
          child.send(message);
        };
        const proceed = (): void => {
          const task = tasks[next++];
          if (task !== undefined) {
            send({ task });
            return;
          }
          done = true;
          child.disconnect();
          open -= 1;
          if (open === 0) finish();
        };
        child.on('message', (message: FromWorker) => {
          if ('error' in message) {
            finish(fromSent(message.error));
            return;
          }
          try {
            if ('result' in message) onResult(message.result, message.seconds);
          } catch (error) {
            finish(error instanceof Error ? error : new Error(String(error)));
            return;
          }
          proceed();
        });
        child.on('error', finish);
        child.on('exit', (code, signal) => {
          if (!done)
            finish(new Error(`a worker ended with ${signal ?? `exit code ${code}`} in the middle of its work`));
        });
        send({ settings });
      };
      for (let worker = 0; worker < open; worker++) start();
    });
  } finally {
    for (const child of children) {
      child.removeAllListeners('exit');
      if (child.exitCode === null) child.kill('SIGKILL');
    }
  }
}
