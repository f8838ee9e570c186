import { expect } from 'chai';
import { describeDataProgress } from '../../src/report/data-progress.ts';

describe('data progress', () => {
  it('has one line for each stage', () => {
    const lines = [
      describeDataProgress({ kind: 'notice', message: 'damaged; preparing again' }),
      describeDataProgress({ kind: 'download', doneBytes: 0, totalBytes: 138_900_000 }),
      describeDataProgress({ kind: 'download', doneBytes: 138_900_000, totalBytes: 138_900_000 }),
      describeDataProgress({ kind: 'decode', doneImages: 10_000, totalImages: 60_000 }),
      describeDataProgress({ kind: 'decode', doneImages: 60_000, totalImages: 60_000 }),
    ];
    expect(lines).to.deep.equal([
      'damaged; preparing again',
      'fetching the data set with npm (139 MB)',
      null,
      null,
      'decoded 60000 images',
    ]);
  });
});
