/**
 * FLOPs and parameters of paths, exact to the unit, and their latency where the space knows it. FLOPs are multiply-adds of the convolutions (squeeze-and-excite
 * included) and the classifier, batch norm, activations and pooling ignored, as in the papers; parameters are the weights,
 * 2 for each batch-norm channel, and the biases of squeeze-and-excite and the classifier.
 */
import { operationToken, validatePath } from './genotype.ts';
import { nanosecondsAbove } from './latency.ts';
import {
  type FixedBlock,
  keepsShape,
  type Layer,
  type Operation,
  type Path,
  type Space,
  squeezedChannels,
} from './space.ts';

export { formatFlops, parseFlops } from './flops.ts';

/** The costs that a path can be limited by. */
export const costNames = ['flops', 'params', 'latency'] as const;
export type CostName = (typeof costNames)[number];

interface Cost {
  readonly flops: number;
  readonly params: number;
}

export interface CostTable {
  /** What every path pays: stem, head and classifier. */
  readonly fixedFlops: number;
  readonly fixedParams: number;
  /** For each layer, the cost of each of its operations. */
  readonly layers: readonly { readonly flops: readonly number[]; readonly params: readonly number[] }[];
  /** In whole nanoseconds, each rounded up; null where the space knows no latency. */
  readonly latency: { readonly fixed: number; readonly layers: readonly (readonly number[])[] } | null;
}

/** One row of the description of a path, from the image to the classifier. */
export interface PathRow extends Cost {
  readonly name: string;
  /** The genotype token of a searchable layer; `conv3`, `e1k3` or `linear` of a fixed one. */
  readonly token: string;
  readonly searchable: boolean;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Side of the square output, in pixels. */
  readonly resolution: number;
  /** Milliseconds of a searchable layer in a space that knows its latency; what is fixed has one for all of it. */
  readonly latency?: number;
}

const tables = new WeakMap<Space, CostTable>();

/** The costs of a space by layer and operation; computed once for each space object. */
export function costTable(space: Space): CostTable {
  const known = tables.get(space);
  if (known !== undefined) return known;
  const side = blockSides(space);
  const fixed = [
    ...space.stem.map((block, index) => fixedCost(block, side.stem[index]!)),
    ...space.head.map((block, index) => fixedCost(block, side.head[index]!)),
    classifierCost(space),
  ];
  const table: CostTable = {
    fixedFlops: sum(fixed.map((cost) => cost.flops)),
    fixedParams: sum(fixed.map((cost) => cost.params)),
    layers: space.layers.map((layer, index) => {
      const costs = layer.operations.map((operation) =>
        operationCost(layer, operation, side.layers[index]!, space.seRatio),
      );
      return { flops: costs.map((cost) => cost.flops), params: costs.map((cost) => cost.params) };
    }),
    latency:
      space.latency === undefined
        ? null
        : {
            fixed: nanosecondsAbove(space.latency.fixed),
            layers: space.latency.layers.map((layer) => layer.map(nanosecondsAbove)),
          },
  };
  tables.set(space, table);
  return table;
}

/** Multiply-adds of one image through a path. Throws a RangeError on a path of another space. */
export function pathFlops(costs: CostTable | Space, path: Path): number {
  return pathCost(tableOf(costs), 'flops', path);
}

/** Trainable parameters of a path's subnet. Throws a RangeError on a path of another space. */
export function pathParams(costs: CostTable | Space, path: Path): number {
  return pathCost(tableOf(costs), 'params', path);
}

/**
 * Milliseconds of a path; undefined where the space knows no latency. At most a nanosecond a part above the sum of the
 * table's entries. Throws a RangeError on a path of another space.
 */
export function pathLatency(costs: CostTable | Space, path: Path): number | undefined {
  const table = tableOf(costs);
  return table.latency === null ? undefined : pathCost(table, 'latency', path) / 1e6;
}

/** One cost as whole numbers: what every path pays, and for each layer the cost of each operation. Latency: nanoseconds. */
export function additiveCost(
  table: CostTable,
  name: CostName,
): { readonly fixed: number; readonly layers: readonly (readonly number[])[] } {
  if (name !== 'latency') {
    const fixed = name === 'flops' ? table.fixedFlops : table.fixedParams;
    return { fixed, layers: table.layers.map((layer) => layer[name]) };
  }
  if (table.latency === null) throw new RangeError('this space knows no latency');
  return table.latency;
}

/** FLOPs of the space's cheapest and of its most expensive path. */
export function flopsRange(costs: CostTable | Space): { readonly smallest: number; readonly largest: number } {
  const { fixedFlops, layers } = tableOf(costs);
  return {
    smallest: fixedFlops + sum(layers.map((layer) => Math.min(...layer.flops))),
    largest: fixedFlops + sum(layers.map((layer) => Math.max(...layer.flops))),
  };
}

/** The number of paths: the product of the layers' numbers of operations. */
export function pathCount(space: Space): bigint {
  return space.layers.reduce((count, layer) => count * BigInt(layer.operations.length), 1n);
}

