/** Cuts a found path out as a subnet, and evaluates one again on the images of its search or on the test set. */
import { takeStack } from '../data/batches.ts';
import type { DataSet } from '../data/dataset.ts';
import type { EngineOptions } from '../engine/addon.ts';
import { cutSubnet, evaluateSubnet, readSubnet } from '../supernet/subnet.ts';
import { type DataRequest, networkOptions } from '../training/run-options.ts';
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

/** @throws GreedynasError `io` if the folder is no whole subnet */
export async function evaluateFolder({ directory, split, loadData }: EvaluationRequest): Promise<Evaluation> {
  const description = await readSubnet(directory);
  const { origin, validation } = description;
  const { dataset, seed } = origin;
  const data = await loadData({ dataset, seed, validationImages: origin.heldOut });
  const images = split === 'test' ? await data.loadTest() : takeStack(data.validation, validation.images, seed);
  const batch = origin.validationBatch;
  const batches = { validation: batch, ranking: batch, calibration: origin.calibrationBatch };
  const { loss, top1, top5 } = evaluateSubnet(directory, description, { engine, batches }, images);
  return { path: description.path, split, images: images.labels.length, loss, top1, top5, recorded: validation };
}
