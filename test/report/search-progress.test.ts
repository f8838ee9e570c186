import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createSearchProgress } from '../../src/report/search-progress.ts';
import type { SearchProgress } from '../../src/search/find-best.ts';

describe('report/search-progress', () => {
  const best = { path: [0], flops: 1, params: 1, loss: 1.25, top1: 0.5 };

  function display(interactive: boolean) {
    let text = '';
    let now = 100;
    const out = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const progress = createSearchProgress({ out, interactive, clock: () => now });
    const report = (phase: SearchProgress['phase'], evaluated: number, total: number) => {
      now += 2;
      progress.report({ phase, evaluated, total, best });
    };
    return { progress, report, text: () => text };
  }

  it('elsewhere than in a terminal prints a line now and then, and at the end of each part', () => {
    const { report, text } = display(false);
    for (let number = 1; number <= 120; number++) report('evolution', number, 120);
    for (let number = 1; number <= 7; number++) report('comparison', number, 7);
    expect(text()).to.equal(
      [
        'evolution 50/120  best top-1 50.00 %  loss 1.2500  2 min 20 s left',
        'evolution 100/120  best top-1 50.00 %  loss 1.2500  40 s left',
        'evolution 120/120  best top-1 50.00 %  loss 1.2500  0 s left',
        'comparison 7/7  best top-1 50.00 %  loss 1.2500  0 s left\n',
      ].join('\n'),
    );
  });

  it('takes the pace of this process, not of the part that an earlier one did', () => {
    const { report, text } = display(false);
    for (let number = 91; number <= 100; number++) report('evolution', number, 200);
    expect(text()).to.include('evolution 100/200').and.to.include('3 min 20 s left');
  });

  it('in a terminal draws one line over and over, and leaves it', () => {
    const { progress, report, text } = display(true);
    report('evolution', 1, 40);
    report('evolution', 2, 40);
    progress.end();
    progress.end();
    const lines = text().split('\r\u001b[K');
    expect(lines).to.have.length(3);
    expect(lines[1]).to.include('1/40').and.to.include('? left');
    expect(lines[2]).to.match(/2\/40 .* 1 min 16 s left\n$/);
  });
});
