import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { addonPath, packageDirectory, readAddonRecord, tensorflowDirectory } from '../../src/engine/layout.ts';
import { writeManifest } from '../../src/engine/manifest.ts';
import { chooseVariant, setUp } from '../../src/engine/setup.ts';
import { requireWheels } from '../../src/engine/unpacked.ts';
import { GreedynasError } from '../../src/errors.ts';

/** A world of its own for one set-up: an npm package without an addon, a cache, and a PATH with nothing but the given tools. */
describe('setUp', () => {
  let folder: string;
  let lines: string[];
  const packageFolder = () => join(folder, 'package');
  const cache = () => join(folder, 'cache', 'greedynas');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-setup-'));
    lines = [];
    addPackage(packageFolder());
    mkdirSync(join(folder, 'tools'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function addPackage(target: string): void {
    for (const part of ['binding', 'package.json'])
      cpSync(join(packageDirectory(), part), join(target, part), { recursive: true });
  }

  function addTool(name: string, script: string): void {
    const file = join(folder, 'tools', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  function run(environment: NodeJS.ProcessEnv = {}, target = packageFolder(), signal = new AbortController().signal) {
    return setUp({
      environment: {
        PATH: `${join(folder, 'tools')}:/usr/bin:/bin`,
        XDG_CACHE_HOME: join(folder, 'cache'),
        GREEDYNAS_VARIANT: 'cpu',
        ...environment,
      },
      packageFolder: target,
      nodeBinary: process.execPath,
      verify: false,
      signal,
      say: (line) => lines.push(line),
    });
  }

  /** No tool but those that were added. */
  const bare = () => ({ PATH: join(folder, 'tools') });

  /** A folder that looks like an unpacked TensorFlow; its libraries are empty. */
  function addFakeTensorflow(directory: string): void {
    const include = join(directory, 'tensorflow', 'include', 'tensorflow', 'c');
    mkdirSync(include, { recursive: true });
    writeFileSync(join(include, 'c_api.h'), '');
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
      writeFileSync(join(directory, 'tensorflow', name), '');
    }
  }

  async function failure(work: Promise<void>): Promise<GreedynasError> {
    const error: unknown = await work.then(() => null).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(GreedynasError);
    return error as GreedynasError;
  }

  it('names a missing python3, and leaves nothing behind', async () => {
    const error = await failure(run(bare()));
    expect(error.exitCode).to.equal(4);
    expect(error.message).to.match(/^python3 is missing.*sudo apt-get install/);
    expect(readdirSync(cache())).to.deep.equal([]);
  });

  it('names a missing g++', async () => {
    addFakeTensorflow(join(folder, 'own'));
    const error = await failure(run({ ...bare(), GREEDYNAS_TENSORFLOW: join(folder, 'own') }));
    expect(error.exitCode).to.equal(4);
    expect(error.message).to.match(/^g\+\+ is missing.*sudo apt-get install g\+\+/);
  });

  it('says what it looked for in a GREEDYNAS_TENSORFLOW that holds none', async () => {
    const error = await failure(run({ GREEDYNAS_TENSORFLOW: folder }));
    expect(error.message).to.include(folder).and.include('libtensorflow_cc.so.2').and.include('c_api.h');
  });

  it("passes the compiler's words on", async () => {
    addFakeTensorflow(join(folder, 'own'));
    addTool('g++', 'echo "addon.cc:1: error: no such thing" >&2; exit 1');
    const error = await failure(run({ ...bare(), GREEDYNAS_TENSORFLOW: join(folder, 'own') }));
    expect(error.message).to.include('could not build the addon').and.include('addon.cc:1: error: no such thing');
  });

  it('installs no addon that does not load, and keeps none', async () => {
    addFakeTensorflow(join(folder, 'own'));
    addTool('g++', 'while [ "$1" != -o ]; do shift; done; echo rubbish > "$2"');
    const environment = { GREEDYNAS_TENSORFLOW: join(folder, 'own'), PATH: `${bare().PATH}:/bin` };
    const error = await failure(run(environment));
    expect(error.message).to.include('does not load');
    expect(existsSync(addonPath(packageFolder()))).to.equal(false);
    expect(readdirSync(join(cache(), 'addons'))).to.deep.equal([]);
  });

  it('cleans up after a failed download and after a set-up that was killed', async () => {
    addTool('python3', '[ "$3" = --version ]');
    const deadPid = 2 ** 22 + 1;
    mkdirSync(join(cache(), `.unfinished-${hostname()}-${deadPid}-x`, 'tree'), { recursive: true });
    mkdirSync(join(cache(), '.unfinished-elsewhere-1-x'), { recursive: true });
    const error = await failure(run());
    expect(error.message).to.include('pip could not download').and.include('make setup');
    expect(readdirSync(cache()).sort()).to.deep.equal(['.unfinished-elsewhere-1-x', 'downloads']);
  });

  it('stops when it is told to', async () => {
    addTool('python3', '[ "$3" = --version ] || exec sleep 30');
    const controller = new AbortController();
    const running = run({}, packageFolder(), controller.signal).catch((thrown: unknown) => thrown);
    setTimeout(() => controller.abort(), 500);
    expect(await running).to.have.property('name', 'AbortError');
    expect(readdirSync(cache())).to.deep.equal(['downloads']);
  });

  it('unpacks again where a library of the cache is damaged, and says which', async () => {
    const directory = tensorflowDirectory(cache(), 'cpu');
    addFakeTensorflow(directory);
    await writeManifest(directory, { tensorflow: '2.21.0', variant: 'cpu', wheels: [] });
    writeFileSync(join(directory, 'tensorflow', 'libtensorflow_cc.so.2'), 'x');
    addTool('python3', '[ "$3" = --version ]');
    const error = await failure(run());
    expect(error.message).to.include('pip could not download');
    expect(lines[0]).to.include('unpacking again').and.include('libtensorflow_cc.so.2');
  });

  it('refuses an unknown GREEDYNAS_VARIANT', async () => {
    const error = await failure(run({ GREEDYNAS_VARIANT: 'tpu' }));
    expect(error.exitCode).to.equal(2);
    expect(error.message).to.include('tpu').and.include('cpu or cuda');
  });

  it('builds once; does nothing the second time; a second clone takes the built addon from the cache', async function () {
    const directory = readAddonRecord(packageDirectory())?.directory;
    if (!directory) {
      console.log('      the stock addon is installed, so there is no TensorFlow to build against');
      return this.skip();
    }
    this.timeout(180_000);
    const environment = { GREEDYNAS_TENSORFLOW: directory };
    await run({ ...environment, PATH: process.env.PATH });
    expect(lines[0]).to.include('building the addon');
    const built = statSync(addonPath(packageFolder())).mtimeMs;

    lines = [];
    const begin = performance.now();
    await run({ ...environment, ...bare() });
    expect(performance.now() - begin).to.be.below(2000);
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]).to.match(/^TensorFlow \d+\.\d+\.\d+ \(own\) is ready$/);
    expect(statSync(addonPath(packageFolder())).mtimeMs).to.equal(built);

    lines = [];
    addPackage(join(folder, 'second'));
    await run({ ...environment, ...bare() }, join(folder, 'second'));
    expect(lines).to.have.lengthOf(1);
    expect(existsSync(addonPath(join(folder, 'second')))).to.equal(true);

    // An addon without our record counts as the stock one and is kept; one that is torn is put back.
    lines = [];
    rmSync(join(dirname(addonPath(packageFolder())), 'greedynas.json'));
    await run(bare());
    expect(lines[0]).to.include('the stock addon');
    writeFileSync(addonPath(join(folder, 'second')), 'torn');
    await run({ ...environment, ...bare() }, join(folder, 'second'));
    expect(statSync(addonPath(join(folder, 'second'))).size).to.be.above(10_000);
  });

  it('ends with 4 and the message on standard error when run as a program', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'src/engine/setup.ts'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, GREEDYNAS_TENSORFLOW: '/no/such/folder' },
      encoding: 'utf8',
    });
    expect(status).to.equal(4);
    expect(stdout).to.equal('');
    expect(stderr).to.match(/^setup: \/no\/such\/folder holds no TensorFlow/);
  });
});

describe('chooseVariant', () => {
  it('takes CUDA where it is asked for, and the CPU where there is no nvidia-smi', () => {
    expect(chooseVariant({ GREEDYNAS_VARIANT: 'cuda' })).to.equal('cuda');
    expect(chooseVariant({ PATH: '/nowhere' })).to.equal('cpu');
  });
});

describe('requireWheels', () => {
  it('knows Linux on two machines, and says so elsewhere', () => {
    expect(requireWheels('cpu', 'linux', 'arm64')[0]?.file).to.include('aarch64');
    for (const [variant, platform, architecture] of [
      ['cpu', 'darwin', 'arm64'],
      ['cpu', 'linux', 'ppc64'],
      ['cuda', 'linux', 'arm64'],
    ] as const) {
      expect(() => requireWheels(variant, platform, architecture)).to.throw(
        GreedynasError,
        `${platform} ${architecture}`,
      );
    }
  });
});
