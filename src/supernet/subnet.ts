/**
 * Subnets: the weights of one path cut out of a supernet's checkpoint, as a standalone network in a folder of its own.
 *
 * A subnet's network is built without choice blocks, from the same forward pass and under the same variable names, so
 * it takes just its own tensors out of the supernet's checkpoint.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { pathFlops, pathParams } from '../space/cost.ts';
import { formatGenotype, parseGenotype } from '../space/genotype.ts';
import { buildSpace, spacePresetNames } from '../space/presets.ts';
import type { Path, Space } from '../space/space.ts';
import { createFolder, explainIo } from '../storage/durable.ts';
import {
  DamagedFolder,
  type FolderKind,
  NewerFolder,
  readSealedJson,
  verifySealedFolder,
  writeSealedFolder,
} from '../storage/sealed-folder.ts';
import type { NetworkRecipe } from './compile.ts';
import { createSubnetSession, type SessionOptions } from './session.ts';
import type { ImageBatch, Scores, StackPlan } from './supernet.ts';

const subnetFile = 'subnet.json';
const weightsName = 'weights';

const subnetFolder: FolderKind = { kind: 'subnet', format: 1, required: [subnetFile, `${weightsName}.index`] };

const colours = z.tuple([z.number(), z.number(), z.number()]);
const count = z.int().min(0);

export const subnetSchema = z.strictObject({
  /** The genotype. */
  path: z.string(),
  /** What `buildSpace` makes the space of. */
  space: z.strictObject({
    preset: z.enum(spacePresetNames),
    resolution: z.int().min(1),
    classes: z.int().min(1),
    width: z.number().positive(),
    strides: z.array(z.int()),
    depths: z.array(z.int()),
  }),
  flops: count,
  params: count,
  /** Of the images that the network takes, scaled to [0, 1]. */
  mean: colours,
  deviation: colours,
  classNames: z.array(z.string()),
  /** On the validation images of the search, with the batch-norm statistics that are saved here. */
  validation: z.strictObject({ images: count, loss: z.number(), top1: z.number(), top5: z.number() }),
  /** Which images those were, and from which run all this comes. */
  origin: z.strictObject({
    run: z.string(),
    step: count,
    dataset: z.string(),
    seed: count,
    heldOut: count,
    /** Where images in files lay, and what their shorter side was scaled to. */
    folder: z.string().nullable().optional(),
    resize: count.nullable().optional(),
    calibrationImages: count,
    calibrationBatch: count,
    validationBatch: count,
  }),
});

/** What subnet.json holds: the network, what it takes in, how good it is, and where it comes from. */
export type SubnetDescription = z.infer<typeof subnetSchema>;

export interface CutOptions {
  readonly space: Space;
  readonly spaceOptions: SubnetDescription['space'];
  readonly path: Path;
  /** Of the supernet's checkpoint. */
  readonly weightsPrefix: string;
  /** The folder to write; what is there goes. */
  readonly directory: string;
  readonly session: SessionOptions;
  readonly classNames: readonly string[];
  readonly origin: SubnetDescription['origin'];
  /** Training images that set the batch-norm statistics. */
  readonly calibration: ImageBatch | StackPlan;
  /** Held-out images that score it. */
  readonly validation: ImageBatch | StackPlan;
}

/**
 * Cuts a path out of a supernet's checkpoint: recalibrates its batch norm, scores it, and writes its folder.
 *
 * @throws GreedynasError `io` if the checkpoint does not hold the path's weights or the folder cannot be written
 */
export async function cutSubnet(options: CutOptions): Promise<SubnetDescription> {
  const { space, path, session, directory, calibration, validation, weightsPrefix } = options;
  const network = createSubnetSession(space, path, session);
  try {
    network.takeFromSupernet(weightsPrefix);
    network.loadStack('calibration', calibration);
    network.loadStack('validation', validation);
    network.recalibrate(path);
    const { loss, top1, top5 } = network.evaluate(path);
    const description = {
      path: formatGenotype(space, path),
      space: options.spaceOptions,
      mean: colours.parse(session.recipe.mean),
      deviation: colours.parse(session.recipe.deviation),
      classNames: [...options.classNames],
      validation: { images: validation.labels.length, loss, top1, top5 },
      origin: options.origin,
    };
    return await writeSubnet(directory, description, (prefix) => network.saveWeights(prefix));
  } finally {
    network.close();
  }
}

