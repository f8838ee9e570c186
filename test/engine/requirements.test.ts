import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  findTool,
  hasGpu,
  requireCompiler,
  requireGlibc,
  requireNodeHeaders,
  requirePython,
  requireSpace,
} from '../../src/engine/requirements.ts';
import { GreedynasError } from '../../src/errors.ts';

describe('the requirements of the set-up', () => {
  let folder: string;

  /** Puts an executable shell script on the PATH that `environment()` gives. */
  function addTool(name: string, script: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const environment = () => ({ PATH: `/nowhere:${folder}` });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-tools-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('findTool takes executable files only', () => {
    writeFileSync(join(folder, 'text'), '');
    mkdirSync(join(folder, 'directory'));
    addTool('tool', '');
    expect(findTool('tool', environment())).to.equal(join(folder, 'tool'));
    for (const name of ['text', 'directory', 'absent']) expect(findTool(name, environment()), name).to.equal(null);
    expect(findTool('tool', {})).to.equal(null);
  });

  it('says how to get python3, and pip', () => {
    const expected = { code: 'io', exitCode: 4 };
    expect(() => requirePython(environment()))
      .to.throw(GreedynasError, /^python3 is missing.*sudo apt-get install python3 python3-pip/)
      .that.includes(expected);
    addTool('python3', 'exit 1');
    expect(() => requirePython(environment())).to.throw(GreedynasError, /^pip for .*sudo apt-get install python3-pip/);
    addTool('python3', 'exit 0');
    expect(requirePython(environment())).to.equal(join(folder, 'python3'));
  });

  it('says how to get g++, takes clang++ too, and CXX before both', () => {
    expect(() => requireCompiler(environment())).to.throw(GreedynasError, /^g\+\+ is missing.*apt-get install g\+\+/);
    addTool('clang++', '');
    expect(requireCompiler(environment())).to.equal(join(folder, 'clang++'));
    addTool('g++', '');
    expect(requireCompiler(environment())).to.equal(join(folder, 'g++'));
    expect(requireCompiler({ ...environment(), CXX: 'clang++' })).to.equal(join(folder, 'clang++'));
    expect(() => requireCompiler({ ...environment(), CXX: '/no/icpx' })).to.throw(
      GreedynasError,
      'CXX=/no/icpx is missing',
    );
  });

  it("prefers the headers beside Node's binary, then the system's, else says how to get them", () => {
    const system = join(folder, 'system');
    const own = join(folder, 'include', 'node');
    const binary = join(folder, 'bin', 'node');
    expect(() => requireNodeHeaders(binary, [system])).to.throw(
      GreedynasError,
      /node_api\.h.*libnode-dev.*nodejs\.org/,
    );
    for (const [headers, expected] of [
      [system, system],
      [own, own],
    ] as const) {
      mkdirSync(headers, { recursive: true });
      writeFileSync(join(headers, 'node_api.h'), '');
      expect(requireNodeHeaders(binary, [system])).to.equal(expected);
    }
  });

  it('says how much disk space is missing, and where else to go', async () => {
    await requireSpace(folder, 1, 'nothing');
    const error = await requireSpace(folder, 1e18, 'TensorFlow').catch((thrown: unknown) => thrown);
    expect(error)
      .to.be.instanceOf(GreedynasError)
      .with.property('message')
      .that.matches(/1000000000\.0 GB needed.*XDG_CACHE_HOME/);
  });

  it('sees a GPU where nvidia-smi lists one', () => {
    expect(hasGpu(environment())).to.equal(false);
    addTool('nvidia-smi', 'echo "No devices were found"; exit 6');
    expect(hasGpu(environment())).to.equal(false);
    addTool('nvidia-smi', 'echo "GPU 0: NVIDIA A100 (UUID: GPU-1)"');
    expect(hasGpu(environment())).to.equal(true);
  });

  it('accepts the C library that the tests run on', () => {
    expect(requireGlibc).not.to.throw();
  });
});
