import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import {
  findCheckpoint,
  listSteps,
  saveCheckpoint,
  setAside,
  type TrainingState,
} from '../../src/training/checkpoint.ts';
import { rejection, temporaryFolder } from './temporary.ts';

const seconds = {
  start: 3,
  data: 0.125,
  train: 1.5,
  rank: 0.5,
  audit: 0,
  save: 0.25,
  pace: { train: { images: 64, seconds: 1.25 }, rank: { images: 100, seconds: 0.5 } },
};

function stateOf(step: number): TrainingState {
  return {
    format: 2,
    step,
    ledger: { optimised: step * 8, evaluated: step * 20 },
    window: { steps: 1, images: 8, loss: 2.25, correct: 3, fromPool: 0 },
    skipped: { total: 2, inRow: 1 },
    sampler: { queue: [[0, 1]], number: 0.1 + 0.2 },
  };
}

/** Changes a manifest as its writer could have: with a hash of itself that fits. */
function editManifest(path: string, edit: (value: Record<string, object>) => object): void {
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(path, 'utf8'));
  const edited = edit(manifest);
  const sha256 = createHash('sha256').update(JSON.stringify(edited)).digest('hex');
  writeFileSync(path, JSON.stringify({ ...edited, sha256 }));
}

function parseOrNull(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}

