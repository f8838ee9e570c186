import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { GreedynasError } from '../../src/errors.ts';
import {
  createFolder,
  explained,
  explainIo,
  readIfThere,
  systemCode,
  temporaryPrefix,
  writeDurably,
} from '../../src/storage/durable.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

/** An error as node:fs throws it. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: from the system`), { code });
}

describe('storage/durable', () => {
  const folder = temporaryFolder();

  describe('writeDurably', () => {
    it('writes a file and leaves nothing beside it', async () => {
      await writeDurably(join(folder(), 'state.json'), 'näu\n');
      expect(readFileSync(join(folder(), 'state.json'), 'utf8')).to.equal('näu\n');
      expect(readdirSync(folder())).to.deep.equal(['state.json']);
    });

    it('replaces in one step: who has the old file open still reads all of it', async () => {
      const path = join(folder(), 'state.json');
      const old = 'old'.repeat(1000);
      await writeDurably(path, old);
      const open = openSync(path, 'r');
      await writeDurably(path, 'new');
      expect(readFileSync(open, 'utf8')).to.equal(old);
      closeSync(open);
      expect(readFileSync(path, 'utf8')).to.equal('new');
      expect(readdirSync(folder())).to.deep.equal(['state.json']);
    });

    it('overwrites what a killed process of the same number left', async () => {
      const path = join(folder(), 'latest');
      writeFileSync(join(folder(), `${temporaryPrefix}${process.pid}-latest`), 'a longer text, half written');
      await writeDurably(path, 'whole');
      expect(readFileSync(path, 'utf8')).to.equal('whole');
      expect(readdirSync(folder())).to.deep.equal(['latest']);
    });

    it('leaves what is there, and no temporary file, where it cannot replace it', async () => {
      const path = join(folder(), 'taken');
      mkdirSync(path);
      writeFileSync(join(path, 'inside'), 'kept');
      const error = await rejection(writeDurably(path, 'text'));
      expect(error.code).to.equal('io');
      expect(error.message).to.equal(`cannot write ${path}: it is a folder (EISDIR)`);
      expect(readdirSync(folder())).to.deep.equal(['taken']);
      expect(readFileSync(join(path, 'inside'), 'utf8')).to.equal('kept');
    });

    it('does not make the folder that is missing, nor write below a file', async () => {
      const missing = join(folder(), 'missing', 'state.json');
      expect((await rejection(writeDurably(missing, 'text'))).message).to.equal(
        `cannot write ${missing}: no such file or folder (ENOENT)`,
      );
      writeFileSync(join(folder(), 'file'), '');
      const below = join(folder(), 'file', 'state.json');
      expect((await rejection(writeDurably(below, 'text'))).message).to.equal(
        `cannot write ${below}: part of the path is a file, not a folder (ENOTDIR)`,
      );
      expect(readdirSync(folder())).to.deep.equal(['file']);
    });

    it('leaves the old file whole and no temporary one where writing ends in the middle', async () => {
      const path = join(folder(), 'state.json');
      await writeDurably(path, 'old');
      // A full disk for everyone: the shell lets its child write files of 256 blocks, at most 256 KiB.
      const program = `
        const { writeDurably } = await import('${new URL('../../src/storage/durable.ts', import.meta.url)}');
        await writeDurably(process.argv[1], 'x'.repeat(2 ** 20)).catch((error) => console.log(error.code, error.message));
      `;
      const node = [process.execPath, '--import=tsx', '--input-type=module', '-e', program, path];
      const child = spawnSync('sh', ['-c', 'ulimit -f 256 && exec "$@"', 'sh', ...node], { encoding: 'utf8' });
      expect(child.stderr).to.equal('');
      expect(child.stdout).to.include(`io cannot write ${path}: `).and.to.include('EFBIG');
      expect(readFileSync(path, 'utf8')).to.equal('old');
      expect(readdirSync(folder())).to.deep.equal(['state.json']);
    });
  });

  describe('readIfThere', () => {
    it('gives the text, or null where there is no file', async () => {
      writeFileSync(join(folder(), 'file'), 'text');
      expect(await readIfThere(join(folder(), 'file'))).to.equal('text');
      expect(await readIfThere(join(folder(), 'other'))).to.equal(null);
    });

    it('does not take a failure for a missing file', async () => {
      expect((await rejection(readIfThere(folder()))).message).to.equal(
        `cannot read ${folder()}: it is a folder (EISDIR)`,
      );
      writeFileSync(join(folder(), 'file'), '');
      expect((await rejection(readIfThere(join(folder(), 'file', 'below')))).message).to.include('ENOTDIR');
    });
  });

  it('createFolder makes all that is missing, and says what is in the way', async () => {
    const path = join(folder(), 'a', 'b');
    await createFolder(path);
    await createFolder(path);
    expect(readdirSync(join(folder(), 'a'))).to.deep.equal(['b']);
    writeFileSync(join(path, 'file'), '');
    const error = await rejection(createFolder(join(path, 'file', 'c')));
    expect(error.code).to.equal('io');
    expect(error.message)
      .to.include(`cannot create the folder ${join(path, 'file', 'c')}`)
      .and.to.include('ENOTDIR');
  });

  describe('explainIo', () => {
    it('says what failed where and what to do, and keeps the cause', () => {
      const cause = systemError('ENOSPC');
      const error = explainIo(cause, 'save the checkpoint', '/runs/a');
      expect(error).to.be.instanceOf(GreedynasError);
      expect(error).to.include({
        code: 'io',
        message: 'cannot save the checkpoint /runs/a: the disk is full: make room, then resume (ENOSPC)',
        cause,
      });
    });

    it("gives the system's own words for a code it does not know", () => {
      const error = explainIo(systemError('EXDEV'), 'read', '/a');
      expect(error).to.have.property('message', 'cannot read /a: Error: EXDEV: from the system (EXDEV)');
    });

    it('leaves our own errors and bugs as they are', async () => {
      for (const error of [new GreedynasError('usage', 'no'), new TypeError('x is not a function'), 'text', null]) {
        expect(explainIo(error, 'read', '/a')).to.equal(error);
      }
      const bug = new TypeError('x is not a function');
      const found = await explained('read', '/a', () => Promise.reject(bug)).catch((error: unknown) => error);
      expect(found).to.equal(bug);
    });

    it('knows a system error by its code in text', () => {
      expect(systemCode(systemError('EACCES'))).to.equal('EACCES');
      expect(systemCode(Object.assign(new Error('other'), { code: 5 }))).to.equal(undefined);
      expect(systemCode({ code: 'EACCES' })).to.equal(undefined);
    });
  });
});
