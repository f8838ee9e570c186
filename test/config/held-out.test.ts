import { expect } from 'chai';
import { comparisonImages, rankingStacks, seenImages } from '../../src/config/held-out.ts';
import { configOf } from './parsing.ts';

describe('held-out images', () => {
  const shared = (text: string) => {
    const config = configOf(text);
    return [seenImages(config), comparisonImages(config)];
  };

  it('of a comparison are as many as those of the search, as far as they are left', () => {
    expect(shared('search: {validationImages: 2500}')).to.deep.equal([2500, 2500]);
    expect(shared('search: {validationImages: 2000}')).to.deep.equal([2000, 2000]);
    expect(shared('search: {validationImages: 4000}')).to.deep.equal([4000, 1000]);
    expect(shared('search: {validationImages: 5000}')).to.deep.equal([5000, 0]);
  });

  it('of a comparison are as many as the config says', () => {
    expect(shared('search: {validationImages: 2000, comparisonImages: 700}')).to.deep.equal([2000, 700]);
    expect(shared('search: {validationImages: 2000, comparisonImages: 0}')).to.deep.equal([2000, 0]);
  });

  it('of a comparison are none of those that ranked paths in training', () => {
    expect(shared('{sampling: {ranking: {images: 1000}}, search: {validationImages: 400}}')).to.deep.equal([1000, 400]);
    const uniform = '{sampling: {method: uniform, ranking: {images: 1000}}, search: {validationImages: 400}}';
    expect(shared(uniform)).to.deep.equal([400, 400]);
  });

  it('that rank paths in training are one stack, or with refresh all whole stacks of those that the search sees', () => {
    const stacks = (text: string) => rankingStacks(configOf(text));
    expect(stacks('search: {validationImages: 4500}')).to.equal(1);
    expect(stacks('{sampling: {ranking: {refresh: 100}}, search: {validationImages: 4500}}')).to.equal(4);
    expect(shared('{sampling: {ranking: {refresh: 100}}, search: {validationImages: 4500}}')).to.deep.equal([
      4500, 500,
    ]);
  });
});
