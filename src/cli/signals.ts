/** SIGINT and SIGTERM as a wish that long work asks for: the first is remembered, a second one ends the process at once. */
import { constants } from 'node:os';

export type EndSignal = 'SIGINT' | 'SIGTERM';
const endSignals: readonly EndSignal[] = ['SIGINT', 'SIGTERM'];

export interface SignalWatch {
  /** The signal that came, or null. */
  readonly received: EndSignal | null;
  /** Gives the signals back to the process. */
  stop(): void;
}

/**
 * npm passes a terminal's Ctrl-C on to a process that already got it: a copy that comes this soon is no second wish.
 * In milliseconds.
 */
const copyWindow = 1000;

/** The exit code that shells expect of a process ended by `signal`: 130 for SIGINT, 143 for SIGTERM. */
export function signalExitCode(signal: EndSignal): number {
  return 128 + constants.signals[signal];
}

/**
 * Watches until `stop` is called.
 * @param onFirst called with the first signal, to tell the user what happens now
 */
export function watchSignals(onFirst: (signal: EndSignal) => void): SignalWatch {
  let received: EndSignal | null = null;
  let firstAt = 0;
  const handle = (signal: EndSignal): void => {
    if (received === null) {
      received = signal;
      firstAt = performance.now();
      onFirst(signal);
    } else if (performance.now() - firstAt > copyWindow) {
      process.exit(signalExitCode(signal));
    }
  };
  for (const signal of endSignals) {
    process.on(signal, handle);
  }
  // Once the copies are through, the system itself ends the process on a second signal, even inside a native call.
  const giveBack = setInterval(() => {
    if (received !== null && performance.now() - firstAt > copyWindow) {
      stop();
    }
  }, copyWindow);
  giveBack.unref();
  function stop(): void {
    clearInterval(giveBack);
    for (const signal of endSignals) {
      process.off(signal, handle);
    }
  }
  return {
    get received() {
      return received;
    },
    stop,
  };
}

/** Calls back with each SIGINT and SIGTERM instead of ending the process, until the returned function is called. */
export function onSignals(callback: (signal: EndSignal) => void): () => void {
  for (const signal of endSignals) {
    process.on(signal, callback);
  }
  return () => {
    for (const signal of endSignals) {
      process.off(signal, callback);
    }
  };
}
