import { expect } from 'chai';
import type { FileSource, SourceFile } from '../../src/data/source-files.ts';
import { readValidationList } from '../../src/data/validation-list.ts';
import { rejection } from '../training/temporary.ts';

const folders = ['n01', 'n02', 'n03'];

describe('readValidationList', () => {
  const images = ['val/ILSVRC2012_val_00000001.JPEG', 'val/ILSVRC2012_val_00000002.JPEG', 'val/x y.JPEG'].map(
    (path): SourceFile => ({ path, size: 9, start: 0 }),
  );
  const sourceWith = (lists: Readonly<Record<string, string>>): FileSource => ({
    name: 'set',
    files: [
      ...images,
      ...Object.entries(lists).map(([path, text]) => ({ path, size: Buffer.byteLength(text), start: 0 })),
    ],
    refused: [],
    read: async ({ path }) => Buffer.from(lists[path]!),
    close: async () => {},
  });
  const read = (lists: Readonly<Record<string, string>>, wanted: string | null = null, among = images) =>
    readValidationList(sourceWith(lists), among, wanted, folders);
  const labels = async (...given: Parameters<typeof read>) => {
    const found = await read(...given);
    return { list: found?.list, labels: (given[2] ?? images).map((file) => found?.labelOf(file)) };
  };
  const two = images.slice(0, 2);

  const layouts: readonly [string, string, string][] = [
    [
      'Tiny ImageNet’s annotations, with boxes behind',
      'val/val_annotations.txt',
      'ILSVRC2012_val_00000001.JPEG\tn03\t0\t0\t62\t62\nILSVRC2012_val_00000002.JPEG\tn01\t1\t2\t3\t4\n',
    ],
    [
      'the challenge’s solution, a table without endings of names',
      'LOC_val_solution.csv',
      'ImageId,PredictionString\r\nILSVRC2012_val_00000002,n01 111 108 341 284 n01 1 2 3 4 \r\nILSVRC2012_val_00000001,n03 85 1 499 272\r\n',
    ],
    ['Caffe’s numbers', 'val.txt', 'ILSVRC2012_val_00000001.JPEG 2\nILSVRC2012_val_00000002.JPEG 0\n'],
    ['synsets alone, in the order of names', 'imagenet_2012_validation_synset_labels.txt', 'n03\nn01\n'],
  ];
  for (const [what, list, text] of layouts) {
    it(`reads ${what}`, async () => {
      expect(await labels({ [list]: text }, null, two)).to.deep.equal({ list, labels: [2, 0] });
      // Under another name it is read where it is named.
      expect(await labels({ 'lists/mine.txt': text }, 'lists/mine.txt', two)).to.deep.equal({
        list: 'lists/mine.txt',
        labels: [2, 0],
      });
    });
  }

  it('knows no class of images that the list leaves out or gives a class without training images', async () => {
    expect(await labels({ 'val.txt': 'ILSVRC2012_val_00000001 n09\nILSVRC2012_val_00000002 7\n' })).to.deep.equal({
      list: 'val.txt',
      labels: [undefined, undefined, undefined],
    });
  });

  it('finds none where there is none, and takes the first of the usual ones', async () => {
    expect(await read({ 'other.txt': 'n01' })).to.equal(null);
    const lists = { 'val_labels.txt': 'n01\nn01\nn01\n', 'val.txt': 'ILSVRC2012_val_00000001 1\n' };
    expect((await labels(lists)).list).to.equal('val.txt');
  });

  it('refuses a list that is not there, is of another length, counts in the development kit’s order or names no class', async () => {
    const refusal = async (...given: Parameters<typeof read>) => {
      const error = await rejection(read(...given));
      expect(error.code).to.equal('usage');
      return error.message;
    };
    expect(await refusal({}, 'lost.txt')).to.include('--val-labels lost.txt: set has no such file');
    expect(await refusal({ 'val.txt': 'n01\nn02\n' })).to.include('set/val.txt: 2 lines for 3 images');
    expect(await refusal({ 'val.txt': '490\n361\n171\n' })).to.include('the order of the development kit');
    expect(await refusal({ 'val.txt': 'a.JPEG n01\nb.JPEG\n' })).to.include('line 2 names no class: b.JPEG');
  });
});
