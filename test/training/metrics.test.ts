import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { keptLines, openMetrics } from '../../src/training/metrics.ts';
import { rejection, temporaryFolder } from './temporary.ts';

describe('training/metrics', () => {
  const folder = temporaryFolder();
  const path = () => join(folder(), 'metrics.jsonl');
  const read = () => readFileSync(path(), 'utf8');

  it('writes one JSON object a line', async () => {
    const log = await openMetrics(folder(), 0);
    log.write({ step: 10, loss: 2.25 });
    log.write({ step: 20, loss: 2, poolBest: null });
    log.flush();
    log.close();
    expect(read()).to.equal('{"step":10,"loss":2.25}\n{"step":20,"loss":2,"poolBest":null}\n');
  });

  it('refuses a step that does not come after the last', async () => {
    const log = await openMetrics(folder(), 0);
    log.write({ step: 10 });
    expect(() => log.write({ step: 10 })).to.throw(RangeError, 'step 10 after those of step 10');
    log.close();
  });

  it('on resume drops what came after the checkpoint, and a torn last line', async () => {
    writeFileSync(path(), '{"step":10}\n{"step":20}\n{"step":30}\n{"step":4');
    const log = await openMetrics(folder(), 20);
    expect(log.removed).to.equal(2);
    log.write({ step: 30, again: true });
    log.close();
    expect(read()).to.equal('{"step":10}\n{"step":20}\n{"step":30,"again":true}\n');
  });

  it('does not believe a torn line that happens to be JSON', () => {
    // The line was {"step":12} of a longer file that lost its newline: it cannot be told from a cut one.
    expect(keptLines('{"step":1}\n{"step":12}', 50).kept).to.deep.equal(['{"step":1}']);
  });

  it('drops lines that are not JSON, have no step, or go back', () => {
    const text = '{"step":1}\nnoise\n{"loss":1}\n{"step":"2"}\n[3]\nnull\n{"step":5}\n{"step":4}\n{"step":6}\n';
    expect(keptLines(text, 10).kept).to.deep.equal(['{"step":1}', '{"step":5}', '{"step":6}']);
  });

  it('any cut of a log repairs to valid lines with increasing steps', () => {
    const text = Array.from(
      { length: 30 },
      (_, index) => `${JSON.stringify({ step: (index + 1) * 7, loss: 1 / (index + 1) })}\n`,
    ).join('');
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(250), (cut, step) => {
        const { kept } = keptLines(text.slice(0, cut), step);
        const steps = kept.map((line) => JSON.parse(line).step);
        expect(kept.every((line, index) => text.split('\n')[index] === line)).to.equal(true);
        expect(steps.every((value, index) => value <= step && value === (index + 1) * 7)).to.equal(true);
        // Nothing whole is lost.
        const whole = text
          .slice(0, cut)
          .split('\n')
          .slice(0, -1)
          .filter((line) => JSON.parse(line).step <= step);
        expect(kept).to.have.length(whole.length);
      }),
    );
  });

  it('says where it cannot write', async () => {
    const error = await rejection(openMetrics(join(folder(), 'missing'), 0));
    expect(error.code).to.equal('io');
    expect(error.message).to.include('metrics.jsonl').and.to.include('ENOENT');
  });
});
