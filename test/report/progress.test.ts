import { PassThrough, Writable } from 'node:stream';
import { expect } from 'chai';
import { createProgress, type StepReport } from '../../src/report/progress.ts';

describe('report/progress', () => {
  function display(interactive: boolean) {
    let text = '';
    let now = 100;
    // A terminal, as far as the bar can tell.
    const out = interactive
      ? Object.assign(new PassThrough(), {
          isTTY: true,
          columns: 200,
          cursorTo: () => true,
          clearLine: () => true,
          moveCursor: () => true,
        })
      : new Writable({
          write(chunk, _encoding, done) {
            text += chunk;
            done();
          },
        });
    if (out instanceof PassThrough) {
      out.on('data', (chunk) => {
        text += chunk;
      });
    }
    const progress = createProgress({ out, interactive, steps: 100, from: 40, clock: () => now });
    const step = (number: number, report: Partial<StepReport> = {}) => {
      now += 0.5;
      progress.report({ step: number, loss: 2, epsilon: 0.25, poolSize: 17, images: 64, logged: false, ...report });
    };
    return { progress, step, text: () => text };
  }

  it('elsewhere than in a terminal prints a line for each logged step', () => {
    const { step, text } = display(false);
    step(41);
    expect(text()).to.equal('');
    step(42, { logged: true });
    // 2 steps of 64 images a second, 58 steps left.
    expect(text()).to.equal('step 42/100  loss 2.000  epsilon 0.25  pool 17  128 images/s  29 s left\n');
  });

  it('smooths the loss', () => {
    const { step, text } = display(false);
    step(41, { loss: 1 });
    step(42, { loss: 2, logged: true });
    expect(text()).to.include('loss 1.020');
  });

  it('measures speed over the last minute, not over the whole run', () => {
    const { step, text } = display(false);
    for (let number = 41; number <= 99; number++) {
      step(number, { images: 6400 });
    }
    for (let number = 0; number < 200; number++) {
      step(99, { images: 64, logged: number === 199 });
    }
    expect(text()).to.match(/ 128 images\/s/);
  });

  it('in a terminal draws a bar with the same facts, and leaves it', () => {
    const { progress, step, text } = display(true);
    step(60);
    progress.end();
    expect(text()).to.match(/█+░+ 60\/100 {2}loss 2\.000 {2}ε 0\.25 {2}pool 17 {2}128 images\/s/);
  });
});