/** A path block by block, with costs that add up to its FLOPs and parameters. Throws a usage error on an invalid path. */
export function describePath(space: Space, path: Path): PathRow[] {
  validatePath(space, path);
  const side = blockSides(space);
  const table = costTable(space);
  const fixedRow = (block: FixedBlock, blockSide: Sides): PathRow => ({
    name: block.name,
    token: block.kind === 'conv' ? `conv${block.kernel}` : `e${block.expansion}k${block.kernel}`,
    searchable: false,
    stride: block.stride,
    inChannels: block.inChannels,
    outChannels: block.outChannels,
    resolution: blockSide.output,
    ...fixedCost(block, blockSide),
  });
  return [
    ...space.stem.map((block, index) => fixedRow(block, side.stem[index]!)),
    ...space.layers.map(({ name, stride, inChannels, outChannels, operations }, index) => ({
      name,
      token: operationToken(operations[path[index]!]!),
      searchable: true,
      stride,
      inChannels,
      outChannels,
      resolution: side.layers[index]!.output,
      flops: table.layers[index]!.flops[path[index]!]!,
      params: table.layers[index]!.params[path[index]!]!,
      ...(space.latency === undefined ? {} : { latency: space.latency.layers[index]![path[index]!]! }),
    })),
    ...space.head.map((block, index) => fixedRow(block, side.head[index]!)),
    {
      name: 'classifier',
      token: 'linear',
      searchable: false,
      stride: 1,
      inChannels: featureChannels(space),
      outChannels: space.classes,
      resolution: 1,
      ...classifierCost(space),
    },
  ];
}

/** The sides of a block's square input and output, in pixels. */
export interface Sides {
  readonly input: number;
  readonly output: number;
}

/** The sides of every block, each list in the order of the blocks. Padding is SAME, so a stride divides the side and rounds up. */
export function blockSides(space: Space): { readonly stem: Sides[]; readonly layers: Sides[]; readonly head: Sides[] } {
  let side = space.resolution;
  const pass = ({ stride }: { readonly stride: number }): Sides => {
    const input = side;
    side = Math.ceil(side / stride);
    return { input, output: side };
  };
  return { stem: space.stem.map(pass), layers: space.layers.map(pass), head: space.head.map(pass) };
}

/** A convolution without bias and its batch norm; `side` is that of the output. Depthwise where `groups` is the width. */
function convCost(kernel: number, inChannels: number, outChannels: number, side: number, groups = 1): Cost {
  const weights = (kernel * kernel * inChannels * outChannels) / groups;
  return { flops: weights * side * side, params: weights + 2 * outChannels };
}

function bottleneckCost(
  block: { readonly inChannels: number; readonly outChannels: number; readonly stride: number },
  operation: { readonly expansion: number; readonly kernel: number },
  side: Sides,
  squeezed: number,
): Cost {
  const width = block.inChannels * operation.expansion;
  const parts = [
    convCost(operation.kernel, width, width, side.output, width),
    convCost(1, width, block.outChannels, side.output),
  ];
  if (operation.expansion !== 1) parts.push(convCost(1, block.inChannels, width, side.input));
  if (squeezed > 0) parts.push({ flops: 2 * width * squeezed, params: 2 * width * squeezed + width + squeezed });
  return { flops: sum(parts.map((part) => part.flops)), params: sum(parts.map((part) => part.params)) };
}

function operationCost(layer: Layer, operation: Operation, side: Sides, seRatio: number): Cost {
  if (operation.kind === 'identity') {
    return keepsShape(layer) ? { flops: 0, params: 0 } : convCost(1, layer.inChannels, layer.outChannels, side.output);
  }
  const squeezed = operation.se ? squeezedChannels(layer.inChannels * operation.expansion, seRatio) : 0;
  return bottleneckCost(layer, operation, side, squeezed);
}

function fixedCost(block: FixedBlock, side: Sides): Cost {
  if (block.kind === 'conv') return convCost(block.kernel, block.inChannels, block.outChannels, side.output);
  return bottleneckCost(block, block, side, 0);
}

/** The linear layer after the global average pool, with its bias. */
function classifierCost(space: Space): Cost {
  const weights = featureChannels(space) * space.classes;
  return { flops: weights, params: weights + space.classes };
}

/** The length of the vector that the classifier sees. */
export function featureChannels(space: Space): number {
  return (space.head.at(-1) ?? space.layers.at(-1) ?? space.stem.at(-1))?.outChannels ?? 3;
}

function tableOf(costs: CostTable | Space): CostTable {
  return 'fixedFlops' in costs ? costs : costTable(costs);
}

function pathCost(table: CostTable, name: CostName, path: Path): number {
  const { fixed, layers } = additiveCost(table, name);
  if (path.length !== layers.length) {
    throw new RangeError(`a path of ${path.length} operations in a space of ${layers.length} layers`);
  }
  let total = fixed;
  for (let index = 0; index < path.length; index++) {
    const cost = layers[index]![path[index]!];
    if (cost === undefined)
      throw new RangeError(`operation ${index} of a path is ${path[index]}, which its layer lacks`);
    total += cost;
  }
  return total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
