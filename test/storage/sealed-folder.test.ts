import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { GreedynasError } from '../../src/errors.ts';
import {
  DamagedFolder,
  type FolderKind,
  NewerFolder,
  readSealedJson,
  verifySealedFolder,
  writeSealedFolder,
} from '../../src/storage/sealed-folder.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

const kind: FolderKind = { kind: 'collection', format: 3, required: ['notes.json', 'weights'] };
const contents = { 'notes.json': '{"step":7}\n', weights: 'weights of step 7', extra: 'not required' };

interface Manifest {
  readonly format: number;
  readonly kind: string;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** Changes a manifest as its writer could have: with a hash of itself that fits. */
function rewriteManifest(directory: string, edit: (manifest: Manifest) => object): void {
  const path = join(directory, 'manifest.json');
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(path, 'utf8'));
  const edited = edit(manifest);
  const sha256 = createHash('sha256').update(JSON.stringify(edited)).digest('hex');
  writeFileSync(path, JSON.stringify({ ...edited, sha256 }));
}

function flipBit(path: string, bit: number): void {
  const bytes = readFileSync(path);
  const place = Math.floor(bit / 8) % bytes.length;
  bytes[place] = bytes[place]! ^ (1 << (bit % 8));
  writeFileSync(path, bytes);
}

function fillWith(files: Readonly<Record<string, string>>): (temporary: string) => Promise<void> {
  return async (temporary) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(temporary, name), text);
  };
}

