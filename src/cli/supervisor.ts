/**
 * `train-supernet --restarts n`: a small process beside the training that starts it again when it dies. Native code that
 * aborts takes its process with it, and nothing inside that process could go on.
 */
import { constants } from 'node:os';
import { exitCodes } from '../errors.ts';

/** How a process ended: one of the two is null. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process at work. */
export interface Child {
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ending>;
}

export interface SupervisorOptions {
  /** Starts the training, or goes on with it. */
  readonly start: (resume: boolean) => Child;
  /** Times that it is started again at most. */
  readonly restarts: number;
  /** Whether there is a run to go on with. */
  readonly begun: () => Promise<boolean>;
  /** Step of the newest checkpoint; −1 where there is none. */
  readonly progress: () => Promise<number>;
  /** Whether the first start goes on with a run. */
  readonly resume: boolean;
  /** Calls back with each SIGINT and SIGTERM, until the returned function is called. */
  readonly onSignals: (callback: (signal: NodeJS.Signals) => void) => () => void;
  /** Resolves after so many seconds. */
  readonly sleep: (seconds: number) => Promise<void>;
  /** A line for the user. */
  readonly notice: (line: string) => void;
}

/** Deaths one after the other without a newer checkpoint that make a crash loop: a fourth try would die as well. */
const crashLoop = 3;
/** Seconds before the first restart; doubled with each death that follows without a newer checkpoint. */
const firstPause = 1;
const longestPause = 60;

/** Someone wished these; a restart would undo it. */
const wishes: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** What a shell makes of it: a process that died of a signal has 128 + its number. */
function codeOf({ code, signal }: Ending): number {
  return signal === null ? (code ?? exitCodes.bug) : 128 + constants.signals[signal];
}

/** Died, in contrast to: was done, gave up with a reason that a restart does not take away, or was told to end. */
function died({ code, signal }: Ending): boolean {
  return signal === null ? code === exitCodes.bug : !wishes.includes(signal);
}

/**
 * Starts the training and starts it again when it dies, with a pause between, until it ends otherwise, the restarts are
 * used up, or it dies in a loop. Signals go on to the training, which ends in its own way, and end the supervision.
 *
 * @returns the exit code of the training
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { start, restarts, begun, progress, sleep, notice } = options;
  let child: Child | null = null;
  let wished: NodeJS.Signals | null = null;
  let wake = (): void => {};
  const stopWatching = options.onSignals((signal) => {
    wished = signal;
    child?.kill(signal);
    wake();
  });
  try {
    // A run of that name that nobody asked to go on with stays as it is, whatever the training dies of.
    const mayResume = options.resume || !(await begun());
    let resume = options.resume;
    let reached = await progress();
    let without = 0;
    for (let restart = 0; ; restart++) {
      child = start(resume);
      const ending = await child.ended;
      child = null;
      const code = codeOf(ending);
      if (wished !== null || !died(ending)) return code;
      const how = ending.signal === null ? `exit code ${code}` : ending.signal;
      const now = await progress();
      without = now > reached ? 1 : without + 1;
      reached = now;
      const where = now < 0 ? 'before its first checkpoint' : `after the checkpoint of step ${now}`;
      if (without >= crashLoop) {
        notice(
          `the training died ${without} times in a row ${where} (${how}): this is a crash loop, it is not restarted`,
        );
        return code;
      }
      if (restart >= restarts) {
        notice(`the training died ${where} (${how}), and its ${restarts} restarts are used up`);
        return code;
      }
      const seconds = Math.min(longestPause, firstPause * 2 ** (without - 1));
      notice(`the training died ${where} (${how}): restart ${restart + 1} of ${restarts} in ${seconds} s`);
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([sleep(seconds), woken]);
      // TypeScript does not see that the callback above sets it.
      const wish = wished as NodeJS.Signals | null;
      if (wish !== null) return codeOf({ code: null, signal: wish });
      resume = options.resume || (mayResume && (await begun()));
    }
  } finally {
    stopWatching();
  }
}
