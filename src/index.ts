/** The public library: search spaces, samplers, training, search. Everything that is not named here is private. */
export { type ConfigRequest, loadConfig, parseConfig, stringifyConfig } from './config/load.ts';
export type { RunConfig } from './config/schema.ts';
export { createTrainingBatches, takeStack } from './data/batches.ts';
export { loadCifar10 } from './data/cifar10.ts';
export type { DataSet, ImageSet } from './data/dataset.ts';
export type { TrainingBatches } from './data/epoch.ts';
export { type ErrorCode, exitCodes, GreedynasError } from './errors.ts';
export { createPathPredictor } from './predictors/path-predictor.ts';
export type { Predictor } from './predictors/predictor.ts';
export { createStream, type RandomStream, restoreStream } from './random/stream.ts';
export { createGreedySampler, type GreedySampler, type GreedySamplerOptions } from './sampling/greedy.ts';
export { type CandidatePool, createPool, type PoolEntry } from './sampling/pool.ts';
export { parsePool } from './sampling/pool-file.ts';
export type { Ranking, RankingRound, RankPaths, SampledStep, Sampler } from './sampling/sampler.ts';
export { createUniformSampler } from './sampling/uniform.ts';
export { type Candidate, createCachedEvaluator, type Evaluate, rankCandidates } from './search/evaluator.ts';
export { createEvolution, type EvolutionOptions, evolve } from './search/evolution.ts';
export type { GenerationOptions, GenerationSearch } from './search/generations.ts';
export { checkLimits, type Limits, samplePathUnder } from './search/limits.ts';
export { createNsga2, type Nsga2Options } from './search/nsga2.ts';
export { createPredictorSearch, type PredictorSearchOptions } from './search/predictor-search.ts';
export { createRandomSearch, type RandomSearchOptions, searchRandom } from './search/random.ts';
export { createRegularizedEvolution, type RegularizedEvolutionOptions } from './search/regularized-evolution.ts';
export type { Comparison, FoundPath, SearchResult } from './search/result.ts';
export { type RunSearchRequest, searchRun } from './search/run-search.ts';
export { runSearch, type Search, type SearchEnd, type SearchOptions } from './search/search.ts';
export type { SearchOutcome, SearchSurroundings } from './search/supernet-search.ts';
export {
  type CostTable,
  costTable,
  describePath,
  flopsRange,
  formatFlops,
  parseFlops,
  pathCount,
  pathFlops,
  pathLatency,
  pathParams,
} from './space/cost.ts';
export { formatGenotype, parseGenotype, validatePath } from './space/genotype.ts';
export { parseLatency, withLatency } from './space/latency.ts';
export { type LatencyTable, readLatencyTable } from './space/latency-table.ts';
export { buildSpace, type SpaceOptions, spacePresetNames } from './space/presets.ts';
export type { Latency, Layer, Operation, Path, Space } from './space/space.ts';
export { createSubnetSession, createSupernetSession, type SessionOptions } from './supernet/session.ts';
export { readSubnet, type SubnetDescription } from './supernet/subnet.ts';
export type { ImageBatch, Scores, StackName, StepResult, Supernet } from './supernet/supernet.ts';
export { correctedImages, type RunCost } from './training/cost.ts';
export { type TrainRequest, trainInFolder } from './training/session.ts';
export type { SupernetRunResult, TrainingSurroundings } from './training/supernet-run.ts';
export { type TrainerOptions, type TrainingResult, trainSupernet } from './training/trainer.ts';