describe('training/checkpoint', () => {
  const folder = temporaryFolder();
  const save = (step: number, keep = 10, keepEvery: number | null = null) =>
    saveCheckpoint({
      runDirectory: folder(),
      state: stateOf(step),
      seconds,
      saveWeights: (prefix) => {
        writeFileSync(`${prefix}.index`, `index ${step}`);
        writeFileSync(`${prefix}.data-00000-of-00001`, `weights of step ${step}`);
      },
      keep,
      keepEvery,
      texts: { 'pool.json': '{}\n' },
    });

  it('gives back what was saved', async () => {
    const directory = await save(12_000);
    expect(directory).to.equal(join(folder(), 'step-00012000'));
    const { checkpoint, skipped } = await findCheckpoint(folder());
    expect(skipped).to.deep.equal([]);
    expect(checkpoint?.state).to.deep.equal(stateOf(12_000));
    expect(checkpoint?.seconds).to.deep.equal(seconds);
    expect(readFileSync(`${checkpoint?.weightsPrefix}.index`, 'utf8')).to.equal('index 12000');
    expect(readFileSync(join(folder(), 'latest'), 'utf8')).to.equal('step-00012000\n');
    expect(readdirSync(folder()).sort()).to.deep.equal(['latest', 'step-00012000']);
  });

  it('is null where a run has none', async () => {
    expect(await findCheckpoint(folder())).to.deep.equal({ checkpoint: null, skipped: [] });
  });

  it('is not taken for damaged where this user may not read it', async () => {
    await save(1);
    const newest = await save(2);
    const program = `
      const { findCheckpoint } = await import('${new URL('../../src/training/checkpoint.ts', import.meta.url)}');
      // Root may read everything.
      if (process.getuid() === 0) process.setuid(65534);
      try {
        console.log(JSON.stringify((await findCheckpoint(process.argv[1])).skipped));
      } catch (error) {
        console.log(error.code + ': ' + error.message);
      }
    `;
    const words = ['--import=tsx', '--input-type=module', '-e', program, folder()];
    chmodSync(folder(), 0o755);
    for (const name of ['manifest.json', 'weights.index', 'state.json']) {
      const path = join(newest, name);
      chmodSync(path, 0);
      const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      expect(stdout, stderr).to.match(/^io: cannot read .*step-00000002: permission denied \(EACCES\)\n$/);
      chmodSync(path, 0o644);
    }
    expect((await findCheckpoint(folder())).checkpoint?.step).to.equal(2);
  });

  it('is damaged where a file of it is a link to itself or a folder', async () => {
    await save(1);
    for (const [step, put] of [
      [2, (path: string) => symlinkSync('state.json', path)],
      [3, (path: string) => mkdirSync(path)],
    ] as const) {
      const path = join(await save(step), 'state.json');
      rmSync(path);
      put(path);
    }
    const { checkpoint, skipped } = await findCheckpoint(folder());
    expect(checkpoint?.step).to.equal(1);
    expect(skipped.map(({ reason }) => reason)).to.deep.equal([
      'state.json is no file',
      skipped[1]!.reason.match(/^state\.json cannot be read: .*ELOOP.*$/)?.[0],
    ]);
  });

  it('sorts steps as numbers and keeps the last n', async () => {
    for (const step of [9, 10, 100_000_000, 99_999_999]) {
      await save(step);
    }
    expect(await listSteps(folder())).to.deep.equal([100_000_000, 99_999_999, 10, 9]);
    await save(100_000_001, 2);
    expect(await listSteps(folder())).to.deep.equal([100_000_001, 100_000_000]);
    expect(readdirSync(folder()).sort()).to.deep.equal(['latest', 'step-100000000', 'step-100000001']);
  });

  it('keeps those at multiples of keepEvery as well', async () => {
    for (const step of [5, 10, 15, 20, 25, 30, 35]) await save(step, 2, 20);
    expect(await listSteps(folder())).to.deep.equal([35, 30, 20]);
    await save(40, 1, 20);
    expect(await listSteps(folder())).to.deep.equal([40, 20]);
    await save(45, 1, null);
    expect(await listSteps(folder())).to.deep.equal([45]);
  });

  it('lets go of old ones only when the new one is whole', async () => {
    await save(1);
    await save(2);
    let during: number[] = [];
    await saveCheckpoint({
      runDirectory: folder(),
      state: stateOf(3),
      seconds,
      keep: 1,
      saveWeights(prefix) {
        during = readdirSync(folder())
          .filter((name) => name.startsWith('step-'))
          .map((name) => Number(name.slice(5)));
        writeFileSync(`${prefix}.index`, 'index');
      },
    });
    expect(during).to.deep.equal([1, 2]);
    expect(await listSteps(folder())).to.deep.equal([3]);
  });

  it('keeps the one just written whatever keep says', async () => {
    await save(1, 0);
    expect(await listSteps(folder())).to.deep.equal([1]);
  });

  const files = [
    'manifest.json',
    'pool.json',
    'seconds.json',
    'state.json',
    'weights.data-00000-of-00001',
    'weights.index',
  ];
  const damages: Record<string, (path: string) => void> = {
    'is deleted': (path) => rmSync(path),
    'is cut': (path) => truncateSync(path, 1),
    'is empty': (path) => truncateSync(path, 0),
    'has a byte more': (path) => appendFileSync(path, ' '),
    'has a flipped bit': (path) => {
      const bytes = readFileSync(path);
      const place = Math.floor(bytes.length / 2);
      bytes[place] = bytes[place]! ^ 1;
      writeFileSync(path, bytes);
    },
  };
  for (const file of files) {
    for (const [damage, apply] of Object.entries(damages)) {
      if (file === 'manifest.json' && damage === 'has a byte more') {
        continue; // Still the same JSON: nothing is lost.
      }
      it(`falls back where ${file} ${damage}, and says why`, async () => {
        await save(1);
        apply(join(await save(2), file));
        const { checkpoint, skipped } = await findCheckpoint(folder());
        expect(checkpoint?.state).to.deep.equal(stateOf(1));
        expect(skipped.map(({ step }) => step)).to.deep.equal([2]);
        expect(skipped[0]!.reason).to.match(file === 'manifest.json' ? /./ : new RegExp(file.replace(/[.]/g, '\\.')));
      });
    }
  }

  it('names the reason for each kind of damage', async () => {
    const reasonAfter = async (file: string, apply: (path: string) => void) => {
      await save(1);
      apply(join(await save(2), file));
      return (await findCheckpoint(folder())).skipped[0]!.reason;
    };
    expect(await reasonAfter('weights.index', damages['is deleted']!)).to.equal('weights.index is missing');
    expect(await reasonAfter('weights.index', damages['is cut']!)).to.equal('weights.index has 1 bytes, not 7');
    expect(await reasonAfter('weights.index', damages['has a flipped bit']!)).to.equal(
      'weights.index has another SHA-256 than when it was saved',
    );
    expect(await reasonAfter('manifest.json', damages['is deleted']!)).to.equal('manifest.json is missing');
    expect(await reasonAfter('manifest.json', damages['is cut']!)).to.equal('manifest.json is not JSON');
  });

  it('falls back whichever bit of the manifest is flipped', async () => {
    await save(1);
    const manifest = join(await save(2), 'manifest.json');
    const bytes = readFileSync(manifest);
    for (let place = 0; place < bytes.length; place += 3) {
      const damaged = Buffer.from(bytes);
      damaged[place] = damaged[place]! ^ (1 << (place % 7));
      writeFileSync(manifest, damaged);
      const { checkpoint } = await findCheckpoint(folder());
      // Spaces between the values do not matter; anything else does.
      const harmless = JSON.stringify(parseOrNull(damaged)) === JSON.stringify(JSON.parse(bytes.toString()));
      expect(checkpoint?.step, `byte ${place}`).to.equal(harmless ? 2 : 1);
    }
  });

  it('does not follow a manifest out of its folder', async () => {
    await save(1);
    const manifest = join(await save(2), 'manifest.json');
    editManifest(manifest, (value) => ({
      ...value,
      files: { ...value.files, '../latest': { bytes: 1, sha256: '' } },
    }));
    const { skipped } = await findCheckpoint(folder());
    expect(skipped[0]!.reason).to.include('no plain file name');
  });

  it('refuses to go on where every checkpoint is damaged, naming each', async () => {
    for (const step of [1, 2]) {
      rmSync(join(await save(step), 'state.json'));
    }
    const error = await rejection(findCheckpoint(folder()));
    expect(error.code).to.equal('io');
    expect(error.message).to.include('step-00000001').and.to.include('step-00000002').and.to.include('state.json');
  });

  it('refuses a newer format instead of falling back', async () => {
    await save(1);
    const manifest = join(await save(2), 'manifest.json');
    editManifest(manifest, (value) => ({ ...value, format: 3 }));
    const error = await rejection(findCheckpoint(folder()));
    expect(error.message).to.include('newer greedynas').and.to.include('step-00000002');
  });

  it('a damaged one set aside does not push whole ones out', async () => {
    await save(1);
    await save(2);
    rmSync(join(await save(9), 'state.json'));
    const { skipped } = await findCheckpoint(folder());
    await setAside(folder(), skipped);
    await save(3, 2);
    expect(await listSteps(folder())).to.deep.equal([3, 2]);
    expect(existsSync(join(folder(), 'damaged-step-00000009'))).to.equal(true);
  });

  it('replaces a checkpoint of the same step', async () => {
    writeFileSync(join(await save(5), 'state.json'), 'damaged');
    await save(5);
    expect((await findCheckpoint(folder())).checkpoint?.step).to.equal(5);
    expect(readdirSync(folder()).sort()).to.deep.equal(['latest', 'step-00000005']);
  });

  it('leaves the old ones and no rest where saving fails', async () => {
    await save(1);
    const failing = saveCheckpoint({
      runDirectory: folder(),
      state: stateOf(2),
      seconds,
      keep: 1,
      saveWeights: (prefix) => {
        writeFileSync(`${prefix}.index`, 'half');
        throw new Error('RESOURCE_EXHAUSTED: No space left on device');
      },
    });
    const error = await rejection(failing);
    expect(error).to.be.instanceOf(GreedynasError);
    expect(error.code).to.equal('io');
    expect(error.message).to.include('is full: a checkpoint needs').and.to.include('bytes');
    expect(readdirSync(folder()).sort()).to.deep.equal(['latest', 'step-00000001']);
    expect((await findCheckpoint(folder())).checkpoint?.step).to.equal(1);
  });

  it('says in one line that a folder cannot be written', async () => {
    if (process.getuid?.() === 0) {
      // Root writes anywhere; a file in the place of the folder fails for everyone.
      const path = join(folder(), 'file');
      writeFileSync(path, '');
      const error = await rejection(
        saveCheckpoint({ runDirectory: path, state: stateOf(1), seconds, keep: 1, saveWeights: () => {} }),
      );
      expect(error.code).to.equal('io');
      expect(error.message).to.include('ENOTDIR').and.not.include('\n');
      return;
    }
    const locked = join(folder(), 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    const error = await rejection(
      saveCheckpoint({ runDirectory: locked, state: stateOf(1), seconds, keep: 1, saveWeights: () => {} }),
    );
    expect(error.message).to.include('permission denied');
  });
});
