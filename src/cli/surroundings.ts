/** What commands touch of the world: streams, clock, signals, data, engine. Tests give simulated ones. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { RunConfig } from '../config/schema.ts';
import type { DataSet } from '../data/dataset.ts';
import { GreedynasError } from '../errors.ts';
import type { ExportRequest, ExportResult } from '../export/export-subnet.ts';
import type { Predictor } from '../predictors/predictor.ts';
import type { RetrainSurroundings } from '../retraining/run.ts';
import type { Evaluation, EvaluationRequest } from '../search/subnets.ts';
import type { SubnetRequest } from '../search/supernet-search.ts';
import type { Path, Space } from '../space/space.ts';
import type { MeasuredLatency, MeasureOptions } from '../supernet/measure-latency.ts';
import type { Supernet } from '../supernet/supernet.ts';
import type { RunSession } from '../training/run-folder.ts';
import type { DataRequest } from '../training/run-options.ts';
import { defaultDataDirectory } from './defaults.ts';
import { onSignals, watchSignals } from './signals.ts';
import type { Child } from './supervisor.ts';

export interface Surroundings {
  /** Results only: with --json one JSON object. */
  readonly stdout: Writable;
  /** Progress, notices, errors. */
  readonly stderr: Writable;
  /** Whether stderr is a terminal, where a progress bar can be drawn. */
  readonly interactive: boolean;
  /** The folder of all runs. */
  readonly checkpoints: string;
  /** Seconds, for speed and cost. */
  readonly clock: () => number;
  readonly watchSignals: typeof watchSignals;
  readonly onSignals: typeof onSignals;
  /** Runs this program with another command line, in a process of its own that shares its streams. */
  readonly startSelf: (argv: readonly string[]) => Child;
  readonly sleep: (seconds: number) => Promise<void>;
  /** `directory` holds all data sets. */
  readonly loadData: (request: DataRequest, directory: string, notice: (line: string) => void) => Promise<DataSet>;
  readonly createSupernet: (config: RunConfig, space: Space, data: DataSet) => Promise<Supernet>;
  readonly createPredictor: (config: RunConfig, space: Space) => Promise<Predictor<Path>>;
  readonly cutSubnet: (request: SubnetRequest) => Promise<void>;
  readonly evaluateSubnet: (request: EvaluationRequest) => Promise<Evaluation>;
  readonly exportSubnet: (request: Omit<ExportRequest, 'version' | 'engine'>) => Promise<ExportResult>;
  readonly measureLatency: (space: Space, request: MeasureRequest) => Promise<Measurement>;
  readonly createRetraining: RetrainSurroundings['createNetwork'];
  readonly describeSession: () => Promise<Omit<RunSession, 'step'>>;
}

export interface MeasureRequest extends Pick<MeasureOptions, 'engine' | 'batch' | 'repeats' | 'warmup'> {
  readonly seed: number;
}

export interface Measurement {
  readonly measured: MeasuredLatency;
  /** What it was measured on, for people. */
  readonly device: Readonly<Record<string, string | number | boolean>>;
}

/** Whole networks that check the sums of a latency table. */
const checkedNetworks = 5;

/** The real ones. Heavy modules are loaded when they are needed, so that --help answers at once. */
export function processSurroundings(): Surroundings {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    interactive: process.stderr.isTTY === true,
    checkpoints: 'checkpoints',
    clock: () => performance.now() / 1000,
    watchSignals,
    onSignals,
    startSelf(argv) {
      const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...argv], {
        stdio: 'inherit',
      });
      return {
        kill: (signal) => void child.kill(signal),
        ended: new Promise((resolve, reject) => {
          child.once('error', reject);
          child.once('exit', (code, signal) => resolve({ code, signal }));
        }),
      };
    },
    sleep: (seconds) => setTimeout(seconds * 1000),
    async loadData({ validationImages, seed, folder }, directory, notice) {
      if (folder !== undefined) {
        const { loadImageFolder } = await import('../data/image-folder.ts');
        const { path, ...rest } = folder;
        // The default of --data is where fetched data sets lie; the run knows where its images are.
        const place = directory === defaultDataDirectory ? path : directory;
        if (place === null) {
          throw new GreedynasError(
            'usage',
            'data.folder: null, allowed: the folder of the images; or name it by --data',
          );
        }
        return loadImageFolder({ directory: place, validationImages, seed, ...rest });
      }
      const { loadCifar10 } = await import('../data/cifar10.ts');
      const { describeDataProgress } = await import('../report/data-progress.ts');
      return loadCifar10({
        directory,
        validationImages,
        seed,
        progress: (event) => {
          const line = describeDataProgress(event);
          if (line !== null) {
            notice(line);
          }
        },
      });
    },
    async createSupernet(config, space, data) {
      const { createSupernetSession } = await import('../supernet/session.ts');
      const { networkOptions } = await import('../training/run-options.ts');
      return createSupernetSession(space, networkOptions(config, data));
    },
    async createPredictor(config, space) {
      const { createPathPredictor } = await import('../predictors/path-predictor.ts');
      return createPathPredictor(config, space);
    },
    async cutSubnet(request) {
      const { cutCandidate } = await import('../search/subnets.ts');
      await cutCandidate(request);
    },
    async evaluateSubnet(request) {
      const { evaluateFolder } = await import('../search/subnets.ts');
      return evaluateFolder(request);
    },
    async exportSubnet(request) {
      const { exportSubnet } = await import('../export/export-subnet.ts');
      const engine = { threads: 0, onednn: true, deterministic: true };
      return exportSubnet({ ...request, version: await packageVersion(), engine });
    },
    async measureLatency(space, { seed, ...request }) {
      const { measureLatency } = await import('../supernet/measure-latency.ts');
      const { describeEngine } = await import('../engine/addon.ts');
      const { createStream } = await import('../random/stream.ts');
      const measured = measureLatency(space, {
        ...request,
        networks: checkedNetworks,
        clock: () => performance.now() / 1000,
        stream: createStream(seed, 'latency'),
      });
      const { gpu, cpu, threads, onednn, tensorflow } = describeEngine();
      const device = gpu.length > 0 ? gpu.join(', ') : cpu;
      return { measured, device: { device, threads, onednn, tensorflow, date: new Date().toISOString() } };
    },
    async createRetraining(space, path, options) {
      const { openRetraining } = await import('../retraining/session.ts');
      return openRetraining(space, path, options);
    },
    async describeSession() {
      const { describeEngine } = await import('../engine/addon.ts');
      const { environment, ...engine } = describeEngine();
      return {
        started: new Date().toISOString(),
        host: hostname(),
        pid: process.pid,
        versions: { greedynas: await packageVersion(), node: process.versions.node, tensorflow: engine.tensorflow },
        engine,
        environment,
      };
    },
  };
}

/** The version in package.json, which always lies beside the sources. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return String(JSON.parse(text).version);
}
