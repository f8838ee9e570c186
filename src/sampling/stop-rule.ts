/** GreedyNAS' stop rule: end training when the candidate pool has become steady. */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import { pathKey } from '../space/genotype.ts';
import type { Path, Space } from '../space/space.ts';
import type { CandidatePool } from './pool.ts';
import type { StopCheck } from './sampler.ts';
import { countSchema, pathSchema, readSaved } from './saved-state.ts';

export interface StopRuleOptions {
  /** Stop at π ≤ alpha, 0 … 1; the reference's 0.08. */
  readonly alpha: number;
  /**
   * Steps from one snapshot to the next, at least 2; the reference's 10,000 (the paper's own run suggests about 1,000).
   */
  readonly every: number;
}

export interface StopRuleState {
  readonly snapshot: readonly Path[] | null;
  readonly checks: readonly StopCheck[];
  readonly stopped: StopCheck | null;
}

export interface StopRule {
  /**
   * To be called once for each step after warm-up, with the pool as that step's ranking left it. Takes the snapshot P_t
   * where step % every = 0, compares where step % every = every − 1, and returns π there, else null. There is no
   * comparison before the first snapshot, and an empty pool counts as wholly new (π = 1).
   */
  observe(step: number, pool: CandidatePool): number | null;
  /** Every comparison so far, in order. */
  readonly checks: readonly StopCheck[];
  /** The first comparison with π ≤ alpha. */
  readonly stopped: StopCheck | null;
  state(): StopRuleState;
}

/**
 * π = 1 − |P_t ∩ P| / |P| ≤ α. (The slides print the overlap itself, which would stop while the pool changes most; the
 * reference code's "1 −" is meant.)
 */
export function createStopRule({ alpha, every }: StopRuleOptions, saved?: StopRuleState): StopRule {
  checkOptions(alpha, every);
  let snapshot = saved?.snapshot ?? null;
  let stopped = saved?.stopped ?? null;
  const checks = [...(saved?.checks ?? [])];
  return {
    observe(step, pool) {
      if (step % every === 0) snapshot = pool.entries().map((entry) => entry.path);
      if (step % every !== every - 1 || snapshot === null) return null;
      const check = { step, pi: shareOfNewPaths(snapshot, pool) };
      checks.push(check);
      if (check.pi <= alpha) stopped ??= check;
      return check.pi;
    },
    checks,
    get stopped() {
      return stopped;
    },
    state: () => structuredClone({ snapshot, checks, stopped }),
  };
}

/** π: the share of the pool's paths that `snapshot` did not hold. */
export function shareOfNewPaths(snapshot: readonly Path[], pool: CandidatePool): number {
  const now = pool.entries();
  if (now.length === 0) return 1;
  const before = new Set(snapshot.map(pathKey));
  const added = now.filter((entry) => !before.has(pathKey(entry.path))).length;
  return added / now.length;
}

function checkOptions(alpha: number, every: number): void {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new GreedynasError('usage', `sampling.stop.alpha: must be a number from 0 to 1, got ${alpha}`);
  }
  if (!Number.isInteger(every) || every < 2) {
    // With 1 the snapshot would be compared with itself in the same step, and training would end at once.
    throw new GreedynasError('usage', `sampling.stop.every: must be an integer from 2, got ${every}`);
  }
}

/** Throws GreedynasError (io) naming `what` if the value is not what `state()` returned for paths of `space`. */
export function readStopRuleState(space: Space, value: unknown, what = 'state of the stop rule'): StopRuleState {
  return readSaved(stopRuleStateSchema(space), value, what);
}

export function stopRuleStateSchema(space: Space): z.ZodType<StopRuleState> {
  const check = z.strictObject({ step: countSchema, pi: z.number().min(0).max(1) });
  return z.strictObject({
    snapshot: z.array(pathSchema(space)).nullable(),
    checks: z.array(check),
    stopped: check.nullable(),
  });
}
