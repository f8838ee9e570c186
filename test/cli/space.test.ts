import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { formatOwnTable } from '../../src/space/latency-own.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { commandLine } from './command-line.ts';
import { greedynas, writeSmallConfig } from './simulated-surroundings.ts';

describe('cli/space', () => {
  const { folder, run: line, train } = commandLine();
  const run = (...words: string[]) => greedynas(folder(), ['space', ...words]);

  it('shows a space', async () => {
    const { code, stdout } = await run('--preset', 'nas-bench-macro');
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^nas-bench-macro: 32 x 32 px/)
      .and.to.include('Paths: 6561');
  });

  it('describes a published network', async () => {
    const { code, stdout } = await run('describe', 'GreedyNAS-B', '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.include({ name: 'GreedyNAS-B', flops: 323_520_704, params: 5_207_804 });
  });

  it('describes a genotype of several words, in the space that it is of or that is given', async () => {
    const tokens = 'e3k3 skip e6k5 skip skip e6k5 e3k3 skip'.split(' ');
    const found = JSON.parse((await run('describe', ...tokens, '--json')).stdout);
    expect(found).to.include({ name: null, space: 'nas-bench-macro', path: tokens.join(' '), resolution: 32 });
    const small = await run('describe', tokens.join(' '), '--set', 'space.width=0.25', '--json');
    expect(JSON.parse(small.stdout)).to.include({ path: tokens.join(' '), resolution: 32 });
    expect(JSON.parse(small.stdout).flops).to.be.below(found.flops / 4);
  });

  it('draws it', async () => {
    const file = join(folder(), 'b.svg');
    expect((await run('describe', 'GreedyNAS-B', '--svg', file)).code).to.equal(0);
    expect(readFileSync(file, 'utf8')).to.match(/^<svg .*GreedyNAS-B.*<\/svg>\n$/s);
  });

  it('adds the latency of each layer from a table, of one device where it has several', async () => {
    const table = join(folder(), 'here.yaml');
    const space = buildSpace({ preset: 'nas-bench-macro' });
    const layers = space.layers.map(({ operations }) => operations.map((_, place) => 1 + place));
    writeFileSync(table, formatOwnTable(space, { fixed: 0.5, layers }, {}));
    const { code, stdout } = await run('describe', '01200000', '--latency-table', table, '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).latency).to.deep.equal({ total: 11.5, fixed: 0.5 });
    const foreign = await run('describe', 'GreedyNAS-B', '--latency-table', table);
    expect(foreign).to.deep.include({ code: 2, stdout: '' });
    expect(foreign.stderr).to.include('layers: has 8');
    const alone = await run('describe', '01200000', '--latency-device', 'pixel3');
    expect(alone).to.deep.include({ code: 2, stdout: '' });
    expect(alone.stderr).to.include('--latency-table');
    const undescribed = await run('--preset', 'nas-bench-macro', '--latency-table', table);
    expect(undescribed.code).to.equal(2);
    expect(undescribed.stderr).to.include('--latency-table is of one network');
  });

  it('says which folder the drawing cannot go to, and what is no network', async () => {
    const nowhere = join(folder(), 'missing', 'b.svg');
    const failed = await run('describe', 'GreedyNAS-B', '--svg', nowhere);
    expect(failed).to.deep.include({ code: 4, stdout: '' });
    expect(failed.stderr).to.include(nowhere);
    expect(existsSync(nowhere)).to.equal(false);
    const unknown = await run('describe', 'GreedyNAS-D');
    expect(unknown.code).to.equal(2);
    expect(unknown.stderr).to.include('"GreedyNAS-D" is a path of no space');
    const foreign = await run('describe', folder());
    expect(foreign.code).to.equal(4);
    expect(foreign.stderr).to.include('is no usable subnet');
  });

  it("prints the paper's space", async () => {
    const { code, stdout } = await line('space --preset mobilenet-7');
    expect(code).to.equal(0);
    expect(stdout).to.include('Paths: 558545864083284007').and.to.include('stage5_0');
    const { layers, paths } = JSON.parse((await line('space --preset nas-bench-macro --json')).stdout);
    expect(layers).to.have.length(8);
    expect(paths).to.equal('6561');
  });

  it('--measure prints the table, and writes one that search reads', async () => {
    const config = writeSmallConfig(folder());
    const out = join(folder(), 'table.yaml');
    const { code, stdout, stderr } = await line(`space --measure --config ${config} --out ${out} --repeats 3`);
    expect(code).to.equal(0);
    expect(stderr).to.include('batch 1, 3 rounds after 5');
    expect(stdout).to.include('Paths: 13ms to 13ms').and.to.include('9.1 % off on average');
    await train();
    const found = await line(`search --run small --latency 13ms --latency-table ${out}`);
    expect(found.code).to.equal(0);
    expect(found.stdout)
      .to.match(/latency {2}path/)
      .and.to.include('13ms');
    const json = await line(`search --run small --flops none --method nsga2 --latency-table ${out} --json`);
    const { front, candidates, method, limits } = JSON.parse(json.stdout);
    expect({ method, limits }).to.deep.equal({ method: 'nsga2', limits: {} });
    expect(front.length).to.be.within(1, 40);
    expect(candidates[0]).to.include({ latency: 13 });
    const impossible = await line(`search --run small --latency 12ms --latency-table ${out}`);
    expect(impossible.code).to.equal(2);
    expect(impossible.stderr).to.include('13 (smallest) to 13 (largest) ms of latency');
    const without = await line('search --run small --latency 12ms');
    expect(without.code).to.equal(2);
    expect(without.stderr).to.include('--latency-table');
  });

  it('takes the space of a config', async () => {
    const { stdout } = await line(`space --json --config ${writeSmallConfig(folder())}`);
    expect(JSON.parse(stdout).space).to.equal('nas-bench-macro');
  });
});
