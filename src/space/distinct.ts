/**
 * The distinct networks of a space. Layers of a stage after its first one have the same shape and the same operations, and
 * their identity is a true skip: where it stands among them changes nothing of the network, only which of a supernet's weights
 * it shares. In NAS-Bench-Macro 6,561 paths are 3,969 networks.
 */
import type { RandomStream } from '../random/stream.ts';
import { operationToken } from './genotype.ts';
import { keepsShape, type Layer, type Path, type Space } from './space.ts';

/** Layers that may change places: a run of equal ones with an identity, or one layer alone. */
interface Run {
  readonly first: number;
  readonly length: number;
  /** The index of the identity, which goes to the end of the run; −1 where there is none that is a skip. */
  readonly skip: number;
  readonly operations: number;
}

function skipOf(layer: Layer): number {
  return keepsShape(layer) ? layer.operations.findIndex(({ kind }) => kind === 'identity') : -1;
}

function runsOf({ layers }: Space): Run[] {
  const runs: Run[] = [];
  const shape = ({ inChannels, outChannels, stride, operations }: Layer): string =>
    [inChannels, outChannels, stride, ...operations.map(operationToken)].join(' ');
  for (const [index, layer] of layers.entries()) {
    const skip = skipOf(layer);
    const before = runs.at(-1);
    if (before !== undefined && skip !== -1 && before.skip !== -1 && shape(layers[index - 1]!) === shape(layer)) {
      runs[runs.length - 1] = { ...before, length: before.length + 1 };
    } else {
      runs.push({ first: index, length: 1, skip, operations: layer.operations.length });
    }
  }
  return runs;
}

/** The path that stands for all paths of the same network: skips at the end of their run, the other operations in their order. */
export function canonicalPath(space: Space, path: Path): Path {
  return runsOf(space).flatMap(({ first, length, skip }) => {
    const part = path.slice(first, first + length);
    const kept = part.filter((operation) => operation !== skip);
    return [...kept, ...part.filter((operation) => operation === skip)];
  });
}

/** Numbers of networks by how many operations of the run are no skip: 0 … its length, or exactly its length. */
function networksOf({ length, skip, operations }: Run): { readonly used: number; readonly count: bigint }[] {
  if (skip === -1) return [{ used: length, count: BigInt(operations) ** BigInt(length) }];
  return Array.from({ length: length + 1 }, (_, used) => ({ used, count: BigInt(operations - 1) ** BigInt(used) }));
}

/** How many distinct networks a space has. */
export function distinctCount(space: Space): bigint {
  return runsOf(space).reduce((total, run) => total * networksOf(run).reduce((sum, { count }) => sum + count, 0n), 1n);
}

/** The network of a number from 0 to `distinctCount` − 1, as a canonical path; every network has one number. */
function distinctPath(space: Space, number: bigint): Path {
  let rest = number;
  return runsOf(space).flatMap((run) => {
    const choices = networksOf(run);
    const total = choices.reduce((sum, { count }) => sum + count, 0n);
    let within = rest % total;
    rest /= total;
    const chosen = choices.find(({ count }) => {
      if (within < count) return true;
      within -= count;
      return false;
    })!;
    const others = Array.from({ length: run.operations }, (_, index) => index).filter((index) => index !== run.skip);
    const part: number[] = [];
    for (let place = 0; place < chosen.used; place++) {
      part.push(others[Number(within % BigInt(others.length))]!);
      within /= BigInt(others.length);
    }
    while (part.length < run.length) part.push(run.skip);
    return part;
  });
}

/** A stream's integers are exact up to 53 bits; of more networks than this, repetitions are too rare to need a list. */
const largestNumbered = 2n ** 40n;

/**
 * `count` distinct networks, every set of them equally likely, as canonical paths. A smaller count gives the beginning of a
 * larger one. At most `distinctCount`; throws RangeError for more.
 */
export function sampleDistinct(space: Space, count: number, stream: RandomStream): Path[] {
  const total = distinctCount(space);
  if (!Number.isInteger(count) || count < 0 || BigInt(count) > total) {
    throw new RangeError(`${count} networks, allowed: a whole number from 0 to ${total}, the networks of the space`);
  }
  if (total > largestNumbered) return sampleFromMany(space, count, stream);
  // Fisher and Yates, forwards, on a list of which only what was moved is kept.
  const moved = new Map<number, number>();
  return Array.from({ length: count }, (_, place) => {
    const other = place + stream.integer(Number(total) - place);
    const number = moved.get(other) ?? other;
    moved.set(other, moved.get(place) ?? place);
    return distinctPath(space, BigInt(number));
  });
}

/** So many networks that a draw hardly ever repeats one; a repetition is drawn again. */
function sampleFromMany(space: Space, count: number, stream: RandomStream): Path[] {
  const total = distinctCount(space);
  // 64 bits more than the total has, so that its remainder is uniform but for 2^-64.
  const words = Math.ceil((total.toString(2).length + 64) / 32);
  const drawn = new Map<bigint, Path>();
  while (drawn.size < count) {
    let bits = 0n;
    for (let word = 0; word < words; word++) bits = (bits << 32n) | BigInt(stream.integer(2 ** 32));
    const number = bits % total;
    if (!drawn.has(number)) drawn.set(number, distinctPath(space, number));
  }
  return [...drawn.values()];
}
