import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { engineEnvironment, restoreUtil } from '../../src/engine/addon.ts';
import { addonPath } from '../../src/engine/layout.ts';
import { GreedynasError } from '../../src/errors.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs code that sees `engine` (src/engine/addon.ts) in a process of its own, and returns what it passed to `report`. */
function inNewProcess(code: string, environment: NodeJS.ProcessEnv = {}): unknown {
  const program = `
    import * as engine from './src/engine/addon.ts';
    const report = (value) => process.stdout.write(JSON.stringify(value));
    const messageOf = (work) => { try { work(); return null; } catch (error) { return [error.code, error.message]; } };
    ${code}`;
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    cwd: root,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

describe('engineEnvironment', () => {
  const options = { threads: 3, onednn: true, deterministic: false };

  it('says everything that TensorFlow reads', () => {
    expect(engineEnvironment(options, {})).to.deep.equal({
      TF_CPP_MIN_LOG_LEVEL: '2',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      TF_NUM_INTRAOP_THREADS: '3',
      TF_NUM_INTEROP_THREADS: '3',
      TF_ENABLE_ONEDNN_OPTS: '1',
      TF_DETERMINISTIC_OPS: '0',
    });
  });

  it('gives single operations another number of threads where asked', () => {
    const environment = engineEnvironment({ ...options, operationThreads: 1 }, {});
    expect(environment).to.include({ TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '3' });
    expect(() => engineEnvironment({ ...options, operationThreads: -1 })).to.throw(
      GreedynasError,
      'engine.operationThreads: -1',
    );
  });

  it('takes all cores for 0 threads, and leaves the log level to the user', () => {
    const environment = engineEnvironment(
      { ...options, threads: 0 },
      { TF_CPP_MIN_LOG_LEVEL: '0', TF_ENABLE_ONEDNN_OPTS: '0' },
    );
    expect(environment.TF_NUM_INTRAOP_THREADS).to.equal(String(availableParallelism()));
    expect(environment.TF_CPP_MIN_LOG_LEVEL).to.equal('0');
    expect(environment.TF_ENABLE_ONEDNN_OPTS).to.equal('1');
  });

  it('refuses a number of threads that is none', () => {
    for (const threads of [-1, 1.5, Number.NaN]) {
      expect(() => engineEnvironment({ ...options, threads })).to.throw(GreedynasError, `engine.threads: ${threads}`);
    }
  });
});

describe('loadAddon', () => {
  const options = '{ threads: 1, onednn: false, deterministic: true }';

  it('loads once, refuses other options by name, and describes what it loaded', function () {
    this.timeout(30_000);
    const result = inNewProcess(`
      const early = messageOf(() => engine.describeEngine());
      const binding = engine.loadAddon(${options});
      const again = engine.loadAddon({ ...${options}, gpuMemoryGrowth: true });
      report({
        early: early[1],
        same: binding === again,
        other: messageOf(() => engine.loadAddon({ threads: 2, onednn: true, deterministic: true })),
        threads: process.env.TF_NUM_INTRAOP_THREADS,
        version: binding.TF_Version,
        description: engine.describeEngine(),
      });`);
    expect(result).to.deep.include({ early: 'describeEngine() before loadAddon()', same: true, threads: '1' });
    const { other, version, description } = result as {
      other: [string, string];
      version: string;
      description: Record<string, unknown>;
    };
    expect(other[0]).to.equal('usage');
    expect(other[1])
      .to.include('threads is 1, asked for 2; onednn is false, asked for true')
      .and.not.include('deterministic is');
    expect(description).to.include({ tensorflow: version, onednn: false, threads: 1, node: process.versions.node });
  });

  it('carries tfjs, on every Node', function () {
    this.timeout(60_000);
    const result = inNewProcess(`
      const tf = engine.loadTensorflowJs(${options});
      report({ backend: tf.getBackend(), sum: tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0] });`);
    expect(result).to.deep.equal({ backend: 'tensorflow', sum: 6 });
  });

  it('says what to do where the addon is missing or broken', function () {
    this.timeout(30_000);
    const folder = mkdtempSync(join(tmpdir(), 'greedynas-addon-'));
    const file = addonPath(folder);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.broken`, 'no library');
    const result = inNewProcess(
      `
      import { renameSync } from 'node:fs';
      const missing = messageOf(() => engine.loadAddon(${options}, process.env.FOLDER));
      renameSync(process.env.ADDON + '.broken', process.env.ADDON);
      report([missing, messageOf(() => engine.loadAddon(${options}, process.env.FOLDER))]);`,
      { FOLDER: folder, ADDON: file },
    ) as [[string, string], [string, string]];
    rmSync(folder, { recursive: true });
    expect(result.map(([code]) => code)).to.deep.equal(['io', 'io']);
    expect(result[0][1]).to.include('is missing').and.include('make setup');
    expect(result[1][1]).to.include('does not load').and.include('make setup');
  });
});

describe('fittingKernels', () => {
  it("says oneDNN's where it is on and no GPU takes the work, and any kernels otherwise", function () {
    this.timeout(60_000);
    const result = inNewProcess(`
      const options = { threads: 1, onednn: true, deterministic: true };
      const off = { ...options, onednn: false };
      report({
        here: engine.fittingKernels(options),
        gpu: engine.loadAddon(options).isUsingGpuDevice(),
        cases: [[options, false], [options, true], [off, false], [off, true]].map((one) => engine.fittingKernels(...one)),
      });`) as { here: string; gpu: boolean; cases: string[] };
    expect(result.cases).to.deep.equal(['onednn', 'any', 'any', 'any']);
    expect(result.here).to.equal(result.gpu ? 'any' : 'onednn');
  });
});

describe('restoreUtil', () => {
  it('puts back what Node 23 took away, and touches nothing that is there', () => {
    const kept = () => true;
    const target: { isArray: () => boolean; isNullOrUndefined?: (value: unknown) => boolean } = { isArray: kept };
    restoreUtil(target);
    expect(target.isArray).to.equal(kept);
    expect([null, undefined, 0, ''].map((value) => target.isNullOrUndefined?.(value))).to.deep.equal([
      true,
      true,
      false,
      false,
    ]);
  });
});
