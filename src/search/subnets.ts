/** Cuts a found path out as a subnet, and evaluates one again on the images of its search or on the test set. */
import { sequentialBatches, takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import type { EngineOptions } from '../engine/addon.ts';
import { cutSubnet, evaluateSubnet, readSubnet } from '../supernet/subnet.ts';
import { type DataRequest, networkOptions, storedImages } from '../training/run-options.ts';
import type { SubnetRequest } from './supernet-search.ts';

/** Writes the subnet of a candidate: its batch norm set and its loss taken on the stacks that the search used. */
export async function cutCandidate(request: SubnetRequest): Promise<void> {
  const { config, space, data, candidate, run, step, weightsPrefix, directory } = request;
  const { seed, search } = config;
  await cutSubnet({
    space,
    spaceOptions: config.space,
    path: candidate.path,
    weightsPrefix,
    directory,
    session: networkOptions(config, data),
    classNames: data.classes,
    origin: {
      run,
      step,
      dataset: config.data.dataset,
      seed,
      heldOut: config.data.validationImages,
      ...(config.data.dataset === 'folder' ? { folder: config.data.folder, resize: config.data.resize } : {}),
      calibrationImages: search.calibrationImages,
      calibrationBatch: search.calibrationBatch,
      validationBatch: search.validationBatch,
    },
    calibration: takeStack(data.train, search.calibrationImages, seed),
    validation: takeStack(data.validation, search.validationImages, seed),
  });
}

export interface EvaluationRequest {
  /** The subnet's folder. */
  readonly directory: string;
  readonly split: 'validation' | 'test';
  readonly loadData: (request: DataRequest) => Promise<DataSet>;
}

export interface Evaluation {
  /** The genotype. */
  readonly path: string;
  readonly split: EvaluationRequest['split'];
  readonly images: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  /** What was found on the validation images when it was cut out. */
  readonly recorded: { readonly images: number; readonly loss: number; readonly top1: number; readonly top5: number };
}

const engine: EngineOptions = { threads: 0, onednn: true, deterministic: true };

/** Test images that are on the device at a time: 1.5 GB at 224 pixels. */
const imagesAtOnce = 10_000;

/** @throws GreedynasError `io` if the folder is no whole subnet */
export async function evaluateFolder({ directory, split, loadData }: EvaluationRequest): Promise<Evaluation> {
  const description = await readSubnet(directory);
  const { origin, validation } = description;
  const { dataset, seed, heldOut: validationImages, folder, resize = null } = origin;
  const { resolution, classes } = description.space;
  const data = await loadData({
    dataset,
    seed,
    validationImages,
    ...(folder === undefined ? {} : { folder: { path: folder, resolution, classes, resize } }),
  });
  const set = split === 'test' ? await data.loadTest() : data.validation;
  const stacks = split === 'test' ? sequentialBatches(set, imagesAtOnce) : [takeStack(set, validation.images, seed)];
  const batch = origin.validationBatch;
  const batches = { validation: batch, ranking: batch, calibration: origin.calibrationBatch };
  const session = { engine, batches, ...storedImages(data) };
  const { losses, loss, top1, top5 } = evaluateSubnet(directory, description, session, stacks);
  return { path: description.path, split, images: losses.length, loss, top1, top5, recorded: validation };
}
