/**
 * Measures how long each operation of a space takes on this device, in inference, as a latency table; and how well the
 * sums of the table agree with whole networks.
 *
 * Each distinct operation (layers of equal shape share theirs) is an endpoint of one graph with its input on the device,
 * beside the stem, the head, and a few random networks. All endpoints take turns, in another order each round, so that
 * what else the machine does falls on all of them alike; the median counts. What a call costs before it computes anything
 * is measured by an endpoint that computes nothing, taken off every part, and counted once, in the fixed part.
 */
import { type EngineOptions, loadAddon } from '../engine/addon.ts';
import { type Feed, openSession } from '../engine/session.ts';
import { addInitialise } from '../graph/checkpoint.ts';
import { Graph, type Tensor } from '../graph/graph.ts';
import { everyNthPixel } from '../graph/ops/shapes.ts';
import { permutation, type RandomStream } from '../random/stream.ts';
import { uniformPath } from '../sampling/uniform.ts';
import { blockSides } from '../space/cost.ts';
import { operationToken } from '../space/genotype.ts';
import { keepsShape, type Latency, type Layer, type Operation, type Path, type Space } from '../space/space.ts';
import { quantile } from '../statistics/percentile.ts';
import { buildHead, buildNetwork, buildOperation, buildStem, type NetworkOptions } from './network.ts';

export interface MeasureOptions {
  readonly engine: EngineOptions;
  /** Images at once. */
  readonly batch: number;
  /** Rounds that count, from 1. */
  readonly repeats: number;
  /** Rounds before these; the first of them compiles. From 1. */
  readonly warmup: number;
  /** Random whole networks to check the sums with. */
  readonly networks: number;
  /** Seconds. */
  readonly clock: () => number;
  /** Draws the networks, and the order of each round. */
  readonly stream: RandomStream;
  /** Called after each round. */
  readonly onRound?: (round: number, rounds: number) => void;
}

/** A whole network: what the table says, and what it took. Milliseconds. */
export interface CheckedNetwork {
  readonly path: Path;
  readonly predicted: number;
  readonly measured: number;
}

export interface MeasuredLatency {
  readonly latency: Latency;
  /** Milliseconds of a call that computes nothing; part of `latency.fixed`. */
  readonly overhead: number;
  /**
   * How much single runs differ: the range of their middle half as a share of their median, of the median endpoint. Some
   * hundredths on a quiet machine; tenths say that something else was at work, and that the table is not worth much.
   */
  readonly spread: number;
  readonly checks: readonly CheckedNetwork[];
}

/** Blocks TensorFlow and this process for the whole time. */
export function measureLatency(space: Space, options: MeasureOptions): MeasuredLatency {
  const paths = Array.from({ length: options.networks }, () => uniformPath(space, options.stream));
  const { graph, endpoints } = compileParts(space, options.batch, paths);
  const session = openSession(loadAddon(options.engine), graph.encode());
  try {
    session.run({ 'seed:0': { shape: [], values: Int32Array.of(0) } }, ['initialise:0']);
    const images: Feed = {
      shape: [options.batch, space.resolution, space.resolution, 3],
      values: new Uint8Array(options.batch * space.resolution ** 2 * 3).fill(128),
    };
    const times = medianTimes(
      endpoints,
      (endpoint) => {
        const seesImages = endpoint === stemEndpoint || endpoint.startsWith(networkPrefix);
        session.run(seesImages ? { 'images:0': images } : {}, [`${endpoint}:0`]);
      },
      options,
    );
    return tableFrom(space, paths, times);
  } finally {
    session.close();
  }
}

const [emptyEndpoint, stemEndpoint, headEndpoint, networkPrefix] = ['empty', 'stem_alone', 'head_alone', 'network_'];

/** One name for operations that compute the same; null where nothing is computed. */
function endpointOf(layer: Layer, operation: Operation, side: number): string | null {
  if (operation.kind === 'identity' && keepsShape(layer)) return null;
  return `part_${side}_${layer.inChannels}_${layer.outChannels}_${layer.stride}_${operationToken(operation)}`;
}

