import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  addonPath,
  addonRecordPath,
  cacheDirectory,
  packageDirectory,
  readAddonRecord,
  tensorflowDirectory,
} from '../../src/engine/layout.ts';

describe('the engine layout', () => {
  it('puts the cache where XDG says', () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: '/x', HOME: '/home/u' })).to.equal('/x/greedynas');
    expect(cacheDirectory({ HOME: '/home/u' })).to.equal('/home/u/.cache/greedynas');
    expect(cacheDirectory({ XDG_CACHE_HOME: '', HOME: '/home/u' })).to.equal('/home/u/.cache/greedynas');
    expect(cacheDirectory({ XDG_CACHE_HOME: 'relative', HOME: '/home/u' })).to.equal('/home/u/.cache/greedynas');
  });

  it('keeps versions and variants apart', () => {
    expect(tensorflowDirectory('/c', 'cpu')).to.equal('/c/tensorflow-2.21.0-cpu');
    expect(tensorflowDirectory('/c', 'cuda')).to.equal('/c/tensorflow-2.21.0-cuda');
  });

  it('puts the addon where tfjs-node looks for it', () => {
    expect(addonPath(packageDirectory())).to.match(/@tensorflow\/tfjs-node-gpu\/lib\/napi-v8\/tfjs_binding\.node$/);
  });

  describe('readAddonRecord', () => {
    const folder = mkdtempSync(join(tmpdir(), 'greedynas-layout-'));
    const record = { tensorflow: '2.21.0', variant: 'cpu', directory: '/c', key: 'k' };
    before(() => mkdirSync(dirname(addonRecordPath(folder)), { recursive: true }));
    after(() => rmSync(folder, { recursive: true }));

    it('reads what was written', () => {
      writeFileSync(addonRecordPath(folder), JSON.stringify(record));
      expect(readAddonRecord(folder)).to.deep.equal(record);
    });

    it('takes anything else for no record', () => {
      for (const text of [
        '',
        '{',
        'null',
        '[]',
        '{"tensorflow":"2.21.0"}',
        JSON.stringify({ ...record, variant: 'tpu' }),
      ]) {
        writeFileSync(addonRecordPath(folder), text);
        expect(readAddonRecord(folder), text).to.equal(null);
      }
      rmSync(addonRecordPath(folder));
      expect(readAddonRecord(folder)).to.equal(null);
    });
  });
});
