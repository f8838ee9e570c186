/** GreedyNAS' multi-path sampling with rejection and a candidate pool (You et al., CVPR 2020, sections 3.2 and 3.3). */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { type RandomStream, restoreStream } from '../random/stream.ts';
import { costTable, flopsRange, pathFlops } from '../space/cost.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import { epsilonAt } from './epsilon.ts';
import { type CandidatePool, createPool, type PoolOptions, restorePool } from './pool.ts';
import type { RankPaths, SampledStep, Sampler, StopCheck } from './sampler.ts';
import { countSchema, pathSchema, readSaved, savedStateError, streamStateSchema } from './saved-state.ts';
import { createStepOrder, lastStepSchema } from './step-order.ts';
import { createStopRule, type StopRuleOptions, stopRuleStateSchema } from './stop-rule.ts';
import { uniformPath } from './uniform.ts';

export interface GreedySamplerOptions {
  readonly space: Space;
  readonly stream: RandomStream;
  /** m: paths drawn for one ranking; the paper's 10. */
  readonly paths: number;
  /** k: the best of them that are trained, one a step; the paper's 5. */
  readonly keep: number;
  /** Capacity of the candidate pool; the paper's 1000. */
  readonly pool: number;
  /** Most multiply-adds of a path in the pool; null: no limit. Paths over it may still be trained. The paper's 330M. */
  readonly flopsLimit: number | null;
  /** ε at the last step, 0 … 1; the paper's 0.8. */
  readonly epsilon: number;
  /** Steps of plain uniform sampling at the start, without any evaluation; the paper's 10,000. */
  readonly warmupSteps: number;
  /** Steps of the whole training; ε is reached in the last one, `totalSteps` − 1. */
  readonly totalSteps: number;
  /** The stop rule, or null to train to the end. */
  readonly stop: StopRuleOptions | null;
  /** Which ranked paths are offered to the pool: all m (the reference, default), or only the k that are trained. */
  readonly offered?: 'all' | 'top';
  /** What `state()` of an earlier sampler returned; its random stream replaces `stream`. */
  readonly state?: unknown;
}

export interface GreedySampler extends Sampler {
  readonly pool: CandidatePool;
  /** Every comparison of the stop rule so far. */
  readonly checks: readonly StopCheck[];
  /** How often m paths were ranked. */
  readonly rounds: number;
  /** Paths scored so far; without racing, times the ranking images, these are the images evaluated of the cost ledger. */
  readonly evaluated: number;
}

interface Draw {
  readonly path: Path;
  readonly fromPool: boolean;
}

/**
 * After warm-up, whenever the queue is empty: draws m paths, each from the pool with probability ε, else uniformly;
 * scores them; offers them to the pool; queues the k best. Each step then trains the next of the queue, best first, so
 * that a ranking happens once in k steps.
 *
 * Draws are independent and may repeat (small spaces, small pools). A path drawn twice is scored once, offered to the
 * pool once and counted once as evaluated, but keeps both its places in the ranking, so that always k steps follow.
 *
 * Throws GreedynasError (usage) for options that contradict each other, (io) for a `state` that is damaged or of other
 * options.
 */
