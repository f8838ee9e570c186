import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { openEvaluationLog } from '../../src/search/evaluation-log.ts';
import { type Candidate, restoreCandidate } from '../../src/search/evaluator.ts';
import { allPaths, toySpace } from '../sampling/toy-space.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

const space = toySpace(4, 3);
const candidates = allPaths(space)
  .slice(0, 12)
  // One diverged: NaN has to survive.
  .map((path, index) => restoreCandidate(space, { path, loss: index === 4 ? null : 1 / 3 + index, top1: index / 7 }));

describe('search/evaluation-log', () => {
  const folder = temporaryFolder();
  const file = () => join(folder(), 'population.jsonl');
  const text = () => readFileSync(file(), 'utf8');

  async function write(some: readonly Candidate[]): Promise<{ news: boolean[]; found: number; removed: number }> {
    const log = await openEvaluationLog(file(), space);
    const news = some.map((candidate, index) => log.write(candidate, Math.floor(index / 5)));
    log.flush();
    log.close();
    return { news, found: log.found, removed: log.removed };
  }

  it('has a JSON object a line, with its step', async () => {
    await write(candidates);
    const lines = text().trimEnd().split('\n');
    expect(lines).to.have.length(12);
    expect(Object.keys(JSON.parse(lines[4]!))).to.deep.equal([
      'step',
      'generation',
      'path',
      'flops',
      'params',
      'loss',
      'top1',
    ]);
    expect(JSON.parse(lines[4]!)).to.include({ step: 5, generation: 0, loss: null, top1: 4 / 7 });
  });

  it('is found again, to the bit', async () => {
    await write(candidates);
    const log = await openEvaluationLog(file(), space);
    expect(log.found).to.equal(12);
    for (const candidate of candidates) expect(log.find(candidate.path)).to.deep.equal(candidate);
    expect(log.find(allPaths(space)[30]!)).to.equal(null);
    log.close();
  });

  it('takes what it has already for old, and appends the rest', async () => {
    await write(candidates.slice(0, 7));
    const { news } = await write(candidates);
    expect(news).to.deep.equal(candidates.map((_, index) => index >= 7));
    expect(text().trimEnd().split('\n')).to.have.length(12);
  });

  it('loses a line that says otherwise, and all after it', async () => {
    await write(candidates);
    const changed = candidates.with(3, { ...candidates[3]!, top1: 0.999 });
    const { news } = await write(changed.slice(0, 5));
    expect(news).to.deep.equal([false, false, false, true, true]);
    const before = text();
    expect(before.trimEnd().split('\n')).to.have.length(5);
    expect(before).to.include('0.999');
    expect((await write(changed)).removed).to.equal(0);
    expect(text().trimEnd().split('\n')).to.have.length(12);
  });

  it('opens whatever was cut off or changed in it: the lines before stay, the others go', async () => {
    await write(candidates);
    const whole = text();
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.constantFrom('cut', 'flip'), async (place, kind) => {
        const changed =
          kind === 'cut'
            ? whole.slice(0, place)
            : `${whole.slice(0, place)}${String.fromCharCode(whole.charCodeAt(place) ^ 1)}${whole.slice(place + 1)}`;
        writeFileSync(file(), changed);
        const linesBefore = whole.slice(0, place).split('\n').length - 1;
        const { found, news } = await write(candidates);
        // A digit of a score that changed is still a score: the state of the search says what it was.
        expect(found).to.be.at.least(linesBefore);
        if (kind === 'cut') expect(found).to.equal(linesBefore);
        expect(news.slice(0, linesBefore)).to.not.include(true);
        expect(text()).to.equal(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('names a file that cannot be written', async () => {
    writeFileSync(join(folder(), 'blocked'), '');
    const error = await rejection(openEvaluationLog(join(folder(), 'blocked', 'population.jsonl'), space));
    expect(error.code).to.equal('io');
    expect(error.message).to.include('population.jsonl');
  });
});