/**
 * Writes a subnet's folder; what is there goes.
 *
 * @param description all but what follows from its path
 * @param saveWeights writes weights and statistics as a checkpoint of this prefix
 * @throws GreedynasError `io` if the folder cannot be written
 */
export async function writeSubnet(
  directory: string,
  description: Omit<SubnetDescription, 'flops' | 'params'>,
  saveWeights: (prefix: string) => void,
): Promise<SubnetDescription> {
  const space = buildSpace(description.space);
  const path = parseGenotype(space, description.path);
  const { path: genotype, space: options, ...rest } = description;
  const costs = { flops: pathFlops(space, path), params: pathParams(space, path) };
  const whole: SubnetDescription = { path: genotype, space: options, ...costs, ...rest };
  await createFolder(dirname(directory));
  await writeSealedFolder(directory, subnetFolder, async (temporary) => {
    saveWeights(join(temporary, weightsName));
    await writeFile(join(temporary, subnetFile), `${JSON.stringify(whole, null, 2)}\n`);
  });
  return whole;
}

const subnetAdvice =
  'give the folder of a subnet, checkpoints/<run>/subnets/<id>, or cut it out again with "greedynas search"';

/**
 * Reads and checks a subnet's folder.
 *
 * @throws GreedynasError `io` naming the folder, the file and what is wrong with it
 */
export async function readSubnet(directory: string): Promise<SubnetDescription> {
  try {
    await verifySealedFolder(directory, subnetFolder);
    const description = await readSealedJson(directory, subnetFile, subnetSchema);
    parseGenotype(buildSpace(description.space), description.path);
    return description;
  } catch (error) {
    if (error instanceof DamagedFolder || error instanceof NewerFolder || error instanceof GreedynasError) {
      const advice = error instanceof NewerFolder ? 'update greedynas' : subnetAdvice;
      throw new GreedynasError('io', `${directory} is no usable subnet: ${error.message}; ${advice}`, { cause: error });
    }
    throw explainIo(error, 'read', directory);
  }
}

/** What names the checkpoint of a subnet's weights: its path before `.index`. */
export function subnetWeights(directory: string): string {
  return join(directory, weightsName);
}

/**
 * Scores a subnet's network, with its own batch-norm statistics, on all these images; one stack of them is on the device at a
 * time. No label smoothing.
 *
 * @param session `stored` where the stacks are plans
 */
export function evaluateSubnet(
  directory: string,
  description: SubnetDescription,
  session: Pick<SessionOptions, 'engine' | 'batches'> & Pick<NetworkRecipe, 'stored'>,
  stacks: Iterable<ImageBatch | StackPlan>,
): Scores {
  const { engine, batches, stored } = session;
  const space = buildSpace(description.space);
  const path = parseGenotype(space, description.path);
  const { mean, deviation } = description;
  // Nothing is trained here: the training half of the recipe does not matter.
  const recipe = {
    mean,
    deviation,
    labelSmoothing: 0,
    dropout: 0,
    momentum: 0,
    nesterov: false,
    weightDecay: 0,
    zeroGamma: false,
    ...(stored === undefined ? {} : { stored }),
  };
  const network = createSubnetSession(space, path, { engine, batches, recipe });
  try {
    network.restoreWeights(join(directory, weightsName));
    const losses: number[] = [];
    const correct: number[] = [];
    let top1 = 0;
    let top5 = 0;
    for (const stack of stacks) {
      network.loadStack('validation', stack);
      const scores = network.evaluate(path);
      for (const loss of scores.losses) losses.push(loss);
      for (const hit of scores.correct) correct.push(hit);
      top1 += scores.top1 * scores.losses.length;
      top5 += scores.top5 * scores.losses.length;
    }
    const count = losses.length;
    const loss = losses.reduce((sum, each) => sum + each, 0) / count;
    const each = { losses: Float32Array.from(losses), correct: Uint8Array.from(correct) };
    return { ...each, loss, top1: top1 / count, top5: top5 / count };
  } finally {
    network.close();
  }
}
