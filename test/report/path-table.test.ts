import { expect } from 'chai';
import { describeNetwork, networkTable } from '../../src/report/path-table.ts';
import { withLatency } from '../../src/space/latency.ts';
import { recogniseNetwork } from '../../src/space/recognise.ts';

const { space, path, name } = recogniseNetwork('GreedyNAS-B');
const description = describeNetwork(space, path, name);

describe('report/path-table', () => {
  it('has rows that add up to the totals', () => {
    const sum = (key: 'flops' | 'params') => description.rows.reduce((total, row) => total + row[key], 0);
    expect({ flops: sum('flops'), params: sum('params') }).to.deep.equal({ flops: 323_520_704, params: 5_207_804 });
    expect(description.rows).to.have.length(25);
  });

  it('shows operation, stride, resolution, channels, FLOPs and parameters of each block', () => {
    const lines = networkTable(description).split('\n');
    expect(lines[0]).to.equal('GreedyNAS-B: mobilenet-13-se, 224 x 224 px, 1000 classes');
    expect(lines.find((line) => line.startsWith('stage4_0'))).to.match(
      /^stage4_0 +e6k5se +2 +7 x 7 x 192 +17\.13M +5\.3 % +350k$/,
    );
    expect(lines.find((line) => line.startsWith('total'))).to.match(/323\.5M +100\.0 % +5\.21M$/);
    expect(lines.at(-1)).to.match(/^Genotype: e3k5se e3k5se .* e6k7se$/);
  });

  it('shows latencies by layer and in all where the space knows them, and no such column elsewhere', () => {
    expect(description.latency).to.equal(null);
    expect(networkTable(description)).not.to.include('latency');
    // Layer i takes i + its operation's place / 100 milliseconds.
    const layers = space.layers.map(({ operations }, layer) => operations.map((_, place) => layer + place / 100));
    const timed = describeNetwork(withLatency(space, { fixed: 2.5, layers }), path, name);
    const expected = path.reduce((sum, place, layer) => sum + layer + place / 100, 2.5);
    expect(timed.latency?.fixed).to.equal(2.5);
    expect(timed.latency?.total).to.be.closeTo(expected, 1e-4);
    const searchable = timed.rows.filter((row) => row.searchable).map((row) => row.latency);
    expect(searchable).to.deep.equal(path.map((place, layer) => layer + place / 100));
    expect(timed.rows.filter((row) => !row.searchable && row.latency !== undefined)).to.deep.equal([]);
    const lines = networkTable(timed).split('\n');
    expect(lines.find((line) => line.startsWith('block'))).to.match(/ latency$/);
    expect(lines.find((line) => line.startsWith('stage4_0'))).to.match(/ 350k +16\.\d+ms$/);
    expect(lines.find((line) => line.startsWith('stem, head, classifier'))).to.match(/ 2\.5ms$/);
    expect(lines.find((line) => line.startsWith('total'))).to.match(/ 5\.21M +\d+(\.\d+)?ms$/);
  });

  it('leaves out a name that a network does not have', () => {
    const macro = recogniseNetwork('00000000');
    expect(networkTable(describeNetwork(macro.space, macro.path, null))).to.match(/^nas-bench-macro, 32 x 32 px/);
  });
});
