import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findDamage, readManifest, writeManifest } from '../../src/engine/manifest.ts';

describe('the manifest of an unpacked TensorFlow', () => {
  let folder: string;
  const library = () => join(folder, 'tensorflow', 'lib.so');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-manifest-'));
    mkdirSync(join(folder, 'tensorflow', 'include'), { recursive: true });
    writeFileSync(library(), 'library');
    writeFileSync(join(folder, 'tensorflow', 'include', 'c.h'), '');
    await writeManifest(folder, { tensorflow: '2.21.0', variant: 'cpu', wheels: [{ file: 'w', sha256: 'h' }] });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('reads back and names every file with its SHA-256', () => {
    const manifest = readManifest(folder);
    expect(manifest?.wheels).to.deep.equal([{ file: 'w', sha256: 'h' }]);
    expect(manifest?.files.map(({ path, bytes }) => [path, bytes])).to.deep.equal([
      ['tensorflow/include/c.h', 0],
      ['tensorflow/lib.so', 7],
    ]);
    // printf '' | sha256sum
    expect(manifest?.files[0]?.sha256).to.equal('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('finds nothing wrong with whole files, changed times included', async () => {
    expect(await findDamage(folder, false)).to.equal(null);
    expect(await findDamage(folder, true)).to.equal(null);
    utimesSync(library(), 1, 1);
    expect(await findDamage(folder, false)).to.equal(null);
  });

  it('finds a file that is missing, has another size, or another content', async () => {
    writeFileSync(library(), 'librarx');
    expect(await findDamage(folder, false))
      .to.include('another SHA-256')
      .and.include('lib.so');
    writeFileSync(library(), 'lib');
    expect(await findDamage(folder, false)).to.include('3 bytes, expected 7');
    rmSync(library());
    expect(await findDamage(folder, false)).to.include('is missing');
  });

  it('finds a changed content under an unchanged time only when it looks thoroughly', async () => {
    const { atime, mtime } = statSync(library());
    writeFileSync(library(), 'librarx');
    utimesSync(library(), atime, mtime);
    // utimes keeps whole milliseconds on some file systems, so write the time that the file has now into the manifest.
    const before = readManifest(folder);
    const now = statSync(library()).mtimeMs;
    const files = (before?.files ?? []).map((file) => (file.bytes === 7 ? { ...file, changed: now } : file));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...before, files }));
    expect(await findDamage(folder, false)).to.equal(null);
    expect(await findDamage(folder, true)).to.include('another SHA-256');
  });

  it('takes a missing, torn or foreign manifest for damage', async () => {
    for (const text of ['', '{"tensorflow":', '{}', 'null']) {
      writeFileSync(join(folder, 'manifest.json'), text);
      expect(await findDamage(folder, false), text).to.include('no readable manifest.json');
    }
    rmSync(join(folder, 'manifest.json'));
    expect(await findDamage(folder, false)).to.include('no readable manifest.json');
  });
});