function compileParts(space: Space, batch: number, paths: readonly Path[]): { graph: Graph; endpoints: string[] } {
  const graph = new Graph();
  const scope = graph.main;
  const side = blockSides(space);
  const endpoints = [emptyEndpoint];
  const network = (path: Path): NetworkOptions => ({
    graph,
    space,
    choice: { kind: 'fixed', path },
    mode: { statistics: 'running' },
    pass: '',
    mean: [0.5, 0.5, 0.5],
    deviation: [0.25, 0.25, 0.25],
    zeroGamma: false,
  });
  const options = network([]);
  /** Random activations that lie on the device; one tensor for each shape. */
  const input = (pixels: number, channels: number): Tensor =>
    scope.read(
      graph.sharedVariable(`input/${pixels}x${channels}`, {
        shape: [batch, pixels, pixels, channels],
        initial: { kind: 'normal', deviation: 1 },
        trainable: false,
        saved: false,
      }),
    );
  // A value that is not fetched would be optimised away; one pixel of it costs next to nothing.
  const output = (name: string, x: Tensor, pixels: number): void => {
    graph.output(name, everyNthPixel(scope, x, pixels));
    endpoints.push(name);
  };

  graph.output(emptyEndpoint, scope.constant(0, 'float32'));
  const images = graph.placeholder('images', 'uint8', [batch, space.resolution, space.resolution, 3]);
  const stemSide = side.stem.at(-1)?.output ?? space.resolution;
  output(stemEndpoint, buildStem(images, options), stemSide);
  for (const [index, layer] of space.layers.entries()) {
    const { input: before, output: after } = side.layers[index]!;
    for (const operation of layer.operations) {
      const name = endpointOf(layer, operation, before);
      if (name === null || endpoints.includes(name)) continue;
      output(name, buildOperation(input(before, layer.inChannels), layer, operation, options), after);
    }
  }
  const last = space.layers.at(-1);
  const features = input(side.layers.at(-1)?.output ?? stemSide, last?.outChannels ?? 3);
  graph.output(headEndpoint, buildHead(features, options));
  endpoints.push(headEndpoint);
  for (const [index, path] of paths.entries()) {
    graph.output(`${networkPrefix}${index}`, buildNetwork(images, network(path)));
    endpoints.push(`${networkPrefix}${index}`);
  }
  addInitialise(graph, [...graph.variables.values()], graph.placeholder('seed', 'int32', []), 'initialise');
  return { graph, endpoints };
}

/** Milliseconds of an endpoint. */
export interface EndpointTime {
  readonly median: number;
  /** The range of the middle half of its runs, as a share of the median. */
  readonly spread: number;
}

/** The times of each endpoint over `repeats` rounds, each of which runs all of them in a new order. */
export function medianTimes(
  endpoints: readonly string[],
  run: (endpoint: string) => void,
  { repeats, warmup, clock, stream, onRound }: Omit<MeasureOptions, 'engine' | 'batch' | 'networks'>,
): ReadonlyMap<string, EndpointTime> {
  const times = new Map<string, number[]>(endpoints.map((endpoint) => [endpoint, []]));
  for (let round = 0; round < warmup + repeats; round++) {
    for (const index of permutation(stream, endpoints.length)) {
      const endpoint = endpoints[index]!;
      const start = clock();
      run(endpoint);
      if (round >= warmup) times.get(endpoint)!.push((clock() - start) * 1000);
    }
    onRound?.(round + 1, warmup + repeats);
  }
  return new Map(
    [...times].map(([endpoint, samples]) => {
      const median = quantile(samples, 0.5);
      return [endpoint, { median, spread: (quantile(samples, 0.75) - quantile(samples, 0.25)) / median }];
    }),
  );
}

function tableFrom(space: Space, paths: readonly Path[], times: ReadonlyMap<string, EndpointTime>): MeasuredLatency {
  const overhead = times.get(emptyEndpoint)!.median;
  const alone = (endpoint: string): number => Math.max(0, times.get(endpoint)!.median - overhead);
  const side = blockSides(space);
  const latency = {
    fixed: overhead + alone(stemEndpoint) + alone(headEndpoint),
    layers: space.layers.map((layer, index) =>
      layer.operations.map((operation) => {
        const endpoint = endpointOf(layer, operation, side.layers[index]!.input);
        return endpoint === null ? 0 : alone(endpoint);
      }),
    ),
  };
  const checks = paths.map((path, index) => ({
    path,
    predicted: path.reduce((sum, operation, layer) => sum + latency.layers[layer]![operation]!, latency.fixed),
    measured: times.get(`${networkPrefix}${index}`)!.median,
  }));
  const spreads = [...times.values()].map(({ spread }) => spread);
  return { latency, overhead, spread: quantile(spreads, 0.5), checks };
}
