import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { buildSpace } from '../../src/space/presets.ts';
import type { Path } from '../../src/space/space.ts';
import { writeSealedFolder } from '../../src/storage/sealed-folder.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import {
  type CutOptions,
  cutSubnet,
  evaluateSubnet,
  readSubnet,
  type SubnetDescription,
} from '../../src/supernet/subnet.ts';
import type { Scores } from '../../src/supernet/supernet.ts';
import { expectClose } from '../graph/close.ts';
import { rejection } from '../training/temporary.ts';
import { checkpointTensors } from './checkpoint-tensors.ts';
import { imageBatch, sessionOptions } from './small-space.ts';

const spaceOptions: SubnetDescription['space'] = {
  preset: 'nas-bench-macro',
  resolution: 12,
  classes: 10,
  width: 0.125,
  strides: [1, 1, 2, 2],
  depths: [1, 1, 1],
};
const space = buildSpace(spaceOptions);
/** An expanding block with a shortcut, a skip that is a strided convolution, another block. */
const path: Path = [1, 0, 2];
const others: readonly Path[] = [
  [2, 1, 0],
  [0, 2, 1],
];
const calibration = imageBatch(11, 103, space);
const validation = imageBatch(9, 102, space);
const session = sessionOptions();
const origin: SubnetDescription['origin'] = {
  run: 'small',
  step: 6,
  dataset: 'cifar10',
  seed: 42,
  heldOut: 9,
  calibrationImages: 11,
  calibrationBatch: 5,
  validationBatch: 4,
};

