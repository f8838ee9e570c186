import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { isAlive, withLock } from '../../src/engine/lock.ts';

describe('withLock', () => {
  let folder: string;
  let file: string;
  const silent = () => {};
  /** Above Linux's largest process id. */
  const deadPid = 2 ** 22 + 1;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-lock-'));
    file = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lets one work at a time, tells the other once whom it waits for, and leaves no file', async () => {
    const order: string[] = [];
    const told: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await sleep(400);
      order.push(`${name} ends`);
    };
    await Promise.all([
      withLock(file, work('first'), silent),
      sleep(50).then(() => withLock(file, work('second'), (holder) => told.push(holder))),
    ]);
    expect(order).to.deep.equal(['first begins', 'first ends', 'second begins', 'second ends']);
    expect(told).to.deep.equal([`${hostname()} ${process.pid}`]);
    expect(existsSync(file)).to.equal(false);
  });

  it('takes over from a dead process at once', async () => {
    writeFileSync(file, `${hostname()} ${deadPid}\n`);
    expect(
      await withLock(
        file,
        async () => 'done',
        () => expect.fail('waited'),
      ),
    ).to.equal('done');
  });

  it('takes over from another machine that has not touched it for long', async () => {
    writeFileSync(file, 'elsewhere 1\n');
    utimesSync(file, 1, 1);
    expect(
      await withLock(
        file,
        async () => 'done',
        () => expect.fail('waited'),
      ),
    ).to.equal('done');
  });

  it('is released when the work fails', async () => {
    const failed = await withLock(file, () => Promise.reject(new Error('no')), silent).catch(
      (error: Error) => error.message,
    );
    expect(failed).to.equal('no');
    expect(existsSync(file)).to.equal(false);
  });
});

describe('isAlive', () => {
  it('knows this process and not one that cannot be', () => {
    expect(isAlive(process.pid)).to.equal(true);
    expect(isAlive(2 ** 22 + 1)).to.equal(false);
  });
});
