import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { retrainInFolder } from '../../src/retraining/run.ts';
import type { RetrainProgress } from '../../src/retraining/trainer.ts';
import { readSubnet } from '../../src/supernet/subnet.ts';
import { smallSubnets, writeSmallSubnet } from '../export/small-subnet.ts';
import { checkpointTensors } from '../supernet/checkpoint-tensors.ts';
import { rejection } from '../training/temporary.ts';
import { smallRequest, writeRetrainConfig } from './small-retraining.ts';

describe('retraining/run', function () {
  this.timeout(120_000);
  let folder: string;
  let subnet: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-retrain-'));
    mkdirSync(join(folder, 'subnets'));
    subnet = join(folder, 'subnets', 'small-1');
    await writeSmallSubnet(subnet, smallSubnets.macro);
    writeRetrainConfig(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const at = (...names: string[]): string => join(folder, 'checkpoints', 'retrain', ...names);
  /** Everything of a run that must be the same however often it was stopped. */
  const essence = (name: string) => ({
    metrics: readFileSync(at(name, 'metrics.jsonl'), 'utf8'),
    state: readFileSync(at(name, 'step-00000009', 'state.json'), 'utf8'),
    weights: [...checkpointTensors(at(name, 'step-00000009', 'weights'))].map(([key, bytes]) => [
      key,
      bytes.toString('hex'),
    ]),
    best: [...checkpointTensors(at(name, 'subnets', 'best', 'weights'))].map(([key, bytes]) => [
      key,
      bytes.toString('hex'),
    ]),
  });

  it("trains from a subnet's weights in parts, evaluates each epoch, and keeps the best as a subnet", async () => {
    const seen: RetrainProgress[] = [];
    const outcome = await retrainInFolder(smallRequest(folder, { subnet, name: 'whole' }, { seen }));
    expect(outcome).to.include({
      end: 'length',
      step: 9,
      name: 'whole',
      from: subnet,
      path: smallSubnets.macro.genotype,
    });
    expect(outcome.counts).to.deep.equal({ optimised: 72, evaluated: 30 });
    const evaluated = seen.flatMap((progress) => progress.evaluated ?? []);
    expect(evaluated.map(({ epoch }) => epoch)).to.deep.equal([1, 2, 3]);
    const best = await readSubnet(outcome.subnet!);
    const top1 = Math.max(...evaluated.map(({ scores }) => scores.top1));
    expect(best.validation).to.include({ images: 10, top1 });
    expect(outcome.best?.top1).to.equal(top1);
    expect(best.origin).to.include({ run: 'retrain/whole', dataset: 'cifar10' });
    expect(existsSync(at('whole', 'config.yaml'))).to.equal(true);
    const lines = readFileSync(at('whole', 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ step }) => step)).to.deep.equal([2, 3, 4, 6, 8, 9]);
    expect(lines.filter((line) => 'validationTop1' in line).map(({ epoch }) => epoch)).to.deep.equal([1, 2, 3]);
  });

  it('ends with the same bytes where it was stopped in the middle of an epoch and resumed', async () => {
    const first = await retrainInFolder(smallRequest(folder, { subnet, name: 'parts' }, { stopAfter: 5 }));
    expect(first).to.include({ end: 'signal', step: 5 });
    const notices: string[] = [];
    const second = await retrainInFolder(smallRequest(folder, { name: 'parts', resume: true }, { notices }));
    expect(second).to.include({ end: 'length', step: 9, from: subnet });
    expect(notices).to.deep.equal(['resuming parts at step 5']);
    expect(essence('parts')).to.deep.equal(essence('whole'));
    expect(second.counts).to.deep.equal({ optimised: 72, evaluated: 30 });
  });

  it('augments images in memory by operations too, and trains otherwise than without', async () => {
    const losses = async (name: string, overrides: readonly string[]) => {
      const seen: RetrainProgress[] = [];
      await retrainInFolder(smallRequest(folder, { subnet, name, overrides }, { stopAfter: 2, seen }));
      return seen.map(({ loss }) => loss);
    };
    const overrides = ['data.randAugment={layers: 1}', 'data.colorJitter=0.5'];
    const augmented = await losses('augmented', overrides);
    expect(augmented).to.have.length(2);
    expect(await losses('again', overrides)).to.deep.equal(augmented);
    expect(await losses('plain', [])).to.not.deep.equal(augmented);
  });

  it('starts from scratch where it is told to, with other weights and the same network', async () => {
    const request = smallRequest(folder, { subnet, init: 'scratch', name: 'anew' }, { stopAfter: 1 });
    const outcome = await retrainInFolder(request);
    expect(outcome.from).to.equal(null);
    expect(outcome.subnet).to.equal(null);
    const name = 'stem_conv/weights';
    const anew = checkpointTensors(at('anew', 'step-00000001', 'weights')).get(name)!;
    expect(anew.equals(checkpointTensors(join(subnet, 'weights')).get(name)!)).to.equal(false);
  });

  it('resumes the one worked on last where none is named', async () => {
    const outcome = await retrainInFolder(smallRequest(folder, { name: null, resume: true }, { stopAfter: 1 }));
    expect(outcome).to.include({ name: 'anew', step: 2 });
  });

  it('refuses what cannot be, and makes no folder for it', async () => {
    const attempt = (changes: Parameters<typeof smallRequest>[1]) =>
      rejection(retrainInFolder(smallRequest(folder, changes)));
    const cases = [
      [{ name: 'x' }, /Missing required argument: subnet/],
      [{ name: 'x', subnet: 'GreedyNAS-Z' }, /"GreedyNAS-Z" is a path of no space/],
      [{ name: 'x', subnet: 'GreedyNAS-B', init: 'supernet' }, /has no weights, allowed: --init scratch/],
      [{ name: 'x', resume: true }, /no retraining "x" in .* \(there are: /],
      [{ name: 'whole', subnet }, /run "whole" exists already/],
      [
        { name: 'x', subnet, overrides: ['training.parts=3'] },
        /training\.parts: 3, allowed: a divisor of training\.batch \(8\)/,
      ],
      [{ name: 'x', subnet, overrides: ['training.epohcs=3'] }, /unknown key.*did you mean training\.epochs/],
      [{ name: 'whole', resume: true, overrides: ['training.epochs=4'] }, /training\.epochs: 3 in the run, 4 now/],
    ] as const;
    for (const [changes, message] of cases) {
      const error = await attempt(changes);
      expect(error.code, error.message).to.equal('usage');
      expect(error.message).to.match(message);
    }
    expect(readdirSync(at())).to.not.include('x');
  });

  it('refuses a network that takes other images than the data set has', async () => {
    const request = smallRequest(folder, { subnet: '22222222', name: 'sizes' });
    const error = await rejection(retrainInFolder(request));
    expect(error.code).to.equal('usage');
    expect(error.message).to.match(/32 x 32 px .* has 31 x 31 px/);
  });

  it('says where it diverges, and saves nothing of that', async () => {
    const rates = ['training.learningRate=1e30', 'training.warmupEpochs=0', 'training.optimizer=sgd'];
    const error = await rejection(retrainInFolder(smallRequest(folder, { subnet, name: 'far', overrides: rates })));
    expect(error.code).to.equal('diverged');
    expect(error.message).to.match(/the loss of update \d is NaN|Infinity/);
    expect(readdirSync(at('far')).filter((name) => name.startsWith('step-'))).to.deep.equal([]);
  });
});