describe('supernet/subnet', () => {
  let folder: string;
  let supernetPrefix: string;
  /** What the supernet says of the path. */
  let expected: Scores;
  let cut: SubnetDescription;
  let directory: string;

  const cutOptions = (changes: Partial<CutOptions> = {}): CutOptions => ({
    space,
    spaceOptions,
    path,
    weightsPrefix: supernetPrefix,
    directory,
    session,
    classNames: ['a', 'b'],
    origin,
    calibration,
    validation,
    ...changes,
  });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-subnet-'));
    supernetPrefix = join(folder, 'supernet');
    const supernet = createSupernetSession(space, session);
    supernet.initialise(3);
    for (const [step, each] of [path, ...others, path, ...others].entries())
      supernet.trainStep(each, imageBatch(8, step, space), 0.05);
    supernet.save(supernetPrefix);
    supernet.loadStack('calibration', calibration);
    supernet.loadStack('validation', validation);
    supernet.recalibrate(path);
    expected = supernet.evaluate(path);
    supernet.close();
    directory = join(folder, 'subnets', 'small-1');
    cut = await cutSubnet(cutOptions());
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('scores as the supernet does, recalibrated: when it is cut, and when it is read and evaluated', async () => {
    expectClose([cut.validation.loss], [expected.loss], 'loss when cut', 1e-5);
    expect(cut.validation).to.deep.include({ images: 9, top1: expected.top1, top5: expected.top5 });
    const description = await readSubnet(directory);
    const found = evaluateSubnet(directory, description, session, [validation]);
    expectClose(found.losses, expected.losses, 'losses', 1e-5);
    expectClose([found.loss], [expected.loss], 'loss', 1e-5);
    expect(found).to.deep.include({ top1: expected.top1, top5: expected.top5 });
    // It carries its statistics: how many images are evaluated at once does not matter.
    const batches = { ...session.batches, validation: 2 };
    const inPairs = evaluateSubnet(directory, description, { engine: session.engine, batches }, [validation]);
    expectClose(inPairs.losses, expected.losses, 'losses in batches of two', 1e-5);
  });

  it('is described by what evaluation and a reader need', async () => {
    expect(await readSubnet(directory)).to.deep.equal(cut);
    const { validation: _, ...rest } = cut;
    expect(rest).to.deep.equal({
      path: 'e3k3 skip e6k5',
      space: spaceOptions,
      flops: pathFlops(space, path),
      params: pathParams(space, path),
      mean: [0.49, 0.48, 0.45],
      deviation: [0.25, 0.24, 0.26],
      classNames: ['a', 'b'],
      origin,
    });
    expect(readdirSync(join(folder, 'subnets'))).to.deep.equal(['small-1']);
    expect(readdirSync(directory).sort()).to.deep.equal([
      'manifest.json',
      'subnet.json',
      'weights.data-00000-of-00001',
      'weights.index',
    ]);
  });

  it("holds the path's weights as they are in the supernet, its statistics, and nothing else", () => {
    const subnet = checkpointTensors(join(directory, 'weights'));
    const blocks = [
      'stem_conv',
      ...['expand', 'depthwise', 'project'].map((part) => `stage1_0/e3k3/${part}`),
      'stage2_0/skip',
      ...['expand', 'depthwise', 'project'].map((part) => `stage3_0/e6k5/${part}`),
      'head_conv',
    ];
    const weights = [
      'classifier/weights',
      'classifier/bias',
      ...blocks.flatMap((block) => ['weights', 'gamma', 'beta'].map((each) => `${block}/${each}`)),
    ];
    const statistics = blocks.flatMap((block) => [`${block}/mean`, `${block}/variance`]);
    expect([...subnet.keys()]).to.have.members([...weights, ...statistics]);
    // The supernet's has slots, other operations, and no statistics.
    const supernet = checkpointTensors(supernetPrefix);
    const kept = [...supernet.keys()];
    expect(kept).to.include.members([...weights, 'stage1_0/e6k5/expand/weights', 'stem_conv/weights/momentum']);
    expect(kept.filter((name) => statistics.includes(name))).to.deep.equal([]);
    for (const name of weights) expect(subnet.get(name)?.equals(supernet.get(name)!), name).to.equal(true);
    const count = weights.reduce((sum, name) => sum + subnet.get(name)!.length / 4, 0);
    expect(count).to.equal(cut.params);
    for (const name of statistics) {
      const bytes = subnet.get(name)!;
      const values = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
      expect(values.every(Number.isFinite), name).to.equal(true);
      // Recalibrated: no variance is still the 1 that it starts as. A mean may stay 0, behind a shift that batch norm undoes.
      if (name.endsWith('/mean')) continue;
      expect(
        values.every((value) => value > 0 && Math.abs(value - 1) > 1e-6),
        name,
      ).to.equal(true);
    }
  });

  it('is cut the same way twice, in the place of the first', async () => {
    const copy = join(folder, 'again', 'small-1');
    const bytes = (): Buffer[] => readdirSync(copy).map((name) => readFileSync(join(copy, name)));
    await cutSubnet(cutOptions({ directory: copy }));
    const once = bytes();
    await cutSubnet(cutOptions({ directory: copy }));
    expect(bytes().map((each, index) => each.equals(once[index]!))).to.deep.equal([true, true, true, true]);
    expect(readdirSync(join(folder, 'again'))).to.deep.equal(['small-1']);
  });

  describe('that cannot be cut leaves nothing behind', () => {
    let nowhere: string;
    let supernetCopy: string;
    beforeEach(() => {
      nowhere = join(folder, 'fresh', 'small-1');
      supernetCopy = join(folder, 'copy');
      for (const end of ['.index', '.data-00000-of-00001']) copyFileSync(supernetPrefix + end, supernetCopy + end);
    });
    const cutFails = (changes: Partial<CutOptions>) =>
      rejection(cutSubnet(cutOptions({ directory: nowhere, ...changes })));

    it('where there is no checkpoint', async () => {
      const weightsPrefix = join(folder, 'nothing');
      const error = await cutFails({ weightsPrefix });
      expect(error.code).to.equal('io');
      expect(error.message).to.include(`${weightsPrefix} does not hold the weights of this path`);
      expect(existsSync(join(folder, 'fresh'))).to.equal(false);
    });

    for (const end of ['.index', '.data-00000-of-00001']) {
      it(`where the checkpoint's ${end} file is cut`, async () => {
        truncateSync(supernetCopy + end, 100);
        const error = await cutFails({ weightsPrefix: supernetCopy });
        expect(error.code).to.equal('io');
        expect(error.message).to.include(`${supernetCopy} does not hold the weights of this path`);
        expect(existsSync(join(folder, 'fresh'))).to.equal(false);
      });
    }

    it('where a bit of a weight was flipped', async () => {
      const file = `${supernetCopy}.data-00000-of-00001`;
      const bytes = readFileSync(file);
      const place = bytes.indexOf(checkpointTensors(supernetCopy).get('stem_conv/weights')!);
      bytes[place] = bytes[place]! ^ 1;
      writeFileSync(file, bytes);
      const error = await cutFails({ weightsPrefix: supernetCopy });
      expect(error.message)
        .to.include(supernetCopy)
        .and.to.match(/checksum/i);
      expect(existsSync(join(folder, 'fresh'))).to.equal(false);
    });

    it('where the checkpoint is of another space, naming a variable', async () => {
      for (const [change, told] of [
        [{ classes: 7 }, /classifier\/(weights|bias)/],
        [{ depths: [1, 1, 2] }, /stage3_1\/e3k3\/\w+/],
      ] as const) {
        const otherOptions = { ...spaceOptions, ...change, depths: [...(change.depths ?? spaceOptions.depths)] };
        const other = buildSpace(otherOptions);
        // The checkpoint is this space's; the path is one of the other.
        const error = await cutFails({
          space: other,
          spaceOptions: otherOptions,
          path: other.layers.map(() => 1),
          calibration: imageBatch(2, 1, other),
          validation: imageBatch(2, 2, other),
        });
        expect(error.code).to.equal('io');
        expect(error.message).to.include(supernetPrefix).and.to.match(told);
        expect(existsSync(join(folder, 'fresh'))).to.equal(false);
      }
    });

    it('where its folder cannot be written; an older subnet there stays', async () => {
      writeFileSync(join(folder, 'file'), 'kept');
      const below = join(folder, 'file', 'small-1');
      expect((await cutFails({ directory: below })).message).to.equal(
        `cannot create the folder ${join(folder, 'file')}: something else has that name (EEXIST)`,
      );
      expect(readFileSync(join(folder, 'file'), 'utf8')).to.equal('kept');
      const before = readFileSync(join(directory, 'manifest.json'), 'utf8');
      await cutFails({ directory, weightsPrefix: join(folder, 'nothing') });
      expect(readFileSync(join(directory, 'manifest.json'), 'utf8')).to.equal(before);
      expect(await readSubnet(directory)).to.deep.equal(cut);
      expect(readdirSync(join(folder, 'subnets'))).to.deep.equal(['small-1']);
    });
  });

  describe('that is damaged is refused with its folder, what is wrong and what to do', () => {
    let copy: string;
    beforeEach(() => {
      copy = mkdtempSync(join(folder, 'copy-'));
      for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(copy, name));
    });
    const advice =
      'give the folder of a subnet, checkpoints/<run>/subnets/<id>, or cut it out again with "greedynas search"';
    const refusal = async (): Promise<string> => {
      const error = await rejection(readSubnet(copy));
      expect(error.code).to.equal('io');
      return error.message;
    };
    /** Seals a folder anew, as a program that writes other descriptions would. */
    const reseal = async (edit: (description: SubnetDescription) => object, kind = 'subnet', format = 1) => {
      await writeSealedFolder(copy, { kind, format, required: [] }, async (temporary) => {
        for (const name of ['weights.index', 'weights.data-00000-of-00001'])
          copyFileSync(join(directory, name), join(temporary, name));
        writeFileSync(join(temporary, 'subnet.json'), JSON.stringify(edit(cut)));
      });
    };

    for (const name of ['subnet.json', 'weights.index', 'weights.data-00000-of-00001']) {
      it(`${name}: deleted, cut, one bit flipped`, async () => {
        const file = join(copy, name);
        const bytes = readFileSync(file);
        bytes[20] = bytes[20]! ^ 4;
        writeFileSync(file, bytes);
        expect(await refusal()).to.equal(
          `${copy} is no usable subnet: ${name} has another SHA-256 than when it was saved; ${advice}`,
        );
        truncateSync(file, 10);
        expect(await refusal()).to.include(`: ${name} has 10 bytes, not ${bytes.length}; `);
        rmSync(file);
        expect(await refusal()).to.include(`: ${name} is missing; `);
      });
    }

    it('a folder of something else, an empty one, none at all', async () => {
      await reseal((description) => description, 'checkpoint');
      expect(await refusal()).to.equal(`${copy} is no usable subnet: it holds a checkpoint, not a subnet; ${advice}`);
      rmSync(copy, { recursive: true });
      expect(await refusal()).to.include(`${copy} is no usable subnet: manifest.json is missing`);
      mkdirSync(copy);
      expect(await refusal()).to.include(`${copy} is no usable subnet: manifest.json is missing`);
    });

    it('one that a newer program wrote: another advice', async () => {
      await reseal((description) => ({ ...description, quantised: true }), 'subnet', 2);
      expect(await refusal()).to.match(/written by a newer greedynas \(subnet format 2, .*\); update greedynas$/);
    });

    it('a description that does not fit, naming the key or the token', async () => {
      for (const [edit, told] of [
        [({ flops: _, ...rest }: SubnetDescription) => rest, 'subnet.json is wrong at "flops"'],
        [(d: SubnetDescription) => ({ ...d, mean: [0.5, 0.5] }), 'subnet.json is wrong at "mean"'],
        [(d: SubnetDescription) => ({ ...d, author: 'x' }), 'Unrecognized key: "author"'],
        [(d: SubnetDescription) => ({ ...d, path: 'e3k3 skip e6k9' }), 'token 2 is "e6k9"'],
        [(d: SubnetDescription) => ({ ...d, path: 'e3k3 skip' }), '2 tokens, allowed: 3'],
        [
          (d: SubnetDescription) => ({ ...d, space: { ...d.space, strides: [1, 3, 2, 2] } }),
          'space.strides: [1, 3, 2, 2], allowed',
        ],
      ] as const) {
        await reseal(edit);
        expect(await refusal())
          .to.include(`${copy} is no usable subnet: `)
          .and.to.include(told)
          .and.to.include(advice);
      }
    });

    it('weights of another path or none, when they are evaluated', () => {
      const evaluate = (changes: Partial<SubnetDescription>) => () =>
        evaluateSubnet(copy, { ...cut, ...changes }, session, [validation]);
      const prefix = join(copy, 'weights');
      expect(evaluate({ path: 'e3k3 skip skip' }))
        .to.throw(`${prefix} does not hold the weights of this path`)
        .with.property('code', 'io');
      expect(evaluate({ path: 'e3k3 skip skip' })).to.throw(/stage3_0\/skip\/\w+/);
      truncateSync(`${prefix}.data-00000-of-00001`, 100);
      expect(evaluate({})).to.throw(`${prefix} does not hold the weights of this path`).with.property('code', 'io');
    });
  });
});
