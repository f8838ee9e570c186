import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { acquireLock } from '../../src/storage/lock.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

/** A process number that was in use and is not any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('storage/lock', () => {
  const folder = temporaryFolder();
  const files = () => readdirSync(folder());
  const acquire = () => acquireLock(folder(), 'use another --run');

  it('is held until it is released, and names its holder', async () => {
    const lock = await acquire();
    expect(files()).to.deep.equal(['lock.1']);
    const error = await rejection(acquire());
    expect(error.code).to.equal('locked');
    expect(error.exitCode).to.equal(5);
    expect(error.message).to.include(`process ${process.pid} on ${hostname()}`);
    expect(error.message).to.match(/: wait for it, or use another --run$/);
    expect(files()).to.deep.equal(['lock.1']);
    await lock.release();
    expect(files()).to.deep.equal([]);
    await (await acquire()).release();
  });

  it('is had although the last holder, as it began, swept up the file that was to become the lock', async () => {
    let swept = '';
    let over = false;
    const sweep = (): void => {
      const found = files().find((name) => name.startsWith('.tmp-'));
      if (found !== undefined && readFileSync(join(folder(), found), 'utf8').endsWith('\n')) {
        swept = found;
        rmSync(join(folder(), found));
      } else if (!over) setImmediate(sweep);
    };
    sweep();
    const lock = await acquire();
    over = true;
    expect(swept).to.match(/^\.tmp-lock-/);
    expect(files()).to.deep.equal(['lock.1']);
    await lock.release();
  });

  it('is taken over from a process that died', async () => {
    const pid = await deadPid();
    writeFileSync(join(folder(), 'lock.3'), JSON.stringify({ pid, host: hostname(), born: '' }));
    const lock = await acquire();
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
    const lock = await acquire();
    expect(lock.takenOverFrom?.born).to.equal(born);
    expect(JSON.parse(readFileSync(lock.path, 'utf8')).born).to.not.equal(born);
    await lock.release();
  });

  it('is taken over from a process that has died and whose parent has not noticed', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: the state of a process is only known on Linux');
      this.skip();
    }
    // `exec` leaves the shell's child to a program that never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const pid = Number(String((await once(parent.stdout, 'data'))[0]));
      const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2];
      while (state() !== 'Z') await setTimeout(5);
      writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ pid, host: hostname(), born: '' }));
      const lock = await acquire();
      expect(lock.takenOverFrom?.pid).to.equal(pid);
      await lock.release();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('of a container with the same host name is respected, whatever process has that number here', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: there are no namespaces elsewhere');
      this.skip();
    }
    const lock = await acquire();
    const mine = JSON.parse(readFileSync(lock.path, 'utf8'));
    await lock.release();
    const [boot, started, namespace] = mine.born.split(' ');
    expect(namespace).to.match(/^pid:\[\d+\]$/);
    for (const pid of [process.pid, await deadPid()]) {
      writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ ...mine, pid, born: `${boot} ${started} pid:[7]` }));
      const error = await rejection(acquire());
      expect(error.code).to.equal('locked');
      expect(error.message).to.include('in another container; if that process is gone, delete the file');
    }
    // After another boot no process of it is left. Locks of earlier versions have no namespace.
    for (const born of [`other-boot ${started} pid:[7]`, 'other-boot 5']) {
      writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ ...mine, born }));
      await (await acquire()).release();
    }
    writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ ...mine, born: `${boot} ${started}` }));
    expect((await rejection(acquire())).message).to.include(`process ${process.pid} on`);
  });

  it('of another host is respected, since its process cannot be seen from here', async () => {
    writeFileSync(join(folder(), 'lock.1'), JSON.stringify({ pid: await deadPid(), host: 'elsewhere', born: '' }));
    const error = await rejection(acquire());
    expect(error.code).to.equal('locked');
    expect(error.message).to.include('on elsewhere').and.to.include('delete the file');
  });

  it('that says nothing sensible is respected too', async () => {
    writeFileSync(join(folder(), 'lock.1'), '');
    const error = await rejection(acquire());
    expect(error.code).to.equal('locked');
    expect(error.message).to.include('lock.1');
  });

  it('goes to exactly one of many that race for a stale one', async () => {
    const stale = JSON.stringify({ pid: await deadPid(), host: hostname(), born: '' });
    for (let round = 0; round < 20; round++) {
      writeFileSync(join(folder(), `lock.${round + 1}`), stale);
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => acquire()));
      const winners = tries.filter((attempt) => attempt.status === 'fulfilled');
      expect(winners).to.have.length(1);
      expect(files()).to.have.length(1);
      await winners[0]!.value.release();
    }
  });
});