export function createGreedySampler(options: GreedySamplerOptions): GreedySampler {
  checkOptions(options);
  const { space, paths: drawn, keep, warmupSteps, totalSteps, offered = 'all' } = options;
  const saved = options.state === undefined ? null : readState(options, options.state);
  const stream = saved === null ? options.stream : restoreStream(saved.stream);
  const pool =
    saved === null
      ? createPool(poolOptions(options))
      : restorePool(space, poolOptions(options), saved.pool, `${stateName}: pool`);
  const stopRule = options.stop === null ? null : createStopRule(options.stop, saved?.stop ?? undefined);
  const schedule = { epsilon: options.epsilon, from: warmupSteps, to: totalSteps - 1 };
  const order = createStepOrder(saved?.lastStep ?? -1);
  let queue: readonly Draw[] = saved?.queue ?? [];
  let rounds = saved?.rounds ?? 0;
  let evaluated = saved?.evaluated ?? 0;

  function draw(epsilon: number): Draw {
    const fromPool = stream.uniform() < epsilon && pool.size > 0;
    return { path: fromPool ? pool.sample(stream) : uniformPath(space, stream), fromPool };
  }

  /** Fills the queue; returns how many paths were scored. */
  function rank(epsilon: number, rankPaths: RankPaths): number {
    const draws = Array.from({ length: drawn }, () => draw(epsilon));
    const byKey = new Map<string, Draw[]>();
    for (const each of draws) byKey.set(pathKey(each.path), [...(byKey.get(pathKey(each.path)) ?? []), each]);
    const distinct = [...byKey.values()];
    const paths = distinct.map(([first]) => first!.path);
    const { losses, order } = rankPaths({ paths, places: distinct.map((each) => each.length), keep });
    if (losses.length !== paths.length || new Set(order).size !== paths.length) {
      throw new RangeError(
        `rank: ${paths.length} paths need as many losses and places, got ${losses.length} and ${order.length}`,
      );
    }
    queue = order.flatMap((index) => distinct[index]!).slice(0, keep);
    const trained = new Set(queue.map(({ path }) => pathKey(path)));
    for (const index of order) {
      const path = paths[index]!;
      if (offered === 'all' || trained.has(pathKey(path))) pool.offer(path, losses[index]!);
    }
    rounds += 1;
    evaluated += paths.length;
    return paths.length;
  }

  return {
    next(step, rankPaths): SampledStep {
      order.enter(step);
      if (step < warmupSteps) return { paths: [uniformPath(space, stream)], epsilon: 0, evaluated: 0, fromPool: false };
      const epsilon = epsilonAt(schedule, step);
      const scored = queue.length === 0 ? rank(epsilon, rankPaths) : 0;
      const pi = stopRule?.observe(step, pool) ?? null;
      const [chosen, ...rest] = queue;
      queue = rest;
      const { path, fromPool } = chosen!;
      return { paths: [path], epsilon, evaluated: scored, fromPool, ...(pi === null ? {} : { pi }) };
    },
    get stopped() {
      return stopRule?.stopped ?? null;
    },
    state: () =>
      structuredClone({
        method: 'greedy',
        lastStep: order.last,
        rounds,
        evaluated,
        stream: stream.state(),
        queue,
        stop: stopRule?.state() ?? null,
        pool: pool.toJSON(),
      }),
    pool,
    get checks() {
      return stopRule?.checks ?? [];
    },
    get rounds() {
      return rounds;
    },
    get evaluated() {
      return evaluated;
    },
  };
}

const stateName = 'state of the greedy sampler';

function readState({ space, keep, stop }: GreedySamplerOptions, value: unknown) {
  const schema = z.strictObject({
    method: z.literal('greedy'),
    lastStep: lastStepSchema,
    rounds: countSchema,
    evaluated: countSchema,
    stream: streamStateSchema,
    queue: z.array(z.strictObject({ path: pathSchema(space), fromPool: z.boolean() })).max(keep),
    stop: stopRuleStateSchema(space).nullable(),
    // Checked by restorePool, which also knows the gate.
    pool: z.unknown(),
  });
  const saved = readSaved(schema, value, stateName);
  if ((saved.stop === null) !== (stop === null)) {
    const written = saved.stop === null ? 'without' : 'with';
    throw savedStateError(stateName, `stop: written ${written} a stop rule, which sampling.stop contradicts`);
  }
  return saved;
}

function poolOptions({ space, pool, flopsLimit }: GreedySamplerOptions): PoolOptions {
  const table = costTable(space);
  return {
    capacity: pool,
    flops: (path) => pathFlops(table, path),
    accepts: (_path, flops) => flopsLimit === null || flops <= flopsLimit,
  };
}

function checkOptions(options: GreedySamplerOptions): void {
  const { space, paths, keep, flopsLimit, epsilon, warmupSteps, totalSteps } = options;
  requireInteger('sampling.paths', paths, 1);
  requireInteger('sampling.keep', keep, 1);
  requireInteger('sampling.warmupSteps', warmupSteps, 0);
  requireInteger('training.steps', totalSteps, 1);
  if (keep > paths) {
    throw new GreedynasError('usage', `sampling.keep: must be at most sampling.paths (${paths}), got ${keep}`);
  }
  if (!(epsilon >= 0 && epsilon <= 1)) {
    throw new GreedynasError('usage', `sampling.epsilon: must be a number from 0 to 1, got ${epsilon}`);
  }
  const { smallest, largest } = flopsRange(space);
  if (flopsLimit !== null && !(flopsLimit >= smallest)) {
    throw new GreedynasError(
      'usage',
      `sampling.flopsLimit: ${flopsLimit} lets no path of space ${space.name} into the pool; its paths have ${smallest} to ${largest} FLOPs. Give a limit from ${smallest} up, or null for none`,
    );
  }
}

function requireInteger(key: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new GreedynasError('usage', `${key}: must be an integer from ${least}, got ${value}`);
}
