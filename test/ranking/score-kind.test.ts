import { expect } from 'chai';
import { describeScoreKind, formatScoreKind, parseScoreKind } from '../../src/ranking/score-kind.ts';

describe('ranking/score-kind', () => {
  it('reads what it writes', () => {
    for (const text of ['loss:1000', 'top1:5000', 'top1:5000:recalibrated', 'loss:1:recalibrated']) {
      expect(formatScoreKind(parseScoreKind('score', text, 7))).to.equal(text);
    }
  });

  it('takes the number of images from beside it where it has none', () => {
    expect(parseScoreKind('score', 'loss', 1000)).to.deep.equal({ measure: 'loss', images: 1000, statistics: 'batch' });
    expect(formatScoreKind(parseScoreKind('score', 'top1:recalibrated', 8))).to.equal('top1:8:recalibrated');
    expect(formatScoreKind(parseScoreKind('score', 'top1:9:batch', 8))).to.equal('top1:9');
  });

  it('refuses anything else, naming the flag and what is allowed', () => {
    for (const text of [
      '',
      'accuracy',
      'loss:',
      'loss:0',
      'loss:-1',
      'loss:1e3',
      'loss:10:cold',
      'loss:10:batch:x',
      'LOSS',
    ]) {
      expect(() => parseScoreKind('against', text, 5), text)
        .to.throw('--against ')
        .with.property('code', 'usage');
    }
    expect(() => parseScoreKind('score', 'x'.repeat(5000), 5)).to.throw(/^.{1,300}$/);
  });

  it('says it in words', () => {
    expect(describeScoreKind(parseScoreKind('score', 'top1:50:recalibrated', 1))).to.equal(
      'top-1 accuracy on 50 held-out images with recalibrated statistics',
    );
  });
});