describe('storage/sealed-folder', () => {
  const folder = temporaryFolder();
  const place = (): string => join(folder(), 'item');
  const write = (files: Readonly<Record<string, string>> = contents): Promise<void> =>
    writeSealedFolder(place(), kind, fillWith(files));
  const verify = (wanted: FolderKind = kind): Promise<void> => verifySealedFolder(place(), wanted);
  /** Why the folder is refused. Any other error than the two that callers handle fails the test. */
  const refusal = async (promise: Promise<unknown> = verify()): Promise<DamagedFolder | NewerFolder> => {
    const error = await promise.then(
      () => expect.fail('the folder was accepted'),
      (reason: unknown) => reason,
    );
    if (error instanceof DamagedFolder || error instanceof NewerFolder) return error;
    throw error;
  };
  const read = (name: string): string => readFileSync(join(place(), name), 'utf8');

  describe('writeSealedFolder', () => {
    it('writes what it is filled with and a manifest that any sha256sum agrees with', async () => {
      await write();
      await verify();
      expect(readdirSync(folder())).to.deep.equal(['item']);
      expect(readdirSync(place()).sort()).to.deep.equal(['extra', 'manifest.json', 'notes.json', 'weights']);
      const { files, format, kind: found } = JSON.parse(read('manifest.json'));
      expect({ format, found }).to.deep.equal({ format: 3, found: 'collection' });
      expect(Object.keys(files)).to.have.members(Object.keys(contents));
      // printf 'weights of step 7' | sha256sum
      expect(files.weights).to.deep.equal({
        bytes: 17,
        sha256: '0ce87111014608e02fe1b286f5a1eab1024d9b4c9b5430f5ec932768d9e911fc',
      });
    });

    it('is invisible until it is whole', async () => {
      await writeSealedFolder(place(), kind, async (temporary) => {
        await fillWith(contents)(temporary);
        expect(existsSync(place())).to.equal(false);
        expect(readdirSync(folder()))
          .to.have.length(1)
          .and.to.satisfy(([name]: string[]) => name?.startsWith('.tmp-'));
      });
      await verify();
    });

    it('replaces a folder, and its files with it', async () => {
      await write({ ...contents, old: 'old' });
      await write({ ...contents, weights: 'others' });
      await verify();
      expect(read('weights')).to.equal('others');
      expect(existsSync(join(place(), 'old'))).to.equal(false);
      expect(readdirSync(folder())).to.deep.equal(['item']);
    });

    it('leaves the old folder as it was, and nothing else, where filling fails', async () => {
      await write();
      const before = read('manifest.json');
      const reason = new GreedynasError('io', 'the engine cannot write');
      for (const cause of [reason, new TypeError('x is not a function')]) {
        const failing = writeSealedFolder(place(), kind, async (temporary) => {
          writeFileSync(join(temporary, 'weights'), 'half');
          throw cause;
        });
        expect(await failing.catch((error: unknown) => error)).to.equal(cause);
        await verify();
        expect(read('manifest.json')).to.equal(before);
        expect(readdirSync(folder())).to.deep.equal(['item']);
      }
    });

    it('turns a full disk while it is filled into one clear line', async () => {
      const failing = writeSealedFolder(place(), kind, async (temporary) => {
        writeFileSync(join(temporary, 'weights'), 'half');
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      });
      expect((await rejection(failing)).message).to.equal(
        `cannot save the collection ${place()}: the disk is full: make room, then resume (ENOSPC)`,
      );
      expect(readdirSync(folder())).to.deep.equal([]);
    });

    it('leaves the old folder whole where the process is killed while filling; the next writing clears up', async () => {
      await write();
      const program = `
        const { writeSealedFolder } = await import('${new URL('../../src/storage/sealed-folder.ts', import.meta.url)}');
        const { writeFileSync } = await import('node:fs');
        await writeSealedFolder(process.argv[1], { kind: 'collection', format: 3, required: [] }, async (temporary) => {
          writeFileSync(temporary + '/weights', 'half');
          writeFileSync(temporary + '/left', 'by the dead');
          process.kill(process.pid, 'SIGKILL');
          await new Promise(() => {});
        });
      `;
      const child = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', program, place()]);
      expect(child.signal, child.stderr.toString()).to.equal('SIGKILL');
      await verify();
      expect(read('weights')).to.equal(contents.weights);
      const rest = readdirSync(folder()).filter((name) => name !== 'item');
      expect(rest)
        .to.have.length(1)
        .and.to.satisfy(([name]: string[]) => name?.startsWith('.tmp-'));
      await write({ ...contents, weights: 'others' });
      await verify();
      expect(read('weights')).to.equal('others');
      expect(existsSync(join(place(), 'left'))).to.equal(false);
      expect(readdirSync(folder())).to.deep.equal(['item']);
    });

    for (const [crash, newThere] of [
      ['before the new one took its place', false],
      ['after the new one took its place', true],
    ] as const) {
      it(`clears up after a crash that had put the old folder aside, ${crash}`, async () => {
        await write();
        const aside = join(folder(), '.tmp-item-old');
        mkdirSync(aside);
        writeFileSync(join(aside, 'weights'), 'older');
        if (!newThere) rmSync(place(), { recursive: true });
        await write({ ...contents, weights: 'others' });
        await verify();
        expect(read('weights')).to.equal('others');
        expect(readdirSync(folder())).to.deep.equal(['item']);
      });
    }

    it('does not make the parent folder, and does not begin to fill', async () => {
      let filled = false;
      const fill = async (): Promise<void> => {
        filled = true;
      };
      const missing = join(folder(), 'missing', 'item');
      const error = await rejection(writeSealedFolder(missing, kind, fill));
      expect(error.code).to.equal('io');
      expect(error.message).to.equal(`cannot save the collection ${missing}: no such file or folder (ENOENT)`);
      writeFileSync(join(folder(), 'file'), 'kept');
      const below = join(folder(), 'file', 'item');
      expect((await rejection(writeSealedFolder(below, kind, fill))).message).to.equal(
        `cannot save the collection ${below}: part of the path is a file, not a folder (ENOTDIR)`,
      );
      expect(filled).to.equal(false);
      expect(readdirSync(folder())).to.deep.equal(['file']);
    });

    it('says that subfolders are not sealed', async () => {
      const failing = writeSealedFolder(place(), kind, async (temporary) => {
        mkdirSync(join(temporary, 'deeper'));
      });
      expect((await rejection(failing)).message)
        .to.include(place())
        .and.to.include('it is a folder');
      expect(readdirSync(folder())).to.deep.equal([]);
    });
  });

  describe('verifySealedFolder names the file and', () => {
    const damages: Record<string, [apply: (path: string) => void, reason: (name: string, bytes: number) => string]> = {
      'that it is missing': [(path) => rmSync(path), (name) => `${name} is missing`],
      'its size where it was cut': [
        (path) => truncateSync(path, 5),
        (name, bytes) => `${name} has 5 bytes, not ${bytes}`,
      ],
      'its size where it is empty': [
        (path) => truncateSync(path, 0),
        (name, bytes) => `${name} has 0 bytes, not ${bytes}`,
      ],
      'its size where it has a byte more': [
        (path) => appendFileSync(path, '\0'),
        (name, bytes) => `${name} has ${bytes + 1} bytes, not ${bytes}`,
      ],
      'its hash where a bit was flipped': [
        (path) => flipBit(path, 37),
        (name) => `${name} has another SHA-256 than when it was saved`,
      ],
    };
    for (const [damage, [apply, reason]] of Object.entries(damages)) {
      for (const [name, text] of Object.entries(contents)) {
        it(`${damage}: ${name}`, async () => {
          await write();
          apply(join(place(), name));
          const error = await refusal();
          expect(error).to.be.instanceOf(DamagedFolder);
          expect(error.message).to.equal(reason(name, text.length));
        });
      }
    }

    it('that it is no file', async () => {
      await write();
      rmSync(join(place(), 'weights'));
      mkdirSync(join(place(), 'weights'));
      const { size } = statSync(join(place(), 'weights'));
      rewriteManifest(place(), (manifest) => ({
        ...manifest,
        files: { ...manifest.files, weights: { bytes: size, sha256: '' } },
      }));
      expect((await refusal()).message).to.equal('weights is no file');
    });

    it('any bit that was flipped, wherever it is', async () => {
      const bit = fc.nat({ max: 8 * contents.weights.length - 1 });
      await fc.assert(
        fc.asyncProperty(bit, async (each) => {
          await write();
          flipBit(join(place(), 'weights'), each);
          expect((await refusal()).message).to.match(/^weights has another SHA-256/);
        }),
        { numRuns: 10 },
      );
    });
  });

  describe('verifySealedFolder refuses a manifest that', () => {
    const cases: Record<string, [edit: (manifest: Manifest) => object, reason: string]> = {
      'lists a file of another folder': [
        (manifest) => ({ ...manifest, files: { ...manifest.files, '../passwords': { bytes: 0, sha256: '' } } }),
        'manifest.json lists "../passwords", which is no plain file name',
      ],
      'lists a file of another folder the Windows way': [
        (manifest) => ({ ...manifest, files: { ...manifest.files, '..\\passwords': { bytes: 0, sha256: '' } } }),
        'manifest.json lists "..\\passwords", which is no plain file name',
      ],
      'does not list a file that is needed': [
        ({ files: { weights: _, ...files }, ...manifest }) => ({ ...manifest, files }),
        'manifest.json does not list weights',
      ],
      'is of another kind': [(manifest) => ({ ...manifest, kind: 'subnet' }), 'it holds a subnet, not a collection'],
      'is of another kind, whose formats count higher': [
        (manifest) => ({ ...manifest, kind: 'subnet', format: 4 }),
        'it holds a subnet, not a collection',
      ],
      'has no format': [
        ({ format: _, ...manifest }) => manifest,
        'manifest.json is wrong at "format": Invalid input: expected number, received undefined',
      ],
      'has a format that is no version': [
        (manifest) => ({ ...manifest, format: 0 }),
        'manifest.json is wrong at "format": Too small: expected number to be >=1',
      ],
      'has a size that is none': [
        (manifest) => ({ ...manifest, files: { weights: { bytes: -1, sha256: '' } } }),
        'manifest.json is wrong at "files.weights.bytes": Too small: expected number to be >=0',
      ],
      'has a key of its own': [
        (manifest) => ({ ...manifest, author: 'x' }),
        'manifest.json is wrong at "": Unrecognized key: "author"',
      ],
    };
    for (const [what, [edit, reason]] of Object.entries(cases)) {
      it(what, async () => {
        await write();
        rewriteManifest(place(), edit);
        const error = await refusal();
        expect(error).to.be.instanceOf(DamagedFolder);
        expect(error.message).to.equal(reason);
      });
    }

    it('was edited by hand', async () => {
      await write();
      const path = join(place(), 'manifest.json');
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace('"format": 3', '"format": 2'));
      expect((await refusal()).message).to.equal('manifest.json has another SHA-256 than when it was saved');
      writeFileSync(path, text.replace(/,\s*"sha256": "[0-9a-f]{64}"\s*}\s*$/, '}'));
      expect((await refusal()).message).to.equal('manifest.json has no SHA-256 of itself');
      for (const other of ['[]', '3', 'null', '"text"']) {
        writeFileSync(path, other);
        expect((await refusal()).message, other).to.equal('manifest.json has no SHA-256 of itself');
      }
    });

    it('is cut, empty, missing or a folder', async () => {
      await write();
      const path = join(place(), 'manifest.json');
      for (const length of [20, 0]) {
        truncateSync(path, length);
        expect((await refusal()).message).to.equal('manifest.json is not JSON');
      }
      rmSync(path);
      expect((await refusal()).message).to.equal('manifest.json is missing');
      mkdirSync(path);
      expect((await refusal()).message).to.match(/^manifest\.json cannot be read: .*EISDIR/);
    });

    it('lies in no folder', async () => {
      expect((await refusal()).message).to.equal('manifest.json is missing');
      writeFileSync(place(), 'a file');
      expect((await refusal()).message).to.match(/^manifest\.json cannot be read: .*ENOTDIR/);
    });
  });

  it('a newer format is told apart from damage, whatever it looks like; an older one is read', async () => {
    await write();
    await verify({ ...kind, format: 4 });
    rewriteManifest(place(), () => ({ format: 4, kind: ['changed'], contents: null }));
    const error = await refusal();
    expect(error).to.be.instanceOf(NewerFolder);
    expect(error.message).to.equal('it was written by a newer greedynas (collection format 4, this one reads up to 3)');
    flipBit(join(place(), 'manifest.json'), 8 * 10);
    expect(await refusal()).to.be.instanceOf(DamagedFolder);
  });

  describe('readSealedJson', () => {
    const schema = z.strictObject({ step: z.int(), origin: z.strictObject({ run: z.string() }).optional() });
    const readNotes = (): Promise<z.infer<typeof schema>> => readSealedJson(place(), 'notes.json', schema);

    it('gives what the file holds', async () => {
      await write();
      expect(await readNotes()).to.deep.equal({ step: 7 });
    });

    for (const [text, reason] of [
      ['{"step":7', 'notes.json is not JSON'],
      ['{"step":"7"}', 'notes.json is wrong at "step": Invalid input: expected number, received string'],
      [
        '{"step":7,"origin":{"run":3}}',
        'notes.json is wrong at "origin.run": Invalid input: expected string, received number',
      ],
      ['{"step":7,"more":1}', 'notes.json is wrong at "": Unrecognized key: "more"'],
    ] as const) {
      it(`names file and key: ${text}`, async () => {
        await write({ ...contents, 'notes.json': text });
        await verify();
        expect((await refusal(readNotes())).message).to.equal(reason);
      });
    }

    it('says that the file is missing', async () => {
      await write();
      rmSync(join(place(), 'notes.json'));
      expect((await refusal(readNotes())).message).to.equal('notes.json is missing');
    });

    it('does not read what is larger than any such file', async () => {
      await write();
      // Holes take no room on the disk; read, they would be no JSON.
      truncateSync(join(place(), 'notes.json'), 64 * 2 ** 20 + 1);
      expect((await refusal(readNotes())).message).to.equal('notes.json has 67108865 bytes, more than any such file');
      truncateSync(join(place(), 'manifest.json'), 64 * 2 ** 20 + 1);
      expect((await refusal()).message).to.equal('manifest.json has 67108865 bytes, more than any such file');
    });
  });
});
