/** The path sampler that a run's config asks for. */
import type { RunConfig } from '../config/schema.ts';
import { createStream } from '../random/stream.ts';
import { createFairSampler } from '../sampling/fair.ts';
import { createFlopsBinsSampler } from '../sampling/flops-bins.ts';
import { createGreedySampler, type GreedySampler, type GreedySamplerOptions } from '../sampling/greedy.ts';
import type { CandidatePool } from '../sampling/pool.ts';
import type { Sampler } from '../sampling/sampler.ts';
import { createUniformSampler } from '../sampling/uniform.ts';
import type { Space } from '../space/space.ts';

export interface RunSampler {
  readonly sampler: Sampler;
  /** Null for samplers without one. */
  readonly pool: CandidatePool | null;
}

/** The sampler that the config asks for, going on from `state` unless it is undefined. */
export function createRunSampler(config: RunConfig, space: Space, state: unknown): RunSampler {
  const { sampling } = config;
  const common = { space, stream: createStream(config.seed, 'sampler'), state };
  switch (sampling.method) {
    case 'uniform':
      return { sampler: createUniformSampler(common), pool: null };
    case 'fair':
      return { sampler: createFairSampler(common), pool: null };
    case 'flops-bins': {
      const { bins } = sampling;
      if (bins === null) throw new Error('sampling.bins: config/constraints.ts asks for them');
      return { sampler: createFlopsBinsSampler({ ...common, bins }), pool: null };
    }
    case 'greedy': {
      const sampler = createRunGreedySampler(config, common);
      return { sampler, pool: sampler.pool };
    }
  }
}

function createRunGreedySampler(
  { sampling, training }: RunConfig,
  common: Pick<GreedySamplerOptions, 'space' | 'stream' | 'state'>,
): GreedySampler {
  return createGreedySampler({
    ...common,
    paths: sampling.paths,
    keep: sampling.keep,
    pool: sampling.pool,
    flopsLimit: sampling.flopsLimit,
    epsilon: sampling.epsilon,
    warmupSteps: sampling.warmupSteps,
    totalSteps: training.steps,
    stop: sampling.stop,
    offered: sampling.offered,
  });
}
