import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { takeStack } from '../../src/data/batches.ts';
import { createStream } from '../../src/random/stream.ts';
import { flopsRange, pathFlops } from '../../src/space/cost.ts';
import { parseGenotype } from '../../src/space/genotype.ts';
import type { ImageBatch, Scores } from '../../src/supernet/supernet.ts';
import { findCheckpoint, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { createFakeSupernet, fedBatch } from '../training/fake-supernet.ts';
import { smallConfig, smallData, smallRun } from '../training/small-run.ts';
import { rejection, temporaryFolder } from '../training/temporary.ts';
import { resultOf, type SimulatedSearch, simulatedSearch, smallSpace as space } from './simulated-search.ts';

function scores(loss: number, top1: number): Scores {
  return { losses: new Float32Array(), correct: new Uint8Array(), loss, top1, top5: 1 };
}

describe('search/supernet-search', () => {
  const folder = temporaryFolder();
  const run = () => join(folder(), 'small');
  const limit = 60_000_000;
  const search = (asked?: SimulatedSearch) => simulatedSearch(folder(), asked);

  it('writes search.json and population.jsonl as the contract says', async () => {
    await smallRun(folder());
    const found = await search({ name: 'first' });
    const { evaluated, cut } = found;
    const written = JSON.parse(readFileSync(join(run(), 'search', 'first', 'search.json'), 'utf8'));
    expect(written).to.deep.equal(resultOf(found));
    expect(written).to.include({ run: 'small', space: 'nas-bench-macro', evaluated: evaluated.length });
    expect(written).to.include({ directory: join(run(), 'search', 'first'), checkpoint: join(run(), 'step-00000060') });
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
    const found = await search();
    const { evaluated } = found;
    expect(new Set(evaluated.slice(0, 40)).size).to.equal(40);
    expect(new Set(evaluated.slice(40)).size).to.equal(evaluated.length - 40);
    for (const candidate of resultOf(found).candidates) {
      expect(candidate.flops).to.be.at.most(limit);
      expect(pathFlops(space, parseGenotype(space, candidate.path))).to.equal(candidate.flops);
    }
  });

  it('begins with the pool that was saved with the weights', async () => {
    await smallRun(folder());
    const pool = JSON.parse(readFileSync(join(run(), 'step-00000060', 'pool.json'), 'utf8')).paths;
    const { evaluated } = await search({ flops: '1G' });
    const first = pool.slice(0, 10).map(({ path }: { path: string }) => parseGenotype(space, path).join(''));
    expect(evaluated.slice(0, 10)).to.deep.equal(first);
  });

  it('ranks by the objective of the config', async () => {
    await smallRun(folder());
    const supernet = createFakeSupernet(space);
    // Accuracy and loss pull apart.
    supernet.evaluate = (path) => scores(9 - path[0]!, 1 - path[0]! / 9);
    for (const [objective, first] of [
      ['top1', 0],
      ['loss', 2],
    ] as const) {
      const found = await search({ overrides: [`search.objective=${objective}`], supernet });
      const operations = resultOf(found).candidates.map(({ path }) => parseGenotype(space, path)[0]!);
      expect(operations[0], objective).to.equal(first);
      expect(operations).to.deep.equal(operations.toSorted((a, b) => (first === 0 ? a - b : b - a)));
    }
  });

  it('compares the best with random paths on images that chose nothing, each path recalibrated and scored once', async () => {
    await smallRun(folder());
    const supernet = createFakeSupernet(space);
    const calls: string[] = [];
    const stacks: ImageBatch[] = [];
    const { loadStack, recalibrate, evaluate } = supernet;
    supernet.loadStack = (name, batch) => {
      if (name === 'validation') stacks.push(fedBatch(batch));
      loadStack(name, batch);
    };
    supernet.recalibrate = (path) => {
      calls.push(`recalibrate ${path.join('')}`);
      recalibrate(path);
    };
    supernet.evaluate = (path) => {
      calls.push(`evaluate ${path.join('')} on ${stacks.length}`);
      return evaluate(path);
    };
    const found = await search({ supernet });
    const { seed } = smallConfig;
    expect(stacks).to.deep.equal([
      takeStack(smallData.validation, 20, seed),
      takeStack(smallData.validation, 10, seed, 20),
    ]);
    const { comparison, best, evaluated } = resultOf(found);
    expect(comparison).to.include({ images: 10, seen: false, paths: 12 });
    expect(comparison!.percentile).to.be.within(0, 100);
    expect(comparison!.median).to.be.at.most(comparison!.ninetieth!);
    expect(comparison!.ninetieth).to.be.at.most(comparison!.highest!);
    expect(evaluated).to.equal(calls.length / 2);
    expect(new Set(calls.filter((call) => call.startsWith('evaluate'))).size).to.equal(evaluated);
    for (let index = 0; index < calls.length; index += 2) {
      expect(calls[index + 1]).to.include(calls[index]!.replace('recalibrate', 'evaluate'));
    }
    const bestKey = parseGenotype(space, best.path).join('');
    const compared = calls.filter((call) => call.endsWith('on 2'));
    expect(compared).to.have.length.within(12, 13);
    expect(compared[0]).to.equal(`evaluate ${bestKey} on 2`);
  });

  it('compares on the images of the search where none are left, and says so', async () => {
    await smallRun(folder());
    const found = await search({ overrides: ['search.comparisonImages=0'] });
    const { evaluated } = found;
    const { comparison, best } = resultOf(found);
    expect(comparison).to.include({ images: 20, seen: true, paths: 12, best: best.top1 });
    expect(new Set(evaluated).size, 'a path of the search is not scored again on the same images').to.equal(
      evaluated.length,
    );
  });

  it('compares with nothing where no random paths are asked for', async () => {
    await smallRun(folder());
    const result = resultOf(await search({ overrides: ['search.randomBaseline=0'] }));
    expect(result.comparison).to.equal(null);
    expect(result.evaluated).to.equal(40);
  });

  it('does not take luck for quality: where scores are noise, the best stands where any path does', async () => {
    await smallRun(folder());
    const percentiles = async (comparisonImages: number): Promise<number> => {
      let sum = 0;
      for (let seed = 0; seed < 12; seed++) {
        const supernet = createFakeSupernet(space);
        let stack = 0;
        supernet.loadStack = () => {
          stack += 1;
        };
        supernet.recalibrate = () => {};
        supernet.evaluate = (path) => {
          const top1 = createStream(seed, `${stack}/${path.join()}`).uniform();
          return scores(1 - top1, top1);
        };
        const overrides = [`search.comparisonImages=${comparisonImages}`, 'search.subnets=0'];
        sum += resultOf(await search({ supernet, overrides })).comparison!.percentile / 12;
      }
      return sum;
    };
    expect(await percentiles(0), 'on the images that chose it').to.be.above(90);
    expect(await percentiles(10), 'on others').to.be.within(25, 75);
  });

  it('is the same search twice, in a folder of its own each time', async () => {
    await smallRun(folder());
    const one = await search();
    const two = await search();
    expect(readdirSync(join(run(), 'search')).sort()).to.deep.equal(['60M', '60M-2']);
    expect(resultOf(two).candidates).to.deep.equal(resultOf(one).candidates);
    expect(resultOf(two).comparison).to.deep.equal(resultOf(one).comparison);
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
    const error = await rejection(search({ flops: String(smallest - 1) }));
    expect(error.code).to.equal('usage');
    expect(error.message).to.include(String(smallest)).and.to.include(String(largest));
  });

  it('writes nothing where it cannot begin', async () => {
    await smallRun(folder());
    const failure = new Error('no network');
    const failed = await search({ loadFailure: failure }).catch((error: unknown) => error);
    expect(failed).to.equal(failure);
    const { outcome } = await search({ signalIn: 0 });
    expect(outcome).to.deep.equal({ end: 'signal', run: 'small', name: '60M', saved: false });
    expect(existsSync(join(run(), 'search'))).to.equal(false);
  });

  it('needs a limit, and changes search settings only', async () => {
    await smallRun(folder());
    for (const [asked, message] of [
      [{ flops: '60M', overrides: ['training.batch=4'] }, '--set training.batch=4'],
      [{ flops: '60M', overrides: ['search.population=0'] }, 'search.population'],
    ] as const) {
      const error = await rejection(search(asked));
      expect(error.code).to.equal('usage');
      expect(error.message).to.include(message);
    }
  });

  it('names a pool that is not JSON', async () => {
    await smallRun(folder());
    const { checkpoint } = await findCheckpoint(run());
    await saveCheckpoint({
      runDirectory: run(),
      state: checkpoint!.state,
      seconds: checkpoint!.seconds,
      saveWeights: (prefix) => createFakeSupernet(space).save(prefix),
      texts: { 'pool.json': '{"capacity":' },
      keep: 1,
    });
    const error = await rejection(search());
    expect(error.code).to.equal('io');
    expect(error.message).to.include(join('step-00000060', 'pool.json')).and.to.include('is not JSON');
  });

  it('clears away a folder that a crash left half made', async () => {
    await smallRun(folder());
    mkdirSync(join(run(), 'search', '.tmp-60M'), { recursive: true });
    writeFileSync(join(run(), 'search', '.tmp-60M', 'state.json'), 'torn');
    await search();
    expect(readdirSync(join(run(), 'search'))).to.deep.equal(['60M']);
  });

  it('keeps what it found where a subnet cannot be cut out', async () => {
    await smallRun(folder());
    const disk = new Error('disk');
    expect(await search({ name: 'kept', cutFailure: disk }).catch((error: unknown) => error)).to.equal(disk);
    const written = JSON.parse(readFileSync(join(run(), 'search', 'kept', 'search.json'), 'utf8'));
    expect(written.candidates).to.have.length(40);
    expect(written.subnets).to.deep.equal([]);
  });

  it('ranks paths that diverged last, and cuts none of them out', async () => {
    await smallRun(folder());
    const supernet = createFakeSupernet(space);
    const { evaluate } = supernet;
    let calls = 0;
    supernet.evaluate = (path) => {
      calls += 1;
      const scores = evaluate(path);
      return calls === 4 || calls === 23 ? scores : { ...scores, loss: Number.NaN, top1: 1 };
    };
    const found = await search({ supernet, overrides: ['search.subnets=5', 'search.randomBaseline=0'] });
    expect(resultOf(found).candidates.map(({ loss }) => loss !== null)).to.deep.equal([
      ...[true, true],
      ...Array(38).fill(false),
    ]);
    expect(found.cut).to.have.length(2);
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
        .filter(({ phase }) => phase === 'comparison')
        .map(({ evaluated }) => evaluated)
        .at(-1),
    ).to.equal(13);
  });
});
