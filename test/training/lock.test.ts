import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { acquireLock } from '../../src/training/lock.ts';
import { rejection, temporaryFolder } from './temporary.ts';

/** A process number that was in use and is not any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('training/lock', () => {
  const folder = temporaryFolder();
  const files = () => readdirSync(folder());

  it('is held until it is released, and names its holder', async () => {
    const lock = await acquireLock(folder());
    expect(files()).to.deep.equal(['lock.1']);
    const error = await rejection(acquireLock(folder()));
    expect(error.code).to.equal('locked');
    expect(error.exitCode).to.equal(5);
    expect(error.message).to.include(`process ${process.pid} on ${hostname()}`);
    expect(files()).to.deep.equal(['lock.1']);
    await lock.release();
    expect(files()).to.deep.equal([]);
    await (await acquireLock(folder())).release();
  });

  it('is taken over from a process that died', async () => {
    const pid = await deadPid();
    writeFileSync(join(folder(), 'lock.3'), JSON.stringify({ pid, host: hostname(), born: '' }));
    const lock = await acquireLock(folder());
    expect(lock.takenOverFrom?.pid).to.equal(pid);
    expect(files()).to.deep.equal(['lock.4']);
    await lock.release();
  });

  it('is taken over from a dead process whose number another process has now', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: the birth of a process is only known on Linux');
      this.skip();
    }
    const born = 'another-boot 12345';
    writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ pid: process.pid, host: hostname(), born }));
    const lock = await acquireLock(folder());
    expect(lock.takenOverFrom?.born).to.equal(born);
    expect(JSON.parse(readFileSync(lock.path, 'utf8')).born).to.not.equal(born);
    await lock.release();
  });

  it('of another host is respected, since its process cannot be seen from here', async () => {
    writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ pid: await deadPid(), host: 'elsewhere', born: '' }));
    const error = await rejection(acquireLock(folder()));
    expect(error.code).to.equal('locked');
    expect(error.message).to.include('on elsewhere').and.to.include('delete the file');
  });

  it('that says nothing sensible is respected too', async () => {
    writeFileSync(join(folder(), 'lock.1'), '');
    const error = await rejection(acquireLock(folder()));
    expect(error.code).to.equal('locked');
    expect(error.message).to.include('lock.1');
  });

  it('goes to exactly one of many that race for a stale one', async () => {
    const stale = JSON.stringify({ pid: await deadPid(), host: hostname(), born: '' });
    for (let round = 0; round < 20; round++) {
      writeFileSync(join(folder(), `lock.${round + 1}`), stale);
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(folder())));
      const winners = tries.filter((attempt) => attempt.status === 'fulfilled');
      expect(winners).to.have.length(1);
      expect(files()).to.have.length(1);
      await winners[0]!.value.release();
    }
  });
});
