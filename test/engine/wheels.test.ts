import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findTool } from '../../src/engine/requirements.ts';
import { fetchWheel, hashFile, pipArguments, unpackWheel } from '../../src/engine/wheels.ts';

const wheel = {
  file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  bytes: 5,
  // printf wheel | sha256sum
  sha256: 'ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91',
};

describe('wheels', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-wheels-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A stand-in for `python3 -m pip download`: it finds the folder after `--dest` in `$dest`. */
  function tools(script: string, signal = new AbortController().signal) {
    const python = join(folder, 'python3');
    const findDest = 'while [ "$1" != --dest ]; do shift; done; dest=$2';
    writeFileSync(python, `#!/bin/sh\necho called >> ${folder}/calls\n${findDest}\n${script}\n`);
    chmodSync(python, 0o755);
    return { python, environment: process.env, signal };
  }
  const calls = () => existsSync(join(folder, 'calls'));
  const downloads = () => join(folder, 'downloads');
  const fetch = (script: string, signal?: AbortSignal) =>
    fetchWheel(wheel, downloads(), join(folder, 'scratch'), tools(script, signal));

  it('asks pip for one file by version, platform and hash, whatever Python runs pip', () => {
    const { args, requirement } = pipArguments(wheel, 'r.txt', 'd', false);
    expect(requirement).to.equal(`tensorflow-cpu==2.21.0 --hash=sha256:${wheel.sha256}\n`);
    expect(args.join(' ')).to.include('--python-version 311 --implementation cp --abi cp311');
    expect(args.join(' ')).to.include('--platform manylinux_2_27_x86_64').and.include('--require-hashes');
    expect(args).to.include('--quiet');
    expect(pipArguments(wheel, 'r.txt', 'd', true).args).not.to.include('--quiet');
  });

  it('keeps what pip brought, and does not ask again', async () => {
    const file = await fetch(`printf wheel > "$dest/${wheel.file}"`);
    expect(await hashFile(file)).to.equal(wheel.sha256);
    rmSync(join(folder, 'calls'));
    expect(await fetch('exit 1')).to.equal(file);
    expect(calls()).to.equal(false);
  });

  it('fetches again what is damaged', async () => {
    const file = await fetch(`printf wheel > "$dest/${wheel.file}"`);
    writeFileSync(file, 'whee1');
    await fetch(`printf wheel > "$dest/${wheel.file}"`);
    expect(await hashFile(file)).to.equal(wheel.sha256);
  });

  for (const [name, script, message] of [
    ['pip that fails', 'exit 1', 'pip could not download tensorflow_cpu'],
    ['pip that brings nothing', 'exit 0', 'pip could not download tensorflow_cpu'],
    ['a file of another size', `printf whee > "$dest/${wheel.file}"`, 'has 4 bytes, expected 5'],
    ['a file of another content', `printf whee1 > "$dest/${wheel.file}"`, 'has SHA-256'],
  ] as const) {
    it(`refuses ${name}, and keeps nothing of it`, async () => {
      const error: unknown = await fetch(script).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'io');
      expect(error).to.have.property('message').that.includes(message);
      expect(readdirSync(downloads())).to.deep.equal([]);
    });
  }

  it('stops pip when it is told to', async () => {
    const controller = new AbortController();
    const fetching = fetch('exec sleep 30', controller.signal).catch((thrown: unknown) => thrown);
    setTimeout(() => controller.abort(), 200);
    expect(await fetching).to.have.property('name', 'AbortError');
  });

  it('unpacks the libraries and the headers, and nothing else', async function () {
    const python = findTool('python3', process.env);
    if (!python) {
      console.log('      python3 is not here, so nothing can be unpacked');
      return this.skip();
    }
    const entries: Record<string, string[]> = {
      'tensorflow-1.whl': [
        'tensorflow/libtensorflow_cc.so.2',
        'tensorflow/libtensorflow_framework.so.2',
        'tensorflow/include/tensorflow/c/c_api.h',
        'tensorflow/include/Eigen/Core',
        'tensorflow/python/x.so',
        'tensorflow/__init__.py',
      ],
      'nvidia_x-1.whl': [
        'nvidia/x/lib/libx.so.12',
        'nvidia/x/lib/libx.a',
        'nvidia/x/include/x.h',
        'nvidia/x/bin/ptxas',
      ],
    };
    const pack = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    for name in sys.argv[2:]:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100755 if 'bin/' in name else 0o100644) << 16
        archive.writestr(entry, name)`;
    const tree = join(folder, 'tree');
    for (const [name, names] of Object.entries(entries)) {
      execFileSync(python, ['-c', pack, join(folder, name), ...names]);
      await unpackWheel(join(folder, name), tree, {
        python,
        environment: process.env,
        signal: new AbortController().signal,
      });
    }
    const found = readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
      .sort();
    expect(found).to.deep.equal([
      'nvidia/x/bin/ptxas',
      'nvidia/x/lib/libx.so.12',
      'tensorflow/include/tensorflow/c/c_api.h',
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/libtensorflow_framework.so.2',
    ]);
    expect(findTool('ptxas', { PATH: join(tree, 'nvidia/x/bin') })).not.to.equal(null);
    const broken = { python: '/bin/false', environment: process.env, signal: new AbortController().signal };
    const bad: unknown = await unpackWheel('x.whl', tree, broken).catch((thrown: unknown) => thrown);
    expect(bad).to.have.property('message').that.includes('could not be unpacked');
  });
});
