/** A world for the command line without TensorFlow, data sets or a terminal. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { EndSignal } from '../../src/cli/signals.ts';
import type { Surroundings } from '../../src/cli/surroundings.ts';
import { createAdditivePredictor } from '../search/additive-predictor.ts';
import { createFakeSupernet, type FakeOptions } from '../training/fake-supernet.ts';
import { smallConfig, smallData } from '../training/small-run.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Simulation extends FakeOptions {
  /** A signal that comes while the training step of this number in this process is at work. */
  readonly signal?: { readonly name: EndSignal; readonly inStep: number };
  /** A signal that comes while a search evaluates its path of this number, from 1, in this process. */
  readonly searchSignal?: { readonly name: EndSignal; readonly inEvaluation: number };
  /** What the program does as a process of its own. */
  readonly startSelf?: Surroundings['startSelf'];
  /** Takes what signals are given to. */
  readonly onSignals?: (callback: (signal: EndSignal) => void) => void;
  /** Takes what is cut out as a subnet, in place of writing it. */
  readonly onCut?: Surroundings['cutSubnet'];
  /** What loading the data set fails with. */
  readonly failure?: () => Promise<Error>;
}

function collect(): { stream: Writable; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream, text: () => text };
}

/** Runs one command line with its runs below `folder`/checkpoints. */
export async function greedynas(
  folder: string,
  argv: readonly string[],
  simulation: Simulation = {},
): Promise<Outcome> {
  const stdout = collect();
  const stderr = collect();
  let received: EndSignal | null = null;
  let onFirst: (signal: EndSignal) => void = () => {};
  const receive = (signal: EndSignal): void => {
    received = signal;
    onFirst(signal);
  };
  const surroundings: Surroundings = {
    stdout: stdout.stream,
    stderr: stderr.stream,
    interactive: false,
    checkpoints: join(folder, 'checkpoints'),
    clock: () => 0,
    watchSignals(listener) {
      onFirst = listener;
      return {
        get received() {
          return received;
        },
        stop() {},
      };
    },
    onSignals: (callback) => {
      simulation.onSignals?.(callback);
      return () => {};
    },
    startSelf: (words) => {
      if (simulation.startSelf === undefined) throw new Error(`nothing to start with ${words.join(' ')}`);
      return simulation.startSelf(words);
    },
    sleep: async () => {},
    loadData: async () => {
      if (simulation.failure !== undefined) {
        throw await simulation.failure();
      }
      return smallData;
    },
    createPredictor: async (_config, space) => createAdditivePredictor(space),
    createSupernet: async (_config, space) => {
      const supernet = createFakeSupernet(space, {
        ...simulation,
        onTrain(step) {
          simulation.onTrain?.(step);
          if (step === simulation.signal?.inStep) receive(simulation.signal.name);
        },
      });
      const { evaluate } = supernet;
      let evaluations = 0;
      supernet.evaluate = (path) => {
        evaluations += 1;
        if (evaluations === simulation.searchSignal?.inEvaluation) receive(simulation.searchSignal.name);
        return evaluate(path);
      };
      return supernet;
    },
    cutSubnet: async (request) => simulation.onCut?.(request),
    evaluateSubnet: async ({ split }) => {
      const scores = { images: 20, loss: 1.25, top1: 0.5, top5: 0.9 };
      return { path: 'e3k3 skip', split, ...scores, recorded: scores };
    },
    createRetraining: async () => {
      throw new Error('no network is retrained here');
    },
    exportSubnet: async ({ format, fold, target, out }) => ({
      format,
      folded: fold,
      target,
      directory: out ?? 'exports/small',
      bytes: 1_234_567,
      path: 'e3k3 skip',
      flops: 11_000_000,
      params: 395_000,
    }),
    // A millisecond for each operation, 5 for the rest; whole networks take a tenth more than their sum.
    measureLatency: async (space) => {
      const layers = space.layers.map(({ operations }) => operations.map(() => 1));
      const check = { path: layers.map(() => 0), predicted: 5 + layers.length, measured: 1.1 * (5 + layers.length) };
      const measured = { latency: { fixed: 5, layers }, overhead: 0.5, spread: 0.02, checks: [check] };
      return { measured, device: { device: 'simulated' } };
    },
    describeSession: async () => ({ started: '', host: '', pid: 0, versions: {}, engine: {}, environment: {} }),
  };
  // Not at the top: mocha loads test files with require, and the commands load modules with import, as second copies.
  const { main } = await import('../../src/cli/main.ts');
  const code = await main(argv, surroundings);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** Writes the config of the small run and returns its path. */
export function writeSmallConfig(folder: string, changes: object = {}): string {
  const path = join(folder, 'small.yaml');
  writeFileSync(path, JSON.stringify({ ...smallConfig, ...changes }));
  return path;
}
