import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RunConfig } from '../../src/config/schema.ts';
import { type SearchProgress, type SubnetRequest, searchSupernet } from '../../src/search/supernet-search.ts';
import { flopsRange, pathFlops } from '../../src/space/cost.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import { buildSpace } from '../../src/space/presets.ts';
import { openRun } from '../../src/training/run-folder.ts';
import { createFakeSupernet, type FakeSupernet } from '../training/fake-supernet.ts';
import { smallConfig, smallData, smallRun } from '../training/small-run.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';

describe('search/supernet-search', () => {
  const folder = temporaryFolder();
  const run = () => join(folder(), 'small');
  const space = buildSpace(smallConfig.space);
  const limit = 60_000_000;

  interface Asked {
    config?: RunConfig;
    flops?: number;
    name?: string | null;
    stopAfter?: number;
    cutFailure?: Error;
    supernet?: FakeSupernet;
  }

  async function search({
    config = smallConfig,
    flops = limit,
    name = null,
    stopAfter = Infinity,
    cutFailure,
    supernet = createFakeSupernet(space),
  }: Asked = {}) {
    const evaluated: string[] = [];
    const cut: SubnetRequest[] = [];
    const progress: SearchProgress[] = [];
    const { evaluate } = supernet;
    supernet.evaluate = (path) => {
      evaluated.push(path.join(''));
      return evaluate(path);
    };
    const runFolder = await openRun(folder(), 'small');
    try {
      const found = await searchSupernet(
        { folder: runFolder, config, limits: { flops }, name },
        {
          clock: () => 0,
          loadData: async () => smallData,
          createSupernet: async () => supernet,
          cutSubnet: async (request) => {
            if (cutFailure !== undefined) throw cutFailure;
            cut.push(request);
          },
          notice: () => {},
          interrupted: () => evaluated.length >= stopAfter,
          onProgress: (step) => progress.push(step),
        },
      );
      return { found, evaluated, cut, progress };
    } finally {
      await runFolder.release();
    }
  }

  it('writes search.json and population.jsonl as the contract says', async () => {
    await smallRun(folder());
    const { found, evaluated, cut } = await search({ name: 'first' });
    expect(found?.directory).to.equal(join(run(), 'search', 'first'));
    const written = JSON.parse(readFileSync(join(run(), 'search', 'first', 'search.json'), 'utf8'));
    expect(written).to.deep.equal(found?.result);
    expect(written).to.include({ run: 'small', space: 'nas-bench-macro', evaluated: evaluated.length });
    expect(written.limits).to.deep.equal({ flops: limit });
    expect(written.best).to.deep.equal(written.candidates[0]);
    expect(Object.keys(written.best)).to.deep.equal(['path', 'flops', 'params', 'loss', 'top1']);
    const lines = readFileSync(join(run(), 'search', 'first', 'population.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).to.have.length(40);
    expect(lines.map(({ step }) => step)).to.deep.equal(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(cut.map(({ directory }) => directory)).to.deep.equal([join(run(), 'subnets', 'first-1')]);
    expect(cut[0]!.weightsPrefix).to.equal(join(run(), 'step-00000060', 'weights'));
  });

  it('keeps the limit and evaluates no path twice', async () => {
    await smallRun(folder());
    const { found, evaluated } = await search();
    expect(new Set(evaluated).size).to.equal(evaluated.length);
    for (const candidate of found!.result.candidates) {
      expect(candidate.flops).to.be.at.most(limit);
      expect(pathFlops(space, parseGenotype(space, candidate.path))).to.equal(candidate.flops);
    }
  });

  it('begins with the pool that was saved with the weights', async () => {
    await smallRun(folder());
    const pool = JSON.parse(readFileSync(join(run(), 'step-00000060', 'pool.json'), 'utf8')).paths;
    const { evaluated } = await search({ flops: 1e9 });
    const first = pool.slice(0, 10).map(({ path }: { path: string }) => parseGenotype(space, path).join(''));
    expect(evaluated.slice(0, 10)).to.deep.equal(first);
  });

  it('ranks by the objective of the config', async () => {
    await smallRun(folder());
    const supernet = createFakeSupernet(space);
    // Accuracy and loss pull apart.
    supernet.evaluate = (path) => ({ losses: new Float32Array(), loss: 9 - path[0]!, top1: 1 - path[0]! / 9, top5: 1 });
    for (const [objective, first] of [
      ['top1', 0],
      ['loss', 2],
    ] as const) {
      const config = { ...smallConfig, search: { ...smallConfig.search, objective } };
      const { found } = await search({ config, supernet });
      const operations = found!.result.candidates.map(({ path }) => parseGenotype(space, path)[0]!);
      expect(operations[0], objective).to.equal(first);
      expect(operations).to.deep.equal(operations.toSorted((a, b) => (first === 0 ? a - b : b - a)));
    }
  });

  it('says where the best stands among random paths', async () => {
    await smallRun(folder());
    const { found } = await search();
    const { baseline } = found!.result;
    expect(baseline?.paths).to.equal(12);
    expect(baseline!.percentile).to.be.within(0, 100);
    expect(baseline!.median).to.be.at.most(baseline!.ninetieth);
    expect(baseline!.ninetieth).to.be.at.most(baseline!.highest);
    const none = await search({ config: { ...smallConfig, search: { ...smallConfig.search, randomBaseline: 0 } } });
    expect(none.found?.result.baseline).to.equal(null);
  });

  it('is the same search twice, in a folder of its own each time', async () => {
    await smallRun(folder());
    const one = await search();
    const two = await search();
    expect(readdirSync(join(run(), 'search')).sort()).to.deep.equal(['60M', '60M-2']);
    expect(two.found?.result.candidates).to.deep.equal(one.found?.result.candidates);
  });

  it('does not write over a search', async () => {
    await smallRun(folder());
    await search({ name: 'mine' });
    const error = await rejection(search({ name: 'mine' }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include('exists already');
    expect((await rejection(search({ name: '../mine' }))).code).to.equal('usage');
  });

  it('ends at once where no path keeps the limit, naming smallest and largest', async () => {
    await smallRun(folder());
    const { smallest, largest } = flopsRange(space);
    const error = await rejection(search({ flops: smallest - 1 }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include(String(smallest)).and.to.include(String(largest));
  });

  it('writes nothing where it is interrupted', async () => {
    await smallRun(folder());
    const { found, evaluated, cut } = await search({ stopAfter: 13 });
    expect(found).to.equal(null);
    expect(evaluated).to.have.length(13);
    expect(cut).to.deep.equal([]);
    expect(existsSync(join(run(), 'search'))).to.equal(false);
  });

  it('keeps what it found where a subnet cannot be cut out', async () => {
    await smallRun(folder());
    const failed = await search({ name: 'kept', cutFailure: new Error('disk') }).then(
      () => null,
      (error: Error) => error.message,
    );
    expect(failed).to.equal('disk');
    const written = JSON.parse(readFileSync(join(run(), 'search', 'kept', 'search.json'), 'utf8'));
    expect(written.candidates).to.have.length(40);
    expect(written.subnets).to.deep.equal([]);
  });

  it('reports its progress in both phases', async () => {
    await smallRun(folder());
    const { progress } = await search();
    expect(
      progress
        .filter(({ phase }) => phase === 'evolution')
        .map(({ evaluated }) => evaluated)
        .at(-1),
    ).to.equal(40);
    expect(
      progress
        .filter(({ phase }) => phase === 'random')
        .map(({ evaluated }) => evaluated)
        .at(-1),
    ).to.equal(12);
  });
});
